"""How many bytes reading and answering take beside the model, where, and what is free there.

All is known from the model's configuration before anything is computed. The terms, each the most
at any moment (`benchmarks/memory.py` measures what is really taken):

- pictures: the largest one while it is opened and cut, and a video's frames as tiles
- visual tokens of the tiles that are not known yet
- keys and values of all places and the answer, with the room they grow by, and one layer's old
  ones while it grows
- one step: a few tiles through the vision tower, or a piece of the prompt through a layer of the
  language model with that layer's keys repeated for its heads (not so on a CPU), and the logits
- on a CPU, the kernels that oneDNN makes for shapes it has not seen
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from internvl.engines.base import OutOfMemory
from internvl.engines.growing import room_for
from internvl.model.zoo import free_main_memory

if TYPE_CHECKING:
    from internvl.model import Model

PREFILL, PREFILL_ON_GPU = 256, 1024
"""Most places of a prompt that are read in one step: Stop and others' turns are to come soon.

A GPU gets more at once: on an H200 a token takes 18 ms in a 1B model, and 3 ms as a CUDA graph. The
rest is Python's.
"""

KERNELS = 128
"""Shapes whose kernels oneDNN keeps. One takes up to 0.6 MB, and it would keep 1024 of them."""

NEW_KERNELS = 24 * 2**20
"""Bytes of the kernels that one answer may need."""

MAIN = torch.device("cpu")

Bytes = Mapping[torch.device, int]
"""Bytes by place: a GPU, or `MAIN`, which Apple's GPUs share."""


@dataclass(frozen=True)
class Work:
    """What is read together: `rows` of at most `places`, the answer among them.

    `tiles` have no visual tokens yet and are read `at_once`; `pictures` are the bytes of opening
    them, `kept` those of the keys and values that are there. A padded batch embeds `embedded`
    places of each row at once.
    """

    rows: int
    places: int
    tiles: int
    at_once: int = 1
    pictures: int = 0
    kept: int = 0
    embedded: int = 0


class Memory:
    """A model's needs. Computes from numbers alone, and asks the devices what is free."""

    def __init__(self, model: "Model") -> None:
        config: Any = model.network.config
        self._llm: Any = config.text_config
        self._vit: Any = config.vision_config
        self._size = model.dtype.itemsize
        self._tile_size, self._tokens_per_tile = model.tile_size, model.tokens_per_tile
        self._first, self._most = _pool(model.device), prefill_on(model.device)
        placed: Any = getattr(model.network, "hf_device_map", {})
        names = [f"model.language_model.layers.{n}" for n in range(self._llm.num_hidden_layers)]
        self._layers = Counter(self._place(placed.get(name)) for name in names)

    def needed(self, work: Work) -> Bytes:
        """The most that the work takes, by place."""
        llm, rows, layers = self._llm, work.rows, self._layers.total()
        head = getattr(llm, "head_dim", None) or llm.hidden_size // llm.num_attention_heads
        row_of_keys = 2 * llm.num_key_value_heads * head * self._size
        layer = rows * room_for(work.places) * row_of_keys
        wide = rows * llm.hidden_size * self._size
        step = self._piece(work, head)
        need = Counter({MAIN: work.pictures})
        for place, count in self._layers.items():
            need[place] += max(count * layer - work.kept * count // layers, 0) + layer + step
        need[self._first] += work.tiles * self._tokens_per_tile * llm.hidden_size * self._size
        need[self._first] += 2 * work.embedded * wide + 3 * rows * llm.vocab_size * 4
        need[self._first] += max(min(work.tiles, work.at_once) * self._tile() - step, 0)
        need[MAIN] += NEW_KERNELS if self._first == MAIN else 0
        return need

    def free(self) -> Bytes:
        """What can still be taken in every place that is needed."""
        return {place: free_bytes(place) for place in {MAIN, self._first, *self._layers}}

    def _place(self, placed: int | str | None) -> torch.device:
        """Where a layer's keys are: one that is kept elsewhere computes on the first device."""
        if placed is None or placed in ("cpu", "disk"):
            return self._first
        return _pool(torch.device(f"cuda:{placed}" if isinstance(placed, int) else placed))

    def _piece(self, work: Work, head: int) -> int:
        """A step through a layer: of a piece of the prompt in each row."""
        llm, places = self._llm, work.rows * min(self._most, work.places)
        values = places * (3 * llm.intermediate_size + 6 * llm.hidden_size) * self._size
        in_float32 = places * (llm.hidden_size + llm.intermediate_size) * 4
        mask = places * work.places * (1 + self._size)
        repeated = 2 * work.rows * work.places * llm.num_attention_heads * head * self._size
        return int(values + in_float32 + mask + repeated)

    def _tile(self) -> int:
        """A tile through a layer of the vision tower, from its pixels in float32."""
        vit, side = self._vit, self._tile_size
        patch = vit.patch_size if isinstance(vit.patch_size, int) else vit.patch_size[0]
        patches = (side // patch) ** 2 + 1
        widths = (2 * vit.intermediate_size + 6 * vit.hidden_size) * self._size
        return int(patches * widths + 3 * side**2 * (1 + 4 + self._size))


def tightest(needed: Bytes, free: Bytes) -> tuple[int, int]:
    """Bytes needed and free in the place where least would be left, or most is lacking.

    >>> gpu = torch.device("cuda:0")
    >>> tightest({gpu: 5, MAIN: 1}, {gpu: 7, MAIN: 2})
    (1, 2)
    """
    place = min(needed, key=lambda place: free[place] - needed[place])
    return needed[place], free[place]


def prefill_on(device: torch.device) -> int:
    """Most places of a prompt that are read in one step on a device."""
    return PREFILL_ON_GPU if device.type == "cuda" else PREFILL


def check_room(needed: int, free: int | None = None) -> None:
    """Raises OutOfMemory with the numbers when more is needed than free (None: main memory)."""
    free = free_bytes(MAIN) if free is None else free
    if needed > free:
        raise OutOfMemory(
            f"This needs about {needed / 1e9:.1f} GB beside the model, and {free / 1e9:.1f} GB "
            "are free. Please use fewer tiles or frames, or start a new chat.",
            needed=needed / 1e9,
            free=free / 1e9,
        )


def bound_kernels() -> None:
    """Let oneDNN keep few kernels, if it has made none yet: every length of a prompt gets its own.

    Both its own cache and that of PyTorch, which holds on to what the other has dropped.
    """
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(KERNELS))


def _pool(device: torch.device) -> torch.device:
    """The place a device takes its memory from."""
    if device.type != "cuda":
        return MAIN
    return device if device.index is not None else torch.device("cuda:0")


def free_bytes(device: torch.device) -> int:
    """What can still be taken on a device."""
    place = _pool(device)
    if place == MAIN:
        return free_main_memory()
    idle = torch.cuda.memory_reserved(place) - torch.cuda.memory_allocated(place)
    return int(torch.cuda.mem_get_info(place)[0]) + idle
