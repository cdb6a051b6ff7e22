"""Handlers that answer, in three events: what is sent, what grows, what it came to.

Gradio makes every output of an event anew at each of its views, which costs more than a word does.
So only the components that grow are outputs while an answer is written; the others are outputs of
the events before and after. A tab answers one thing at a time.

An answer that is stopped ends by itself, and its last event comes all the same. Cancelled, its
views that the browser has not drawn yet would be drawn after that of Stop, or over another chat.

Nobody tells when a browser has drawn a view. Given more than it can draw, a slow one falls behind,
and Stop can't even be pressed. How long it takes from the first view to asking for more, with the
network's and the queue's share, tells its pace.
"""

import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from internvl.ui.views import View, merged

PACE = 0.2, 1.0
"""Seconds between two views of an answer: this share of those from its first view to its next
event, which draws the whole page where the others draw the chat, and at most so many."""
Running = Generator[View, None, None]
STOPPING_SECONDS = 10.0
"""How long a stop waits for the next view: a step can take seconds on a slow processor."""


@dataclass
class _Run:
    """A handler that is under way, and when its first view was sent, if it was."""

    handler: Callable[..., Iterator[View]]
    views: Running
    sent: float | None = None
    grows: bool = False
    stopped: bool = False


class Flow:
    """The handlers that are under way, by tab."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._ends: dict[str, View] = {}
        self._left: set[str] = set()
        self._changed = threading.Condition()

    def begin(self, handler: Callable[..., Iterator[View]], tab: str, *values: Any) -> View:
        """The first view of a handler; none while another one of this tab is under way.

        One that was stopped is waited for, but not for ever.
        """
        views: Any = handler(*values)
        with self._changed:
            before = self._runs.get(tab)
            if before is not None and before.stopped:
                self._wait_for(tab, before, STOPPING_SECONDS)
            if tab in self._runs:
                return {}
            run = self._runs[tab] = _Run(handler, views)
            self._left.discard(tab)
        try:
            first: View = next(views, {})
        finally:
            with self._changed:
                run.sent = time.monotonic()
                run.grows = run.stopped
            if run.stopped:
                self._finish(tab, run)
        return first

    def grow(
        self, handler: Callable[..., Iterator[View]], tab: str, growing: Collection[str]
    ) -> Iterator[View]:
        """The views of a handler after the first, as far as they are of the components that grow.

        Those that come faster than the browser can draw them are put together.
        """
        with self._changed:
            run = self._runs.get(tab)
            if run and (run.handler != handler or run.sent is None or run.grows):
                run = None  # another one is under way
            if run:
                run.grows = True
        if run is None or run.sent is None:
            yield {}
            return
        share, most = PACE
        pace, drawn = min(most, share * (time.monotonic() - run.sent)), 0.0
        end: View = {}
        held: View = {}
        try:
            yield {}
            for view in run.views:
                if run.stopped:
                    return
                end = merged(end, {n: shown for n, shown in view.items() if n not in growing})
                held = merged(held, {n: shown for n, shown in view.items() if n in growing})
                if time.monotonic() - drawn >= (pace if held else most):
                    yield held  # at times also nothing: only here can the generator be closed
                    held, drawn = {}, time.monotonic()
            if held:
                yield held
            with self._changed:
                if not run.stopped:
                    self._ends[tab] = end
        finally:
            self._finish(tab, run)

    def end(self, tab: str) -> View | None:
        """What the views held besides; None where none came to its end: stopped, or not begun."""
        with self._changed:
            return self._ends.pop(tab, None)

    def runs(self, tab: str) -> bool:
        """Is a handler of this tab under way?"""
        with self._changed:
            return tab in self._runs

    def rests(self, tab: str) -> bool:
        """Is none, and the page still the one of those before?"""
        with self._changed:
            return tab not in self._runs and tab not in self._left

    def close(self, tab: str) -> None:
        """What is under way in this tab is to end at its next view."""
        with self._changed:
            self._ends.pop(tab, None)
            run = self._runs.get(tab)
            if run is None:
                return
            run.stopped = True
            if run.grows or run.sent is None:
                return
            run.grows = True  # nobody else will end it
        self._finish(tab, run)

    def stop(self, tab: str, seconds: float = STOPPING_SECONDS) -> None:
        """`close`, and wait until it has ended, but not for ever."""
        with self._changed:
            run = self._runs.get(tab)
        self.close(tab)
        if run is not None:
            with self._changed:
                self._wait_for(tab, run, seconds)

    def leave(self, tab: str) -> None:
        """`close`, as someone else's page comes: nothing is to be drawn of this one."""
        with self._changed:
            self._left.add(tab)
        self.close(tab)

    def forget(self, tab: str) -> None:
        """`close`, as the tab has gone."""
        self.close(tab)
        with self._changed:
            self._left.discard(tab)

    def _wait_for(self, tab: str, run: _Run, seconds: float) -> None:
        """Needs the lock, and lets go of it."""
        self._changed.wait_for(lambda: self._runs.get(tab) is not run, seconds)

    def _finish(self, tab: str, run: _Run) -> None:
        try:
            run.views.close()
        finally:
            with self._changed:
                del self._runs[tab]
                self._changed.notify_all()
