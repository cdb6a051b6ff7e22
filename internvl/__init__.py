"""A demo of InternVL 2.5: chat about pictures and videos. `load_model` loads a checkpoint."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from internvl.model import load_model

__all__ = ["__version__", "load_model"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "load_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from internvl.model import load_model

    return load_model
