"""Reading a prompt: tiles to visual tokens, then the prompt piece by piece into a prefix."""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import torch

from internvl.engines.base import Event, Reading
from internvl.engines.cache import ByteCache, Prefix
from internvl.engines.forward import Forward
from internvl.engines.pictures import Pictures, Tile
from internvl.engines.prompt import Prompt
from internvl.engines.scheduler import Ticket

if TYPE_CHECKING:
    from PIL.Image import Image

    from internvl.model import Model

PREFILL = 256
"""Most places of a prompt that are read in one step, so that Stop and others' turns come soon."""


class Reader:
    """Reads pictures once: visual tokens are kept in `visual` by tile."""

    def __init__(self, model: "Model", visual: ByteCache[Tile, torch.Tensor]) -> None:
        self.forward = Forward(model)
        self.pictures = Pictures(model.tile_size)
        self._tokens_per_tile = model.tokens_per_tile
        self._visual = visual

    def read(
        self, prompt: Prompt, cached: int, ticket: Ticket
    ) -> Generator[Event, None, dict[Tile, torch.Tensor]]:
        """The visual tokens of the tiles after the first `cached` places, tile by tile."""
        wanted = prompt.tiles[prompt.first_tile_after(cached, self._tokens_per_tile) :]
        known = {tile: self._visual.get(tile) for tile in wanted}
        visual = {tile: tokens for tile, tokens in known.items() if tokens is not None}
        if len(visual) == len(known):
            return visual
        yield Reading(sum(tile in visual for tile in wanted), len(wanted))
        for tile, pixels in self._pixels(prompt, known.keys() - visual.keys()):
            yield from ticket.wait()
            with ticket.step():
                visual[tile] = self.forward.read_tile(pixels)
            self._visual.put(tile, visual[tile])
            yield Reading(sum(tile in visual for tile in wanted), len(wanted))
        return visual

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
        for place in range(start, end, PREFILL):
            if place > start:
                yield Reading(tiles, tiles)
            yield from ticket.wait()
            with ticket.step():
                last = min(place + PREFILL, end)
                logits = self.forward.extend_prefix(prefix, prompt, visual, last)
        return logits

    def _pixels(self, prompt: Prompt, missing: set[Tile]) -> "Iterator[tuple[Tile, Image]]":
        """The missing tiles in the model's order; a picture is opened only for what it misses."""
        for attachment, counts in zip(prompt.attachments, prompt.tile_counts, strict=True):
            if missing.intersection(self.pictures.tiles(attachment, counts)):
                for tile, pixels in self.pictures.load(attachment):
                    if tile in missing:
                        missing.remove(tile)
                        yield tile, pixels
