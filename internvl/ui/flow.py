"""Handlers that answer, in three events: what is sent, what grows, what it came to.

Gradio makes every output of an event anew at each of its views, which costs more than a word does.
So only the components that grow are outputs while an answer is written; the others are outputs of
the events before and after. A tab answers one thing at a time.
"""

import contextlib
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from typing import Any

from internvl.ui.views import View, merged

Running = Generator[View, None, None]


class Flow:
    """The handlers that are under way, by tab."""

    def __init__(self) -> None:
        self._begun: dict[str, Running] = {}
        self._busy: set[str] = set()
        self._ends: dict[str, View] = {}
        self._lock = threading.Lock()

    def begin(self, handler: Callable[..., Iterator[View]], tab: str, *values: Any) -> View:
        """The first view of a handler; none while another one of this tab is under way."""
        with self._lock:
            if tab in self._busy or tab in self._begun:
                return {}
            running: Any = handler(*values)
            self._begun[tab] = running
        return next(running, {})

    def grow(self, tab: str, growing: Collection[str]) -> Iterator[View]:
        """The views after the first, as far as they are of the components that grow."""
        with self._lock:
            running = self._begun.pop(tab, None)
            if running is not None:
                self._busy.add(tab)
        yield {}
        if running is None:
            return
        end: View = {}
        try:
            for view in running:
                end = merged(end, {n: shown for n, shown in view.items() if n not in growing})
                yield {name: shown for name, shown in view.items() if name in growing}
            with self._lock:
                self._ends[tab] = end  # not of one that was stopped: its tab may be gone
        finally:
            running.close()
            with self._lock:
                self._busy.discard(tab)

    def end(self, tab: str) -> View:
        """What the views held besides."""
        with self._lock:
            return self._ends.pop(tab, {})

    def runs(self, tab: str) -> bool:
        """Is a handler of this tab under way?"""
        with self._lock:
            return tab in self._busy or tab in self._begun

    def close(self, tab: str) -> None:
        """Nothing of this tab is under way: it was stopped before it grew, or has gone."""
        with self._lock:
            running = self._begun.pop(tab, None)
            self._ends.pop(tab, None)
        if running is not None:
            with contextlib.suppress(ValueError):  # it is at its first view right now
                running.close()
