"""What a prompt will cost: seconds by the speed measured so far, bytes by the model's sizes."""

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import torch

from internvl.chat import Settings
from internvl.engines.base import Estimate, OutOfMemory
from internvl.engines.cache import ByteCache, Prefix, PrefixCache
from internvl.engines.growing import room_for
from internvl.engines.pictures import Tile
from internvl.engines.prompt import Prompt
from internvl.model.zoo import free_main_memory

if TYPE_CHECKING:
    from internvl.model import Model

PREFILL = 256
"""Most places of a prompt that are read in one step, so that Stop and others' turns come soon."""

AT_ONCE = 8
"""Most tiles that are read in one step: their pixels and the tower's inner states are held."""

STEP = 0.1
"""Seconds of a step that a person doesn't notice: as many tiles at once as take no longer."""

RECENT = 16
"""Steps of a kind whose seconds are remembered."""


class Speeds:
    """Seconds of the recent steps: tiles, whole pieces of a prompt, and shorter ones."""

    def __init__(self) -> None:
        self._recent = {kind: deque[float](maxlen=RECENT) for kind in ("tile", "whole", "short")}
        self._reading = float("inf")
        self._lock = threading.Lock()

    def add_tiles(self, count: int, opening: float, reading: float) -> None:
        """So many tiles were opened, and read in one step."""
        with self._lock:
            self._recent["tile"] += [(opening + reading) / count] * count
            self._reading = reading / count

    def tiles_at_once(self) -> int:
        """Tiles that can be read in one step: one, until it is known how fast this machine is."""
        with self._lock:
            return min(AT_ONCE, max(1, int(STEP / self._reading)))

    def add_piece(self, places: int, seconds: float) -> None:
        """A piece of a prompt was read."""
        with self._lock:
            self._recent["whole" if places == PREFILL else "short"].append(seconds)

    def seconds(self, tiles: int, places: int) -> tuple[float, float] | None:
        """Least and most for that many tiles and places; None while a speed is unknown."""
        steps = {"tile": tiles, "whole": places // PREFILL, "short": int(places % PREFILL > 0)}
        least = most = 0.0
        with self._lock:
            for kind, count in steps.items():
                recent = self._recent[kind]
                if count and not recent:
                    return None
                least += count * min(recent, default=0.0)
                most += count * max(recent, default=0.0)
        return least, most


class Costs:
    """Looks at what is kept already, changes nothing."""

    def __init__(
        self, model: "Model", visual: ByteCache[Tile, torch.Tensor], prefixes: PrefixCache
    ) -> None:
        self._model, self._visual, self._prefixes = model, visual, prefixes
        self.speeds = Speeds()

    def estimate(self, conversation_id: str, prompt: Prompt, settings: Settings) -> Estimate:
        """The cost of a prompt of this conversation."""
        prefix = self._prefixes.get(conversation_id)
        cached = prefix.common(prompt.content) if prefix else 0
        return Estimate(
            tile_counts=prompt.tile_counts,
            visual_tokens=len(prompt.slots),
            prompt_tokens=len(prompt.ids),
            context_tokens=self._model.context_length,
            seconds=self.speeds.seconds(
                len(self._missing(prompt, cached)), len(prompt.ids) - cached
            ),
            memory_bytes=self.bytes(prompt, prefix, settings),
            free_bytes=self.free(),
        )

    def check(self, prompt: Prompt, prefix: Prefix, settings: Settings) -> None:
        """Raises OutOfMemory with the numbers when the prompt and its answer can't fit."""
        if self.bytes(prompt, prefix, settings) <= self.free():
            return
        self._visual.clear()  # a second question may be slower, but this one has a chance
        self._prefixes.clear()
        torch.cuda.empty_cache()
        needed, free = self.bytes(prompt, prefix, settings), self.free()
        if needed > free:
            raise OutOfMemory(
                f"This needs about {needed / 1e9:.1f} GB beside the model, and {free / 1e9:.1f} GB "
                "are free. Please use fewer tiles or frames, or start a new chat.",
                needed=needed / 1e9,
                free=free / 1e9,
            )

    def free(self) -> int:
        """Bytes that can still be taken where the model computes."""
        device = self._model.device
        if device.type == "cuda":
            idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            return int(torch.cuda.mem_get_info(device)[0]) + idle
        return free_main_memory()

    def bytes(self, prompt: Prompt, prefix: Prefix | None, settings: Settings) -> int:
        """The most that reading and answering take beside the model and what `prefix` has."""
        config: Any = self._model.network.config
        llm, vit = config.text_config, config.vision_config
        size = self._model.dtype.itemsize
        cached = prefix.common(prompt.content) if prefix else 0
        missing = len(self._missing(prompt, cached))
        places = min(len(prompt.ids) + settings.max_new_tokens, self._model.context_length)
        head = getattr(llm, "head_dim", None) or llm.hidden_size // llm.num_attention_heads
        per_place = 2 * llm.num_hidden_layers * llm.num_key_value_heads * head * size
        keys = max(room_for(places) * per_place - (prefix.bytes if prefix else 0), 0)
        visual = missing * self._model.tokens_per_tile * llm.hidden_size * size
        pixels = missing * 3 * self._model.tile_size**2
        piece = PREFILL * (3 * llm.intermediate_size + 6 * llm.hidden_size) * size
        scores = PREFILL * places * llm.num_attention_heads * 4
        logits = 3 * llm.vocab_size * 4
        patches = (self._model.tile_size // _side(vit.patch_size)) ** 2 + 1
        tower = patches * (vit.intermediate_size + 6 * vit.hidden_size) * size
        tower += patches**2 * vit.num_attention_heads * 4 + 12 * self._model.tile_size**2
        step = max(piece + scores, tower if missing else 0)
        return int(keys + visual + pixels + logits + step)

    def _missing(self, prompt: Prompt, cached: int) -> set[Tile]:
        """Tiles after the first `cached` places whose visual tokens are not kept."""
        first = prompt.first_tile_after(cached, self._model.tokens_per_tile)
        return {tile for tile in prompt.tiles[first:] if tile not in self._visual}


def _side(patch: Any) -> int:
    return int(patch if isinstance(patch, int) else patch[0])
