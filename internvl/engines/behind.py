"""An engine that is made behind the page: importing a model's libraries takes longer than a page.

    engine = EngineBehind(make)   # nothing is imported yet
    engine.begin()                # once the page is up

Until the engine is there it is `Loading(0.0)`.
"""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future

from internvl.chat import Conversation, Settings
from internvl.engines.background import in_background, until_done
from internvl.engines.base import Engine, Estimate, Event, Loading, Receipt


class EngineBehind:
    """Stands for the engine that `make` gives; the first who needs it begins making it."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._engine: Future[Engine] | None = None
        self._lock = threading.Lock()

    def begin(self) -> Future[Engine]:
        """Make the engine, if that has not begun."""
        with self._lock:
            if self._engine is None:
                self._engine = in_background(self._make)
            return self._engine

    @property
    def loading(self) -> float | None:
        """The fraction loaded; 0 until the engine is there, None when it could not be made."""
        engine = self._engine
        if engine is None or not engine.done():
            return 0.0
        return None if engine.exception() else engine.result().loading

    def estimate(self, conversation: Conversation, settings: Settings) -> Estimate:
        """As the engine's; waits for it."""
        return self.begin().result().estimate(conversation, settings)

    def prepare(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """As the engine's, `Loading` before."""
        engine = yield from self._ready()
        yield from engine.prepare(conversation, settings)

    def stream(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """As the engine's, `Loading` before."""
        engine = yield from self._ready()
        yield from engine.stream(conversation, settings)

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: Settings
    ) -> list[tuple[str, Receipt]]:
        """As the engine's; waits for it."""
        return self.begin().result().answer_batch(conversations, settings)

    def forget(self, conversation_id: str) -> None:
        """As the engine's; there is nothing to forget before it is there."""
        if self._engine is not None and self._engine.done():
            self._engine.result().forget(conversation_id)

    def _ready(self) -> Generator[Event, None, Engine]:
        engine = self.begin()
        for _ in until_done(engine):
            yield Loading(0.0)
        return engine.result()
