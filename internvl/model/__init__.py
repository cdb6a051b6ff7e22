"""The network and its weights. Importing this costs no torch; its names are loaded when used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from internvl.model.checkpoint import Model, new_model
    from internvl.model.device_map import plan_device_map
    from internvl.model.errors import ModelError
    from internvl.model.loading import load_model
    from internvl.model.tokenizer import PieceStream, encode
    from internvl.model.zoo import (
        CATALOGUE,
        Entry,
        find_entry,
        fits,
        memory_needed,
        tile_size,
        tokens_per_tile,
    )

_HOMES = {
    "CATALOGUE": "zoo",
    "Entry": "zoo",
    "Model": "checkpoint",
    "ModelError": "errors",
    "PieceStream": "tokenizer",
    "encode": "tokenizer",
    "find_entry": "zoo",
    "fits": "zoo",
    "load_model": "loading",
    "memory_needed": "zoo",
    "new_model": "checkpoint",
    "plan_device_map": "device_map",
    "tile_size": "zoo",
    "tokens_per_tile": "zoo",
}

__all__ = [
    "CATALOGUE",
    "Entry",
    "Model",
    "ModelError",
    "PieceStream",
    "encode",
    "find_entry",
    "fits",
    "load_model",
    "memory_needed",
    "new_model",
    "plan_device_map",
    "tile_size",
    "tokens_per_tile",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
