"""Work that must not hold up a generator: loading a model, decoding a clip."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

from internvl.engines.scheduler import PATIENCE

Result = TypeVar("Result")


def in_background(compute: Callable[[], Result]) -> Future[Result]:
    """The future of what `compute` gives or raises, computed beside the caller."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(compute())
        except BaseException as error:  # handed to whoever asks for the result
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def until_done(future: Future[Result]) -> Iterator[None]:
    """Yield every 0.2 s until the future has a result."""
    while not future.done():
        yield
        wait([future], PATIENCE)
