"""`load_model`: each model once per process, on the device and in the precision asked for."""

import threading
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from internvl.model.architecture import read_layout
from internvl.model.attention import attend_on_cpu
from internvl.model.checkpoint import Model, read_checkpoint
from internvl.model.errors import ModelError
from internvl.model.int8 import read_as
from internvl.model.placement import DTYPES, choose_device, choose_dtype, place
from internvl.model.source import find_checkpoint, read_json, weight_files
from internvl.model.weights import Placement, Progress
from internvl.model.zoo import BYTES_PER_WEIGHT

_guard = threading.Lock()
_locks: dict[Any, threading.Lock] = {}
_models: dict[Any, tuple[Any, Model]] = {}


def load_model(
    name_or_folder: str | Path,
    quantization: str = "none",
    device: str = "auto",
    dtype: str = "auto",
    progress: Progress | None = None,
    max_memory: Mapping[int, int] | None = None,
) -> Model:
    """The model in a folder (original or `-hf` layout), or of a Hugging Face id.

    `quantization` is "none", "8bit" or "4bit" (of the language model only). `device` "auto" takes
    the GPUs, else the CPU; "cuda" spreads a model that one GPU can't hold over all of them. No GPU
    gets more than its `max_memory` (bytes by GPU number). `dtype` "auto" is what the device is fast
    in. `progress` hears the fraction that is fetched and loaded, 0 to 1 (while fetching from other
    threads).

    The same checkpoint, quantisation, device and dtype give the same object for the whole process;
    a checkpoint that was written anew is read anew. Raises ValueError for an unknown word,
    ModelError when the model can't be found, read or placed.
    """
    _check_word("quantization", quantization, BYTES_PER_WEIGHT)
    _check_word("dtype", dtype, ("auto", *DTYPES))
    device = choose_device(device)
    if read_as(quantization, device) != "none" and not find_spec("bitsandbytes"):
        raise ModelError(
            f"{quantization} needs bitsandbytes, which is not installed; "
            "run pip install -r requirements-cuda.txt."
        )
    chosen = choose_dtype(device) if dtype == "auto" else DTYPES[dtype]
    fraction = _Fraction(progress)
    with _lock(str(name_or_folder)):
        folder = find_checkpoint(name_or_folder, fraction.fetched)
    limits = tuple(sorted((max_memory or {}).items()))
    key = (folder, quantization, device, chosen, limits)
    with _lock(key):
        state = _state(folder)
        if key not in _models or _models[key][0] != state:
            _models.pop(key, None)
            layout = read_layout(read_json(folder / "config.json"))
            device_map = place(layout, device, chosen, quantization, dict(limits))
            placement = Placement(device_map, chosen, quantization, fraction.loaded)
            name = Path(name_or_folder).name or folder.name
            _models[key] = state, read_checkpoint(folder, name, placement)
            if device == "cpu":
                attend_on_cpu(_models[key][1].network)
        model = _models[key][1]
    fraction.loaded(1.0)
    return model


class _Fraction:
    """Fetching and loading as one fraction; what has to be fetched takes nearly all the time."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._start = 0.0

    def fetched(self, fraction: float) -> None:
        self._start = 0.9
        self._tell(self._start * fraction)

    def loaded(self, fraction: float) -> None:
        self._tell(self._start + (1 - self._start) * fraction)

    def _tell(self, fraction: float) -> None:
        if self._progress:
            self._progress(fraction)


def _lock(key: Any) -> threading.Lock:
    with _guard:
        return _locks.setdefault(key, threading.Lock())


def _state(folder: Path) -> list[tuple[str, int, int]]:
    """What changes when a checkpoint is written anew."""
    found = [(path.name, path.stat()) for path in [folder / "config.json", *weight_files(folder)]]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def _check_word(name: str, word: str, known: Collection[str]) -> None:
    if word not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {word!r}")
