"""Who answers. `LocalEngine` is imported on first use: a page on a remote server needs no torch."""

from typing import TYPE_CHECKING, Any

from internvl.engines.base import (
    Engine,
    EngineError,
    Estimate,
    Event,
    Loading,
    OutOfMemory,
    PromptTooLong,
    QueueFull,
    Reading,
    Receipt,
    Text,
    Waiting,
)

if TYPE_CHECKING:
    from internvl.engines.local import LocalEngine

__all__ = [
    "Engine",
    "EngineError",
    "Estimate",
    "Event",
    "Loading",
    "LocalEngine",
    "OutOfMemory",
    "PromptTooLong",
    "QueueFull",
    "Reading",
    "Receipt",
    "Text",
    "Waiting",
]


def __getattr__(name: str) -> Any:
    if name == "LocalEngine":
        from internvl.engines.local import LocalEngine

        return LocalEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
