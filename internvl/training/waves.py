"""Positions as waves: what a place in a tile is told as, to the vision tower and in visual tokens.

Sines and cosines of several lengths, from two tiles down to a tenth of one: digits of a coordinate,
sides and thirds are nearly linear in them, which a plain number is not.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

CYCLES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0)  # in a tile
WAVES = 2 * len(CYCLES)  # numbers for each position


def make_waves(positions: Tensor) -> Tensor:
    """Positions (..., n), in tiles, as sines and cosines (..., n * WAVES).

    >>> make_waves(torch.zeros(1)).tolist() == [0.0] * 7 + [1.0] * 7
    True
    """
    angles = positions[..., None].float() * _radians(positions.device)
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)


@lru_cache(maxsize=8)
def place_cells(side: int, device: torch.device | str = "cpu") -> Tensor:
    """The centres x and y of a tile's `side` x `side` cells as waves (side, side, 2 * WAVES)."""
    line = (torch.arange(side, device=device) + 0.5) / side
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return make_waves(torch.stack([columns, rows], -1))


def miss_positions(predicted: Tensor, wanted: Tensor) -> Tensor:
    """What waves (..., n) miss of those wanted, 1 for all: the square of a wave is a half."""
    return 2 * F.mse_loss(predicted, wanted)


@lru_cache(maxsize=8)
def _radians(device: torch.device) -> Tensor:
    return 2 * math.pi * torch.tensor(CYCLES, device=device)
