"""Several samples in one sequence (arXiv 2412.05271, section 4.2).

Samples are put into the first open sequence with room for their tokens and tiles, those with the
most tiles first; a sample is never split. Positions restart at 0 with each sample, which is how
transformers knows that samples must not see each other (and how flash attention is told).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from internvl.training.loss import sample_weight
from internvl.training.preparation import Sample

IGNORED = -100


@dataclass
class Pack:
    """Samples that share a sequence."""

    samples: list[Sample] = field(default_factory=list)
    tokens: int = 0
    tiles: int = 0

    def add(self, sample: Sample) -> None:
        """One more."""
        self.samples.append(sample)
        self.tokens += len(sample.ids)
        self.tiles += len(sample.tiles)


class Packer:
    """Fills up to `buffers` open sequences of at most `max_tokens` tokens and `max_tiles` tiles."""

    def __init__(self, max_tokens: int, max_tiles: int, buffers: int = 20) -> None:
        self.max_tokens, self.max_tiles, self.buffers = max_tokens, max_tiles, buffers
        self.open: list[Pack] = []

    def add(self, sample: Sample) -> Pack | None:
        """A finished sequence, when this sample completes one or there are too many open.

        Raises ValueError for a sample that does not fit into any sequence.
        """
        tokens, tiles = len(sample.ids), len(sample.tiles)
        if tokens > self.max_tokens or tiles > self.max_tiles:
            raise ValueError(
                f"a sample of {tokens} tokens and {tiles} tiles does not fit into a sequence of "
                f"{self.max_tokens} tokens and {self.max_tiles} tiles"
            )
        pack = self._find(tokens, tiles)
        pack.add(sample)
        if pack.tokens == self.max_tokens:
            return self._close(pack)
        if len(self.open) > self.buffers:
            return self._close(max(self.open, key=self._fill))
        return None

    def flush(self) -> Iterator[Pack]:
        """The sequences still open, the fullest first."""
        while self.open:
            yield self._close(max(self.open, key=self._fill))

    def positions(self) -> list[list[int]]:
        """The open sequences as the samples' positions: what it takes to make them again."""
        return [[sample.position for sample in pack.samples] for pack in self.open]

    def _find(self, tokens: int, tiles: int) -> Pack:
        """The first open sequence with room, those with the most tiles first; else a new one."""
        for pack in sorted(self.open, key=lambda pack: pack.tiles, reverse=True):
            fits = pack.tokens + tokens <= self.max_tokens and pack.tiles + tiles <= self.max_tiles
            if fits:
                return pack
        self.open.append(Pack())
        return self.open[-1]

    def _fill(self, pack: Pack) -> float:
        return max(pack.tokens / self.max_tokens, pack.tiles / self.max_tiles)

    def _close(self, pack: Pack) -> Pack:
        self.open = [other for other in self.open if other is not pack]
        return pack


def restore_packs(packer: Packer, packs: Iterable[Iterable[Sample]]) -> None:
    """Open the sequences with these samples again."""
    for samples in packs:
        packer.open.append(Pack())
        for sample in samples:
            packer.open[-1].add(sample)


@dataclass(frozen=True)
class Batch:
    """The sequences of one forward pass, as tensors.

    `ids`, `positions`, `targets` (the next token, or -100) and `weights` are (rows, places);
    `tiles` (tiles, height, width, 3) is uint8, in the order of their slots. The counts are of
    samples, sequences, tokens, and the places that unpacked rows of the longest would take.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    tiles: torch.Tensor
    samples: int
    sequences: int
    tokens: int
    unpacked: int

    @property
    def places(self) -> int:
        """Places that are computed, padding included."""
        return self.ids.numel()


def collate(packs: Sequence[Pack], tile_size: int, loss: str = "square") -> Batch:
    """The sequences as rows of one length; without any, one row that holds nothing to learn."""
    rows = [_row(pack.samples, loss) for pack in packs] or [_row([], loss)]
    length = max(len(row[0]) for row in rows)
    padded = zip(*(_pad(row, length) for row in rows), strict=True)
    ids, positions, targets, weights = (torch.from_numpy(np.stack(parts)) for parts in padded)
    samples = [sample for pack in packs for sample in pack.samples]
    tiles = [sample.tiles for sample in samples if len(sample.tiles)]
    none = np.empty((0, tile_size, tile_size, 3), np.uint8)
    return Batch(
        ids,
        positions,
        targets,
        weights,
        tiles=torch.from_numpy(np.concatenate([none, *tiles])),
        samples=len(samples),
        sequences=len(packs),
        tokens=sum(pack.tokens for pack in packs),
        unpacked=len(samples) * max((len(sample.ids) for sample in samples), default=0),
    )


_Array = npt.NDArray[Any]
_Row = tuple[_Array, _Array, _Array, _Array]


def _row(samples: Sequence[Sample], loss: str) -> _Row:
    """ids, positions, targets and weights of samples side by side."""
    if not samples:
        zero = np.zeros(1, np.int64)
        return zero, zero, zero + IGNORED, np.zeros(1, np.float32)
    targets = [np.where(_next(s.learned, False), _next(s.ids, 0), IGNORED) for s in samples]
    weights = [
        np.where(_next(s.learned, False), sample_weight(s.supervised, loss), 0.0) for s in samples
    ]
    return (
        np.concatenate([sample.ids for sample in samples]),
        np.concatenate([np.arange(len(sample.ids)) for sample in samples]),
        np.concatenate(targets),
        np.concatenate(weights).astype(np.float32),
    )


def _next(values: _Array, last: int | bool) -> _Array:
    """What comes one place later; `last` for the last place."""
    return np.append(values[1:], values.dtype.type(last))


def _pad(row: _Row, length: int) -> _Row:
    """The row with padding, a sample of its own that is not learned."""
    ids, positions, targets, weights = row
    count = length - len(ids)
    return (
        np.concatenate([ids, np.zeros(count, ids.dtype)]),
        np.concatenate([positions, np.arange(count)]),
        np.concatenate([targets, np.full(count, IGNORED)]),
        np.concatenate([weights, np.zeros(count, np.float32)]),
    )
