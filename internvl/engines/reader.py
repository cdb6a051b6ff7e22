"""Reading a prompt: tiles to visual tokens, then the prompt piece by piece into a prefix."""

import time
from collections.abc import Generator, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import torch

from internvl.engines.base import Event, Reading
from internvl.engines.cache import ByteCache, Prefix
from internvl.engines.costs import Speeds
from internvl.engines.forward import Forward
from internvl.engines.memory import prefill_on
from internvl.engines.pictures import Pictures, Tile
from internvl.engines.prompt import Prompt
from internvl.engines.scheduler import Ticket

if TYPE_CHECKING:
    from PIL.Image import Image

    from internvl.model import Model


class Reader:
    """Reads pictures once: visual tokens are kept in `visual` by tile."""

    def __init__(
        self, model: "Model", visual: ByteCache[Tile, torch.Tensor], speeds: Speeds
    ) -> None:
        self._speeds, self._device = speeds, model.device
        self.forward = Forward(model)
        self.pictures = Pictures(model.tile_size)
        self._tokens_per_tile = model.tokens_per_tile
        self._visual = visual

    def read(
        self, prompt: Prompt, cached: int, ticket: Ticket
    ) -> Generator[Event, None, dict[Tile, torch.Tensor]]:
        """The visual tokens of the tiles after the first `cached` places, a few tiles a step."""
        wanted = prompt.tiles[prompt.first_tile_after(cached, self._tokens_per_tile) :]
        known = {tile: self._visual.get(tile) for tile in wanted}
        visual = {tile: tokens for tile, tokens in known.items() if tokens is not None}
        if wanted:
            yield Reading(sum(tile in visual for tile in wanted), len(wanted))
        if len(visual) == len(known):
            return visual
        pixels = self._pixels(prompt, known.keys() - visual.keys())
        while True:
            began = time.perf_counter()
            some = list(islice(pixels, self._speeds.tiles_at_once()))
            opened = time.perf_counter() - began
            if not some:
                return visual
            yield from ticket.wait()
            with ticket.step():
                began = time.perf_counter()
                read = self.forward.read_tiles([picture for _, picture in some])
                self._speeds.add_tiles(len(some), opened, self._since(began))
            for (tile, _), tokens in zip(some, read, strict=True):
                visual[tile] = tokens
                self._visual.put(tile, tokens)
            yield Reading(sum(tile in visual for tile in wanted), len(wanted))

    def prefill(
        self,
        prompt: Prompt,
        end: int,
        prefix: Prefix,
        visual: dict[Tile, torch.Tensor],
        ticket: Ticket,
    ) -> Generator[Event, None, torch.Tensor]:
        """Read the prompt up to place `end` in short steps; the logits after it (1, vocabulary).

        Comes back between two steps with all the tiles it was given read.
        """
        logits = torch.empty(0)
        start = len(prefix.content)
        tiles = len(prompt.tiles) - prompt.first_tile_after(start, self._tokens_per_tile)
        most = prefill_on(self._device)
        for place in range(start, end, most):
            if place > start:
                yield Reading(tiles, tiles)
            yield from ticket.wait()
            with ticket.step():
                last = min(place + most, end)
                began = time.perf_counter()
                logits = self.forward.extend_prefix(prefix, prompt, visual, last)
                self._speeds.add_piece(last - place, self._since(began))
        return logits

    def _since(self, began: float) -> float:
        """Seconds until all work given to the device is done."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter() - began

    def _pixels(self, prompt: Prompt, missing: set[Tile]) -> "Iterator[tuple[Tile, Image]]":
        """The missing tiles in the model's order; a picture is opened only for what it misses."""
        for attachment, counts in zip(prompt.attachments, prompt.tile_counts, strict=True):
            if missing.intersection(self.pictures.tiles(attachment, counts)):
                for tile, pixels in self.pictures.load(attachment):
                    if tile in missing:
                        missing.remove(tile)
                        yield tile, pixels
