"""What a prompt will cost: seconds by the speed measured so far, bytes by the model's sizes."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from internvl.chat import Settings
from internvl.engines.base import Estimate
from internvl.engines.cache import ByteCache, Prefix, PrefixCache
from internvl.engines.memory import (
    Memory,
    Work,
    bound_kernels,
    check_room,
    prefill_on,
    tightest,
)
from internvl.engines.pictures import Tile
from internvl.engines.prompt import Prompt

if TYPE_CHECKING:
    from internvl.model import Model

AT_ONCE = 8
"""Most tiles that are read in one step: their pixels and the tower's inner states are held."""

STEP = 0.1
"""Seconds of a step that a person doesn't notice: as many tiles at once as take no longer."""

RECENT = 16
"""Steps of a kind whose seconds are remembered."""


class Speeds:
    """Seconds of recent steps: tiles, whole pieces of a prompt (`most` places), shorter ones."""

    def __init__(self, most: int) -> None:
        self._most = most
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

    def most_at_once(self) -> int:
        """The same with room for a machine that gets faster, and for one that is not known."""
        with self._lock:
            known = self._reading < float("inf")
        return min(AT_ONCE, 2 * self.tiles_at_once()) if known else AT_ONCE

    def add_piece(self, places: int, seconds: float) -> None:
        """A piece of a prompt was read."""
        with self._lock:
            self._recent["whole" if places == self._most else "short"].append(seconds)

    def seconds(self, tiles: int, places: int) -> tuple[float, float] | None:
        """Least and most for that many tiles and places; None while a speed is unknown."""
        steps = {
            "tile": tiles,
            "whole": places // self._most,
            "short": int(places % self._most > 0),
        }
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
        self,
        model: "Model",
        visual: ByteCache[Tile, torch.Tensor],
        prefixes: PrefixCache,
    ) -> None:
        bound_kernels()
        self._model, self._visual, self._prefixes = model, visual, prefixes
        self._memory = Memory(model)
        self.speeds = Speeds(prefill_on(model.device))

    def estimate(self, conversation_id: str, prompt: Prompt, settings: Settings) -> Estimate:
        """The cost of a prompt of this conversation."""
        prefix = self._prefixes.get(conversation_id)
        cached = prefix.common(prompt.content) if prefix else 0
        needed, free = self._compare(self._work(prompt, prefix, settings))
        return Estimate(
            tile_counts=prompt.tile_counts,
            visual_tokens=len(prompt.slots),
            prompt_tokens=len(prompt.ids),
            context_tokens=self._model.context_length,
            seconds=self.speeds.seconds(
                len(self._missing(prompt, cached)), len(prompt.ids) - cached
            ),
            memory_bytes=needed,
            free_bytes=free,
        )

    def check(self, prompt: Prompt, prefix: Prefix, settings: Settings) -> None:
        """Raises OutOfMemory with the numbers when the prompt and its answer can't fit.

        What is kept is dropped for it, where that helps: another question may then be slower.
        """
        needed, free = self._compare(self._work(prompt, prefix, settings))
        if needed > free:
            self._drop()
            check_room(*self._compare(self._work(prompt, prefix, settings)))

    def batches(self, prompts: Sequence[Prompt], settings: Settings) -> Iterator[range]:
        """The numbers of the prompts that are answered together, as many as there is room for.

        What is free is looked at again before each batch. Raises OutOfMemory, before the first one,
        when a prompt has no room alone.
        """
        alone = [self._batch([prompt], settings) for prompt in prompts]
        if any(needed > free for needed, free in map(self._compare, alone)):
            self._drop()
            for work in alone:
                check_room(*self._compare(work))
        start = 0
        while start < len(prompts):
            end = start + 1
            while end < len(prompts):
                needed, free = self._compare(self._batch(prompts[start : end + 1], settings))
                if needed > free:
                    break
                end += 1
            yield range(start, end)
            start = end

    def _compare(self, work: Work) -> tuple[int, int]:
        """Bytes needed and free where it is tightest."""
        return tightest(self._memory.needed(work), self._memory.free())

    def _drop(self) -> None:
        self._visual.clear()
        self._prefixes.clear()
        torch.cuda.empty_cache()

    def _work(self, prompt: Prompt, prefix: Prefix | None, settings: Settings) -> Work:
        """What is left to do for a prompt, and to keep."""
        missing = self._missing(prompt, prefix.common(prompt.content) if prefix else 0)
        places = self._places(prompt, settings)
        return Work(
            1,
            places,
            len(missing),
            self.speeds.most_at_once(),
            pictures=prompt.opening(missing),
            kept=prefix.bytes if prefix else 0,
        )

    def _batch(self, prompts: Sequence[Prompt], settings: Settings) -> Work:
        """The same for prompts that are answered together, from their beginnings."""
        missing = {tile for prompt in prompts for tile in self._missing(prompt, 0)}
        return Work(
            len(prompts),
            max(self._places(prompt, settings) for prompt in prompts),
            len(missing),
            self.speeds.most_at_once(),
            pictures=max(prompt.opening(missing) for prompt in prompts),
            embedded=max(len(prompt.ids) for prompt in prompts),
        )

    def _places(self, prompt: Prompt, settings: Settings) -> int:
        return min(len(prompt.ids) + settings.max_new_tokens, self._model.context_length)

    def _missing(self, prompt: Prompt, cached: int) -> set[Tile]:
        """Tiles after the first `cached` places whose visual tokens are not kept."""
        first = prompt.first_tile_after(cached, self._model.tokens_per_tile)
        return {tile for tile in prompt.tiles[first:] if tile not in self._visual}
