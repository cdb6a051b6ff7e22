"""The published InternVL 2.5 models as data, and whether one fits this machine. Needs no torch.

Figures for choosing a model; a checkpoint that is loaded is described by its own `config.json`,
original or `-hf`, of which the size of a tile and its visual tokens are read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

CONTEXT = 16_384
"""Tokens the models were trained on; memory is reckoned for one conversation of that length."""

BYTES_PER_WEIGHT = {"none": 2.0, "8bit": 1.0, "4bit": 0.5 + 4 / 64}
"""By quantisation; 4-bit keeps a float32 scale for every 64 weights."""

WORKSPACE = 2**29
"""Bytes for what is computed on the way: one tile in the vision tower, one piece of a prompt."""

_INTERNLM = "InternLM (code Apache-2.0, weights free for research, commercial use by application)"
_QWEN_RESEARCH = "Qwen Research (non-commercial)"


@dataclass(frozen=True)
class Vision:
    """The shape of an InternViT."""

    name: str
    hidden: int
    layers: int
    heads: int
    ffn: int
    norm: str
    qkv_bias: bool
    qk_norm: bool

    @property
    def parameters(self) -> int:
        """The number of weights, patch and position embeddings included."""
        h = self.hidden
        norms = (2 if self.norm == "layer_norm" else 1) * 2 * h + 2 * h * self.qk_norm
        attention = 4 * h * h + h + 3 * h * self.qkv_bias
        layer = attention + 2 * h * self.ffn + self.ffn + h + norms + 2 * h
        return self.layers * layer + (3 * 14**2 + 1) * h + (1 + 1025) * h


@dataclass(frozen=True)
class Entry:
    """A published model: its names, its licence and its shape."""

    name: str
    vision: Vision
    llm: str
    licence: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    vocabulary: int
    rope_theta: float = 1e6
    rope_factor: float = 2.0

    @property
    def hub_id(self) -> str:
        """The model's id on huggingface.co."""
        return f"OpenGVLab/{self.name}"

    @property
    def is_qwen2(self) -> bool:
        """Is the language model a Qwen2 (or else an InternLM2)?"""
        return self.llm.startswith("Qwen")

    @property
    def kv_width(self) -> int:
        """The width of a key or a value."""
        return self.hidden // self.heads * self.kv_heads

    @property
    def layer_weights(self) -> int:
        """The weights of the language model's matrices: what quantisation makes smaller."""
        h = self.hidden
        return self.layers * (2 * h * h + 2 * h * self.kv_width + 3 * h * self.ffn)

    @cached_property
    def parameters(self) -> int:
        """The number of weights of the whole model."""
        h, unshuffled = self.hidden, 4 * self.vision.hidden
        projector = 2 * unshuffled + unshuffled * h + h + h * h + h
        biases = self.is_qwen2 * self.layers * (h + 2 * self.kv_width)
        norms = (2 * self.layers + 1) * h
        llm = self.layer_weights + biases + norms + 2 * self.vocabulary * h
        return self.vision.parameters + projector + llm

    @property
    def bf16_bytes(self) -> int:
        """The size of the checkpoint, which is published in bf16."""
        return 2 * self.parameters


_VIT_300M = Vision(
    "InternViT-300M-448px-V2_5", 1024, 24, 16, 4096, "layer_norm", qkv_bias=True, qk_norm=False
)
_VIT_6B = Vision(
    "InternViT-6B-448px-V2_5", 3200, 45, 25, 12800, "rms_norm", qkv_bias=False, qk_norm=True
)

# name, vision tower, language model, its licence, hidden, layers, heads, key-value heads, ffn, ids
_SIZES = (
    Entry("InternVL2_5-1B", _VIT_300M, "Qwen2.5-0.5B-Instruct", "Apache-2.0",
          896, 24, 14, 2, 4864, 151_674),
    Entry("InternVL2_5-2B", _VIT_300M, "internlm2_5-1_8b-chat", _INTERNLM,
          2048, 24, 16, 8, 8192, 92_553),
    Entry("InternVL2_5-4B", _VIT_300M, "Qwen2.5-3B-Instruct", _QWEN_RESEARCH,
          2048, 36, 16, 2, 11008, 151_674),
    Entry("InternVL2_5-8B", _VIT_300M, "internlm2_5-7b-chat", _INTERNLM,
          4096, 32, 32, 8, 14336, 92_553),
    Entry("InternVL2_5-26B", _VIT_6B, "internlm2_5-20b-chat", _INTERNLM,
          6144, 48, 48, 8, 16384, 92_553, rope_theta=5e7, rope_factor=2.5),
    Entry("InternVL2_5-38B", _VIT_6B, "Qwen2.5-32B-Instruct", "Apache-2.0",
          5120, 64, 40, 8, 27648, 151_674),
    Entry("InternVL2_5-78B", _VIT_6B, "Qwen2.5-72B-Instruct", "Qwen",
          8192, 80, 64, 8, 29568, 152_064),
)  # fmt: skip


def _sibling(entry: Entry) -> Entry:
    """The same model after mixed preference optimisation."""
    shape = {k: v for k, v in vars(entry).items() if k in Entry.__dataclass_fields__}
    return Entry(**{**shape, "name": f"{entry.name}-MPO"})


CATALOGUE = (*_SIZES, *map(_sibling, _SIZES))
"""The seven sizes, then their MPO siblings."""


def find_entry(name: str) -> Entry | None:
    """The catalogue's entry for a name or a Hugging Face id, in any case; None if it has none.

    >>> find_entry("OpenGVLab/InternVL2_5-8B-MPO").layers
    32
    """
    wanted = name.lower().removeprefix("opengvlab/")
    return next((entry for entry in CATALOGUE if entry.name.lower() == wanted), None)


def tile_size(config: Mapping[str, Any]) -> int:
    """The side of a tile in pixels, from a `config.json`, original or `-hf`.

    Raises ValueError when it doesn't tell.

    >>> tile_size({"vision_config": {"image_size": [448, 448]}})
    448
    """
    forced = config.get("force_image_size")
    return _side("image_size", forced or _vision(config).get("image_size"))


def tokens_per_tile(config: Mapping[str, Any]) -> int:
    """The visual tokens a tile becomes, from a `config.json`: (tile / patch * downsample_ratio)^2.

    Raises ValueError when it doesn't tell.

    >>> vision = {"image_size": 448, "patch_size": 14}
    >>> tokens_per_tile({"vision_config": vision, "downsample_ratio": 0.5})
    256
    """
    patches = tile_size(config) // _side("patch_size", _vision(config).get("patch_size"))
    ratio = config.get("downsample_ratio")
    if not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise ValueError(f"downsample_ratio must be a number over 0 and up to 1, not {ratio!r}")
    return int(patches**2 * ratio**2)


def _vision(config: Mapping[str, Any]) -> Mapping[str, Any]:
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping):
        raise ValueError(f"vision_config must be an object, not {vision!r}")
    return vision


def _side(name: str, value: Any) -> int:
    """A length in pixels; `-hf` checkpoints give width and height, which are equal."""
    sides = set(value) if isinstance(value, list | tuple) else {value}
    side = sides.pop() if len(sides) == 1 else None
    if not isinstance(side, int) or side < 1:
        raise ValueError(f"{name} must be a whole number of pixels, not {value!r}")
    return side


def memory_needed(entry: Entry, quantization: str = "none") -> int:
    """Bytes for the weights (bf16 where not quantised) and one conversation of full length.

    Only the language model's layers are quantised. Raises ValueError for an unknown quantisation.
    """
    if quantization not in BYTES_PER_WEIGHT:
        known = ", ".join(BYTES_PER_WEIGHT)
        raise ValueError(f"quantization must be one of {known}, not {quantization!r}")
    rest = entry.parameters - entry.layer_weights
    weights = 2 * rest + entry.layer_weights * BYTES_PER_WEIGHT[quantization]
    keys_and_values = CONTEXT * entry.layers * 2 * entry.kv_width * 2
    return int(weights + keys_and_values + WORKSPACE)


def fits(entry: Entry, quantization: str = "none", available: int | None = None) -> bool:
    """Does the model fit `available` bytes (by default what this machine has free)?"""
    free = available_memory() if available is None else available
    return memory_needed(entry, quantization) <= free


def available_memory() -> int:
    """Free bytes for a model: those of the NVIDIA GPUs together, or else main memory."""
    import torch

    if torch.cuda.is_available():
        return sum(torch.cuda.mem_get_info(gpu)[0] for gpu in range(torch.cuda.device_count()))
    return free_main_memory()


def free_main_memory() -> int:
    """Bytes of main memory that can still be taken, within the container's limit.

    Without Linux's accounts it is the machine's whole memory.
    """
    import os

    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    return min(free, _container_rest())


def _container_rest() -> int:
    """What the control group still allows; a huge number when it sets no limit."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text("ascii").strip()
        used = int((group / "memory.current").read_text("ascii"))
        cache = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return 2**63
    return 2**63 if limit == "max" else int(limit) - used + int(cache.get("file", 0))
