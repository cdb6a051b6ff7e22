"""Which device and precision a model gets, and what goes where when one GPU can't hold it."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from internvl.model.architecture import Layout
from internvl.model.device_map import plan_device_map
from internvl.model.errors import ModelError
from internvl.model.int8 import read_as
from internvl.model.processor import has_bfloat16
from internvl.model.zoo import BYTES_PER_WEIGHT, free_main_memory

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_USABLE = 0.9  # the rest of a GPU is for what is computed
RESERVE = 3 * 2**30
"""Bytes left on each GPU for what is kept between questions.

An engine keeps up to 1 GiB of visual tokens on the first GPU, and 2 GiB of keys and values beside
the layers they belong to.
"""


def choose_device(device: str) -> str:
    """The device meant by "auto", or the one named, if this machine has it.

    "cuda" stands for all NVIDIA GPUs. Raises ValueError for an unknown word, ModelError for a
    device that isn't here.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise ValueError(f"device must be auto, cpu, cuda, cuda:N or mps, not {device!r}")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if device == "auto":
        return "cuda" if gpus else "mps" if has_mps else "cpu"
    number = int(device.partition(":")[2] or 0)
    if (device.startswith("cuda") and number >= gpus) or (device == "mps" and not has_mps):
        raise ModelError(f"This machine has no device {device} ({gpus} NVIDIA GPUs); use cpu.")
    return device


def choose_dtype(device: str) -> torch.dtype:
    """The precision the device is fast in.

    GPUs: bfloat16 from compute capability 8 on, else float16. CPUs: bfloat16 with AVX512-BF16 or
    AMX, else float32.
    """
    named = torch.device(device)
    if named.type == "mps":
        return torch.float16
    if named.type == "cpu":
        return torch.bfloat16 if has_bfloat16() else torch.float32
    modern = torch.cuda.get_device_capability(named.index or 0)[0] >= 8
    return torch.bfloat16 if modern else torch.float16


def fast_in_bfloat16(device: str | torch.device) -> bool:
    """Whether bfloat16 is the precision a device is fast in."""
    return choose_dtype(str(device)) == torch.bfloat16


@dataclass(frozen=True)
class Sizes:
    """Bytes of one layer of the language model, of all its layers, and of everything else."""

    layer: int
    layers: int
    fixed: int


def measure(layout: Layout, dtype: torch.dtype, quantization: str = "none") -> Sizes:
    """What the network will weigh; only the matrices of the language model are quantised."""
    with torch.device("meta"):
        network = layout.network(layout.config)
    per_matrix = dtype.itemsize if quantization == "none" else BYTES_PER_WEIGHT[quantization]
    stack = network.model.language_model.layers
    sizes = [p.numel() * (per_matrix if p.ndim > 1 else dtype.itemsize) for p in stack.parameters()]
    stack_weights = sum(p.numel() for p in stack.parameters())
    rest = sum(p.numel() for p in network.parameters()) - stack_weights
    total = int(sum(sizes))
    return Sizes(-(-total // len(stack)), total, rest * dtype.itemsize)


def place(
    layout: Layout,
    device: str,
    dtype: torch.dtype,
    quantization: str = "none",
    max_memory: Mapping[int, int] | None = None,
    reserve: int = RESERVE,
) -> dict[str, int | str]:
    """The device map: everything on one device, or the layers spread over the GPUs.

    No GPU gets more than nine tenths of what it has free, nor more than its `max_memory` (bytes by
    GPU number). `reserve` bytes more are left on each, except where the model would be refused for
    them, or layers go to main memory for them alone. Raises ModelError when the model doesn't fit.
    """
    if quantization != "none" and device == "mps":
        raise ModelError("Quantised models run on NVIDIA GPUs and CPUs, not on mps.")
    if device == "mps":
        return {"": device}
    sizes = measure(layout, dtype, read_as(quantization, device))
    if device == "cpu":
        _check_room(sizes, free_main_memory(), "main memory")
        return {"": device}
    limits = max_memory or {}
    if device != "cuda":
        gpu = int(device.removeprefix("cuda:"))
        _check_room(sizes, _usable(gpu, limits), device)
        return {"": gpu}
    usable = [_usable(gpu, limits) for gpu in range(torch.cuda.device_count())]
    spacious = [_usable(gpu, limits, reserve) for gpu in range(len(usable))]
    spill = quantization == "none"  # quantised layers can't go to main memory
    for free, may_spill in ((spacious, False), (usable, False), (spacious, spill)):
        with contextlib.suppress(ModelError):
            return _place_on_gpus(sizes, free, may_spill)
    return _place_on_gpus(sizes, usable, spill)


def _place_on_gpus(sizes: Sizes, free: Sequence[int], spill: bool) -> dict[str, int | str]:
    """All on GPU 0 when it has the room."""
    if sizes.layers + sizes.fixed <= free[0]:
        return {"": 0}
    layers = round(sizes.layers / sizes.layer)
    plan = plan_device_map(layers, len(free), free, sizes.layer, sizes.fixed, spill=spill)
    spilled = sum(place == "cpu" for place in plan.values()) * sizes.layer
    if spilled > free_main_memory():
        raise ModelError(
            f"{spilled / 1e9:.1f} GB of the model find no room on the GPUs and in main memory; "
            "use a smaller model or a quantisation."
        )
    return plan


def _usable(gpu: int, max_memory: Mapping[int, int], reserve: int = 0) -> int:
    """Bytes that weights may take on a GPU."""
    free = torch.cuda.mem_get_info(gpu)[0]
    return max(0, min(int(free * _USABLE) - reserve, max_memory.get(gpu, free)))


def _check_room(sizes: Sizes, free: int, where: str) -> None:
    needed = sizes.layers + sizes.fixed
    if needed > free:
        raise ModelError(
            f"The model needs {needed / 1e9:.1f} GB, {where} has {free / 1e9:.1f} GB for it; use "
            "a smaller model or 4 bit."
        )
