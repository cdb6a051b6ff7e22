"""Samples side by side, as one step learns from them, and the processes that draw them."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from internvl.training.label_projector import Labels
from internvl.training.loss import sample_weight
from internvl.training.places import LOOKS
from internvl.training.samples import Mixture, Sample, draw_sample

POOL = 64  # least samples that are sorted by length together
EXACT = 4.0
"""Times as much as others weighs a token that is said from a thing's place, and the first letter of
an answer that is read: with it is decided what is read."""
TOKENS_PER_POOL = 12000  # of a batch: larger ones are made of larger pools


class Batch(NamedTuple):
    """Samples padded to the longest: ids, weights, parts, positions `(samples, length)`.

    A learned token of a sample with n of them weighs 1 / n^0.5, one that decides where to read or
    is said from a thing's place `EXACT` times as much, any other nothing. `parts` is None where
    every token sees all before it. `pointed` are row and column of tokens that speak of something
    or show it in a video, and the columns of what the looking heads look at there or -1
    (n, 2 + LOOKS), `places` its `Place` (n, 8). `tiles` are uint8 `(tiles, 3, 448, 448)`;
    without tiles there may be `labels`.
    """

    ids: Tensor
    weights: Tensor
    parts: Tensor | None
    positions: Tensor
    pointed: Tensor
    places: Tensor
    tiles: Tensor
    labels: Labels | None

    @property
    def tile_count(self) -> int:
        """How many tiles there are, as pixels or labels."""
        return len(self.labels.classes if self.labels else self.tiles)

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""

        def move(part: Any) -> Any:
            return part if part is None else part.to(device, non_blocking=True)

        labels = self.labels and Labels(*map(move, self.labels))
        return Batch._make([*map(move, self[:-1]), labels])


def collate(samples: Sequence[Sample]) -> Batch:
    """The batch of some samples. Parts other than 0 begin at the same position, after part 0."""
    length = max(len(sample.ids) for sample in samples)
    ids = torch.zeros(len(samples), length, dtype=torch.long)
    weights = torch.zeros(len(samples), length)
    parts = torch.zeros(len(samples), length, dtype=torch.long)
    positions = torch.arange(length).repeat(len(samples), 1)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        learned = torch.tensor(sample.learned)
        weights[row, : len(learned)] = learned * sample_weight(sum(sample.learned), "square")
        own = torch.tensor(sample.parts, dtype=torch.long)
        parts[row, : len(own)] = own
        begins = torch.searchsorted(own, own)  # parts are in order
        begins[own == 0] = 0
        shared = int((own == 0).sum())
        positions[row, : len(own)] -= begins - shared * (own > 0)
    labels = [sample.labels for sample in samples if sample.labels]
    together = Labels(*map(torch.cat, zip(*labels, strict=True))) if labels else None
    apart = any(sample.parts for sample in samples)
    tiles = torch.cat([sample.tiles for sample in samples])
    found = [(row, *spoken) for row, sample in enumerate(samples) for spoken in sample.places]
    for row, token, _, place in found:
        if place.x >= 0 and (not place.letter or not samples[row].learned[token]):
            weights[row, token + 1 : token + 2] *= EXACT
    told = [(row, token, *looks) for row, token, looks, _ in found]
    pointed = torch.tensor(told, dtype=torch.long).view(-1, 2 + LOOKS)
    places = torch.tensor([place for *_, place in found]).view(-1, 8)
    return Batch(
        ids, weights, parts if apart else None, positions, pointed, places, tiles, together
    )


def sight(parts: Tensor) -> Tensor:
    """What each token sees `(samples, 1, length, length)`: earlier ones of part 0 and its own."""
    length = parts.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=parts.device).tril()
    same = (parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])
    return (before & same)[:, None]


class Batches(IterableDataset[tuple[int, Batch]]):
    """Batches of samples of similar length, each with the number after its pool's last sample.

    A pool of samples from number `first` on, the larger the larger the batches, is sorted by length
    and cut into batches of at most `tokens` padded tokens and `tiles` tiles. Worker k of n makes
    the pools k, k + n, ...
    """

    def __init__(
        self,
        mixture: Mixture,
        tokenizer: Any,
        tokens_per_tile: int,
        first: int,
        tokens: int,
        tiles: int,
    ) -> None:
        super().__init__()
        self.mixture, self.tokenizer, self.tokens_per_tile = mixture, tokenizer, tokens_per_tile
        self.first, self.tokens, self.tiles = first, tokens, tiles
        self.size = POOL * max(1, tokens // TOKENS_PER_POOL)

    def __iter__(self) -> Iterator[tuple[int, Batch]]:
        info = get_worker_info()
        offset, step = (info.id, info.num_workers) if info else (0, 1)
        start = self.first + offset * self.size
        while True:
            for batch in self._pool(start):
                yield start + self.size, collate(batch)
            start += step * self.size

    def _pool(self, start: int) -> list[list[Sample]]:
        samples = [
            draw_sample(n, self.mixture, self.tokenizer, self.tokens_per_tile)
            for n in range(start, start + self.size)
        ]
        samples.sort(key=lambda sample: len(sample.ids))
        batches: list[list[Sample]] = [[]]
        for sample in samples:
            batch = batches[-1]
            tiles = sum(s.tile_count for s in batch) + sample.tile_count
            if batch and (len(sample.ids) * (len(batch) + 1) > self.tokens or tiles > self.tiles):
                batches.append([])
            batches[-1].append(sample)
        random.Random(start).shuffle(batches)
        return batches
