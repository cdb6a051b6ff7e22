"""What is drawn in each 14-pixel cell of a tile: the dense targets of the vision tower.

A tile has 32x32 cells, the patches of the published geometry; a 28-pixel patch predicts its four.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.training.scenes.canvas import CHARACTERS, COLOURS, SHAPES, Mark

CELLS = 32
IGNORED = -100
SMALLEST_CHARACTER = 12.0  # pixels in the tile: smaller ones share a cell with their neighbours
_SHAPE = {name: number for number, name in enumerate(SHAPES, 1)}
_CHARACTER = {name: number for number, name in enumerate(CHARACTERS, 1)}
_COLOUR = {name: number for number, name in enumerate(COLOURS, 1)}
CLASSES = (len(SHAPES) + 1, len(CHARACTERS) + 1, len(COLOURS) + 1)

Region = tuple[float, float, float, float]


class Targets(NamedTuple):
    """Classes (3, 32, 32) of shape, character and colour, 0 for nothing; offsets (5, 32, 32).

    Offsets are the distances from a cell's centre to its mark's left, top, right and bottom edges,
    in tiles; the fifth is the cell's weight, so that a large mark doesn't outweigh all others.
    """

    classes: NDArray[np.int8]
    offsets: NDArray[np.float32]


def label_cells(marks: Sequence[Mark], region: Region, tile_size: int = 448) -> Targets:
    """The targets of the tile that shows `region` (pixels of the picture) of a picture.

    Characters too small to read, and the corners of a shape's box, are ignored rather than guessed.
    """
    classes = np.zeros((3, CELLS, CELLS), np.int8)
    offsets = np.zeros((5, CELLS, CELLS), np.float32)
    left, top, right, bottom = region
    scale_x, scale_y = CELLS / (right - left), CELLS / (bottom - top)
    smallest = SMALLEST_CHARACTER * CELLS / tile_size
    for mark in marks:
        x0, x1 = (mark.x0 - left) * scale_x, (mark.x1 - left) * scale_x
        y0, y1 = (mark.y0 - top) * scale_y, (mark.y1 - top) * scale_y
        if x1 <= 0 or y1 <= 0 or x0 >= CELLS or y0 >= CELLS:
            continue
        columns, rows = _inside(x0, x1), _inside(y0, y1)
        x, y = _CENTRES[None, columns], _CENTRES[rows, None]
        colour = IGNORED if mark.colour is None else _COLOUR[mark.colour]
        if mark.character is not None:
            readable = y1 - y0 >= smallest and mark.character in _CHARACTER
            classes[1, rows, columns] = _CHARACTER[mark.character] if readable else IGNORED
            classes[2, rows, columns] = colour if readable else IGNORED
        else:
            shape = str(mark.shape)
            number = IGNORED if shape == "blob" else _SHAPE[shape]
            full = _is_covered(shape, 2 * (x - x0) / (x1 - x0), 2 * (y - y0) / (y1 - y0))
            classes[0, rows, columns] = np.where(full, number, IGNORED)
            classes[2, rows, columns] = np.where(full, colour, IGNORED)
        for side, offset in enumerate((x - x0, y - y0, x1 - x, y1 - y)):
            offsets[side, rows, columns] = offset / CELLS
        offsets[4, rows, columns] = ((x1 - x0) * (y1 - y0)) ** -0.5
    offsets[4].clip(0, 1, out=offsets[4])
    return Targets(classes, offsets)


_CENTRES = np.arange(CELLS, dtype=np.float32) + 0.5


def _is_covered(shape: str, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether points of a shape's box, 0 to 2 across and down, are surely inside the shape."""
    if shape == "square":
        return np.ones(np.broadcast_shapes(x.shape, y.shape), np.bool_)
    distance = (x - 1) ** 2 + (y - 1) ** 2
    covered: NDArray[np.bool_] = distance <= max(1.0 if shape == "circle" else 0.6, distance.min())
    return covered


def _inside(start: float, end: float) -> slice:
    """The cells whose centres lie between; at least the one in the middle."""
    first, last = round(start), round(end)
    if last <= first:
        first = int((start + end) / 2)
        last = first + 1
    return slice(max(0, min(CELLS - 1, first)), max(1, min(CELLS, last)))


def pick_region(rng: random.Random, size: tuple[int, int], columns: int, rows: int) -> Region:
    """One tile of a grid over a picture, or the whole picture as the thumbnail is."""
    number = rng.randrange(columns * rows + 1)
    if number == columns * rows or columns * rows == 1:
        return 0.0, 0.0, float(size[0]), float(size[1])
    row, column = divmod(number, columns)
    width, height = size[0] / columns, size[1] / rows
    return column * width, row * height, (column + 1) * width, (row + 1) * height


class CellHead(nn.Module):
    """Predicts the cells under each patch; used while pre-training and then dropped."""

    def __init__(self, hidden_size: int, patch_size: int) -> None:
        super().__init__()
        self.per_side = max(1, patch_size * CELLS // 448)
        self.norm = nn.LayerNorm(hidden_size)
        self.linear = nn.Linear(hidden_size, self.per_side**2 * (sum(CLASSES) + 4))

    def forward(self, patches: Tensor) -> Tensor:
        """(tiles, patches, hidden) -> (tiles, 32, 32, classes + 4)."""
        tiles, count, _ = patches.shape
        side, inner = int(count**0.5), self.per_side
        cells = self.linear(self.norm(patches)).view(tiles, side, side, inner, inner, -1)
        joined: Tensor = cells.permute(0, 1, 3, 2, 4, 5)
        return joined.reshape(tiles, side * inner, side * inner, -1)


def cell_loss(
    predicted: Tensor, classes: Tensor, offsets: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """The loss over cells, and the share of marks that is right for each property.

    Empty cells outnumber drawn ones, so each half of them counts as a mean of its own.
    """
    *scores, boxes = torch.split(predicted.float(), [*CLASSES, 4], dim=-1)
    classes, weights = classes.long(), offsets[:, 4].flatten()
    loss = predicted.new_zeros((), dtype=torch.float32)
    right: dict[str, float] = {}
    names = ("shape", "character", "colour")
    for name, score, wanted in zip(names, scores, classes.unbind(1), strict=True):
        score, wanted = score.flatten(0, 2), wanted.flatten()
        each = F.cross_entropy(score, wanted, reduction="none", ignore_index=IGNORED)
        drawn, empty = (wanted > 0) * weights, (wanted == 0).float()
        loss = loss + (each * drawn).sum() / drawn.sum().clamp(min=1e-3)
        loss = loss + (each * empty).sum() / empty.sum().clamp(min=1)
        hits = ((score.argmax(-1) == wanted) * drawn).sum() / drawn.sum()
        right[name] = hits.item()
    difference = (boxes - offsets[:, :4].permute(0, 2, 3, 1)).abs().mean(-1).flatten()
    loss = loss + 10 * (difference * weights).sum() / weights.sum().clamp(min=1e-3)
    return loss, right
