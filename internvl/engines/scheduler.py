"""Sharing one machine fairly: conversations take turns, answers come before preparation.

A generator takes a ticket, and around every short step (a tile, a piece of the prompt, a token)

    with scheduler.enter(answer=True) as ticket:
        yield from ticket.wait()
        with ticket.step():
            ...

so that it never holds the machine while its reader is slow. At most `active` answers take turns;
the ones after them wait in line, at most `waiting` of them.
"""

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from internvl.engines.base import QueueFull, Waiting

PATIENCE = 0.2
"""Seconds after which a waiting ticket reports its place."""

RECENT = 16
"""Answers whose seconds are remembered, to tell those in line how long it may take."""

QUIET = 1.0
"""Seconds without a step of any answer after which preparation goes on although one is open."""


class Scheduler:
    """Hands out tickets. Raises QueueFull when the line is full."""

    def __init__(self, active: int = 8, waiting: int = 32) -> None:
        self._active = active
        self._waiting = waiting
        self._change = threading.Condition()
        self._answers: list[Ticket] = []
        self._ready: list[Ticket] = []
        self._running: Ticket | None = None
        self._last_step = 0.0
        self._lasted = deque[float](maxlen=RECENT)

    def enter(self, *, answer: bool) -> "Ticket":
        """A ticket for an answer, or for preparation, to be used in a `with`."""
        ticket = Ticket(self, answer)
        with self._change:
            if answer:
                if len(self._answers) >= self._active + self._waiting:
                    raise QueueFull(
                        f"{len(self._answers)} questions are being answered or waiting, the most "
                        "this machine takes. Please try again in a minute.",
                        questions=len(self._answers),
                    )
                self._answers.append(ticket)
        return ticket


class Ticket:
    """A place among those who use the machine."""

    def __init__(self, scheduler: Scheduler, answer: bool) -> None:
        self._scheduler = scheduler
        self._answer = answer
        self._began = 0.0

    def wait(self) -> Generator[Waiting, None, None]:
        """Return when the machine is this ticket's, reporting the place every 0.2 s until then."""
        scheduler = self._scheduler
        try:
            with scheduler._change:
                scheduler._ready.append(self)
            while not self._take():
                yield self._place()
        finally:
            with scheduler._change:
                scheduler._ready.remove(self)

    @contextmanager
    def step(self) -> Iterator[None]:
        """The machine, after `wait`; given to the next one on leaving."""
        scheduler = self._scheduler
        try:
            yield
        finally:
            with scheduler._change:
                scheduler._running = None
                if self._answer:
                    scheduler._last_step = time.monotonic()
                scheduler._change.notify_all()

    def __enter__(self) -> "Ticket":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Make room for those in line."""
        scheduler = self._scheduler
        with scheduler._change:
            if self in scheduler._answers:
                if self._began:
                    scheduler._lasted.append(time.monotonic() - self._began)
                scheduler._answers.remove(self)
            scheduler._change.notify_all()

    def _take(self) -> bool:
        scheduler = self._scheduler
        with scheduler._change:
            if scheduler._change.wait_for(self._is_next, PATIENCE):
                scheduler._running = self
                self._began = self._began or time.monotonic()
                return True
            return False

    def _is_next(self) -> bool:
        scheduler = self._scheduler
        if scheduler._running is not None or not self._may_run():
            return False
        return self is next(ticket for ticket in scheduler._ready if ticket._may_run())

    def _may_run(self) -> bool:
        """Active answers always; preparation when no answer is open or all are idle."""
        scheduler = self._scheduler
        if self._answer:
            return self in scheduler._answers[: scheduler._active]
        quiet = time.monotonic() - scheduler._last_step > QUIET
        return not scheduler._answers or (
            quiet and not any(ticket._answer and ticket._may_run() for ticket in scheduler._ready)
        )

    def _place(self) -> Waiting:
        """1 is next: among all answers for one in line, among those taking turns otherwise.

        One in line moves up whenever one of the active answers ends; their seconds are measured.
        """
        scheduler = self._scheduler
        with scheduler._change:
            if self._answer and not self._may_run():
                place = scheduler._answers.index(self) - scheduler._active + 1
                lasted = scheduler._lasted
                each = sum(lasted) / len(lasted) / scheduler._active if lasted else None
                return Waiting(place, each and place * each)
            return Waiting(scheduler._ready.index(self) + 1)
