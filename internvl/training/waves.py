"""Positions as waves: what a place in a tile is told as, to the vision tower and in visual tokens.

Sines and cosines of several lengths, from two tiles down to a tenth of one: digits of a coordinate,
sides and thirds are nearly linear in them, which a plain number is not.
"""

import math

import torch
from torch import Tensor

CYCLES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0)  # in a tile
WAVES = 2 * len(CYCLES)  # numbers for each position


def waves(positions: Tensor) -> Tensor:
    """Positions (..., n), in tiles, as sines and cosines (..., n * WAVES).

    >>> waves(torch.zeros(1)).tolist() == [0.0] * 7 + [1.0] * 7
    True
    """
    cycles = torch.tensor(CYCLES, device=positions.device)
    angles = 2 * math.pi * positions[..., None].float() * cycles
    return torch.cat([angles.sin(), angles.cos()], -1).flatten(-2)


def grid(side: int) -> Tensor:
    """The centres (side, side, 2) of a tile's cells or tokens: x and y, in tiles."""
    line = (torch.arange(side) + 0.5) / side
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([columns, rows], -1)
