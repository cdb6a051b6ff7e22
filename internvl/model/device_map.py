"""Which part of the network goes on which GPU. Pure: numbers in, placement out."""

from collections.abc import Sequence
from math import ceil

from internvl.model.errors import ModelError

FIRST_GPU = (
    "model.vision_tower",
    "model.multi_modal_projector",
    "model.language_model.embed_tokens",
    "model.language_model.rotary_emb",
    "model.language_model.norm",
    "lm_head",
)
"""What stays on GPU 0 beside the last layer; a forgotten one ends in tensors on two devices."""


def plan_device_map(
    num_layers: int,
    num_gpus: int,
    memory: Sequence[int] | None = None,
    layer_bytes: int = 0,
    fixed_bytes: int = 0,
    spill: bool = True,
) -> dict[str, int | str]:
    """The GPU (or "cpu") of every part, by native module name, for transformers' `device_map`.

    GPU 0 carries the vision tower and counts as half a GPU for layers: the others get
    ceil(num_layers / (num_gpus - 0.5)) each (InternVL's documentation), and the last layer is on
    GPU 0. With `memory` (free bytes per GPU), `layer_bytes` (one layer) and `fixed_bytes`
    (everything else, all on GPU 0) no GPU gets more than it holds: what is too much goes to the
    GPUs with room, and then, with `spill`, to main memory. Raises ModelError when it fits nowhere,
    ValueError for impossible numbers.

    >>> places = plan_device_map(32, 2).values()
    >>> sum(place == 1 for place in places)
    20
    """
    if num_layers < 1 or num_gpus < 1:
        raise ValueError(
            f"a device map needs a layer and a GPU, not {num_layers} layers and {num_gpus} GPUs"
        )
    if memory is not None and len(memory) != num_gpus:
        raise ValueError(f"{num_gpus} GPUs, but memory limits for {len(memory)}")
    counts = _even_counts(num_layers, num_gpus)
    if memory is not None:
        counts = _limit(counts, _room(memory, layer_bytes, fixed_bytes))
    spilled = num_layers - sum(counts)
    if spilled and not spill:
        raise ModelError(
            f"{spilled} of {num_layers} layers ({_gigabytes(spilled * layer_bytes)}) find no room "
            f"on {num_gpus} GPUs with {_gigabytes(sum(memory or ()))} free; use a smaller model, "
            "a stronger quantisation or more GPUs."
        )
    return dict.fromkeys(FIRST_GPU, 0) | _layers(counts, spilled)


def _even_counts(num_layers: int, num_gpus: int) -> list[int]:
    """Layers per GPU, the last layer counted on GPU 0."""
    share = ceil(num_layers / (num_gpus - 0.5))
    left = num_layers - 1
    counts = []
    for gpu in range(num_gpus):
        count = min(left, share if gpu else ceil(share * 0.5))
        counts.append(count)
        left -= count
    counts[0] += 1
    return counts


def _room(memory: Sequence[int], layer_bytes: int, fixed_bytes: int) -> list[int]:
    """How many layers each GPU can hold."""
    if memory[0] < fixed_bytes + layer_bytes:
        raise ModelError(
            f"GPU 0 has {_gigabytes(memory[0])} free; the vision tower, the embeddings and one "
            f"layer need {_gigabytes(fixed_bytes + layer_bytes)}. Use a smaller model or the CPU."
        )
    free = [memory[0] - fixed_bytes, *memory[1:]]
    return [max(0, bytes_free) // max(1, layer_bytes) for bytes_free in free]


def _limit(counts: list[int], room: list[int]) -> list[int]:
    """The counts within each GPU's room; what is over goes, one by one, where most room is left."""
    limited = [min(count, most) for count, most in zip(counts, room, strict=True)]
    for _ in range(sum(counts) - sum(limited)):
        left = [most - count for most, count in zip(room, limited, strict=True)]
        if max(left) > 0:
            limited[left.index(max(left))] += 1
    return limited


def _layers(counts: list[int], spilled: int) -> dict[str, int | str]:
    """The layers in order: GPU 0, 1, ..., main memory; the last one on GPU 0."""
    places: list[int | str] = [0] * (counts[0] - 1)
    for gpu, count in enumerate(counts[1:], 1):
        places += [gpu] * count
    places += ["cpu"] * spilled + [0]
    return {f"model.language_model.layers.{n}": place for n, place in enumerate(places)}


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
