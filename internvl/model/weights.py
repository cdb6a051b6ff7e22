"""Reading a checkpoint's weights into a network, completely and without noise."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import BitsAndBytesConfig
from transformers.utils import logging as library_logging

from internvl.model.architecture import Layout
from internvl.model.errors import ModelError
from internvl.model.int8 import quantize, read_as
from internvl.model.network import Network, original_tensors, register_names
from internvl.model.source import stored_shapes

UNQUANTIZED = ("lm_head", "model.vision_tower", "model.multi_modal_projector")
"""What bitsandbytes leaves in full precision: a quantised InternViT-6B answers nonsense."""

Progress = Callable[[float], None]
_reading = threading.Lock()


@dataclass(frozen=True)
class Placement:
    """Where the weights go, and in which precision."""

    device_map: Mapping[str, int | str]
    dtype: torch.dtype
    quantization: str = "none"
    progress: Progress | None = None

    @property
    def read_as(self) -> str:
        """The quantisation that bitsandbytes makes while reading; ours is made afterwards."""
        places = set(self.device_map.values())
        return read_as(self.quantization, "cpu" if places == {"cpu"} else "cuda")


def load_network(layout: Layout, folder: Path, placement: Placement) -> Network:
    """The network with the folder's weights.

    Raises ModelError when a tensor is missing, left over or misshapen (before anything is read), a
    file is damaged, or a device has no room.
    """
    register_names()
    _check_names(layout, folder)
    config = layout.config
    if layout.network is Network:
        head = any(name.endswith("lm_head.weight") for name in stored_shapes(folder))
        config.tie_word_embeddings = not head
    # A caller in inference mode must not freeze the one model everybody shares.
    with _reading, _quietly(placement.progress), torch.inference_mode(False):
        try:
            loaded: Any = layout.network.from_pretrained(
                folder,
                config=config,
                dtype=placement.dtype,
                device_map=dict(placement.device_map),
                quantization_config=_quantization(layout, placement),
                use_safetensors=True,
                local_files_only=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        except torch.OutOfMemoryError as error:
            raise ModelError(f"{folder} does not fit on the GPU: {_first_line(error)}") from error
        except (SafetensorError, RuntimeError, OSError, ImportError) as error:
            raise ModelError(f"{folder} can't be loaded: {_first_line(error)}") from error
        network: Network
        network, report = loaded
        _check_complete(report, folder)
        if placement.read_as != placement.quantization:
            quantize(network)
    return network


def _check_complete(report: Mapping[str, Any], folder: Path) -> None:
    misshapen = {
        f"{name} ({tuple(found)} instead of {tuple(wanted)})"
        for name, found, wanted in report["mismatched_keys"]
    }
    problems = {
        "lacks": report["missing_keys"],
        "has unexpected": report["unexpected_keys"],
        "has misshapen": misshapen,
    }
    found = [f"{verb} {_names(names)}" for verb, names in problems.items() if names]
    if found:
        raise ModelError(f"The checkpoint in {folder} {'; it '.join(found)}.")


def _check_names(layout: Layout, folder: Path) -> None:
    """Compare an original checkpoint's tensors with those the network needs, by their own names.

    An `-hf` checkpoint can have old or new names; it is checked after loading.
    """
    if layout.network is Network:
        return
    with torch.device("meta"):
        network = layout.network(layout.config)
    wanted = {name: list(tensor.shape) for name, tensor in original_tensors(network).items()}
    found = stored_shapes(folder)
    report = {
        "missing_keys": wanted.keys() - found.keys(),
        "unexpected_keys": found.keys() - wanted.keys(),
        "mismatched_keys": {
            (name, tuple(found[name]), tuple(shape))
            for name, shape in wanted.items()
            if name in found and found[name] != shape
        },
    }
    _check_complete(report, folder)


def _names(names: Iterable[str], most: int = 5) -> str:
    names = sorted(names)
    more = f" and {len(names) - most} more tensors" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") + "."


def _quantization(layout: Layout, placement: Placement) -> BitsAndBytesConfig | None:
    if placement.read_as == "none":
        return None
    # It complains on import about an optional CPU kernel.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    skipped = list(UNQUANTIZED)
    if placement.quantization == "8bit":
        return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_8bit=True, llm_int8_skip_modules=skipped
        )
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=placement.dtype,
        llm_int8_skip_modules=skipped + _not_in_blocks(layout),
    )


def _not_in_blocks(layout: Layout, block: int = 64) -> list[str]:
    """The matrices that don't divide into the blocks which share a 4-bit scale."""
    llm = layout.llm
    inputs = {
        llm.hidden_size: ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"),
        llm.num_attention_heads * (llm.hidden_size // llm.num_attention_heads): ("o_proj",),
        llm.intermediate_size: ("down_proj",),
    }
    return [name for width, names in inputs.items() if width % block for name in names]


@contextmanager
def _quietly(progress: Progress | None) -> Iterator[None]:
    """Turn the library's bar into calls of `progress`, and its report into our errors."""
    verbosity = library_logging.get_verbosity()
    library_logging.set_verbosity(logging.ERROR)
    bars = library_logging.set_tqdm_hook(lambda _, args, kwargs: _Bar(progress, *args, **kwargs))
    try:
        yield
    finally:
        library_logging.set_tqdm_hook(bars)
        library_logging.set_verbosity(verbosity)


class _Bar(library_logging.EmptyTqdm):
    """Silent; tells `progress` the fraction of the tensors that are in place."""

    def __init__(self, progress: Progress | None, items: Any = (), **_: Any) -> None:
        super().__init__(items)  # type: ignore[no-untyped-call]
        self._items, self._progress = items, progress

    def __iter__(self) -> Iterator[Any]:
        for done, item in enumerate(self._items, 1):
            yield item
            if self._progress:
                self._progress(done / len(self._items))
