"""What is drawn in each 14-pixel cell of a tile: the dense targets of the vision tower.

A tile has 32x32 cells, the patches of the published geometry; a 28-pixel patch predicts its four.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.preprocessing import choose_grid
from internvl.training.scenes.canvas import CHARACTERS, COLOURS, SHAPES, Mark
from internvl.training.waves import WAVES, make_waves, miss_positions, place_cells

CELLS = 32
IGNORED = -100
FILLING = 0.95  # of the tile, the shorter side of a mark: then it is the ground
SMALLEST_CHARACTER = 12.0  # pixels in the tile: smaller ones share a cell with their neighbours
_SHAPE = {name: number for number, name in enumerate(SHAPES, 1)}
_CHARACTER = {name: number for number, name in enumerate(CHARACTERS, 1)}
_COLOUR = {name: number for number, name in enumerate(COLOURS, 1)}
_BEFORE = {"\n": len(CHARACTERS) + 1, **_CHARACTER}
_SIZES = {
    "shape": len(SHAPES) + 1,
    "character": len(CHARACTERS) + 1,
    "colour": len(COLOURS) + 1,
    "before": len(CHARACTERS) + 2,
    "blank": 2,
}
GROUPS = (
    "shape",
    "character",
    "colour",
    "centre shape",
    "left character",
    "right character",
    "centre colour",
    "left before",
    "right before",
    "left blank",
    "right blank",
)
"""What is told of each cell: what covers it, and what has its centre there (of characters in the
left or right half, as small ones stand two to a cell), so that every mark is told exactly once.
Of a character, what stands before it in its line and whether a blank is between them: with this a
reader goes from one to the next."""
CENTRES = 3  # the first group of what has its centre in a cell
CLASSES = tuple(_SIZES[group.split()[-1]] for group in GROUPS)
PREDICTED = (*CLASSES, 4, 4 * WAVES, 2 * WAVES)
"""What is predicted of each cell: classes, offsets, its mark's edges and its own place as waves."""

Region = tuple[float, float, float, float]


class Targets(NamedTuple):
    """Classes (11, 32, 32), one per `GROUPS`; offsets (5, 32, 32); edges (4, 32, 32).

    Class 0 is nothing.
    Offsets are the distances from a cell's centre to its mark's left, top, right and bottom edges,
    in tiles; the fifth is the cell's weight, so that a large mark doesn't outweigh all others.
    Edges are those of the shape or area with its centre in the cell, in tiles; 0 where there is
    none, or one that fills the tile. Characters have none.
    """

    classes: NDArray[np.int8]
    offsets: NDArray[np.float32]
    edges: NDArray[np.float32]


def label_cells(marks: Sequence[Mark], region: Region) -> Targets:
    """The targets of the tile that shows `region` (pixels of the picture) of a picture.

    Characters too small to read, and the corners of a shape's box, are ignored rather than guessed.
    """
    classes = np.zeros((len(GROUPS), CELLS, CELLS), np.int8)
    offsets = np.zeros((5, CELLS, CELLS), np.float32)
    targets = Targets(classes, offsets, np.zeros((4, CELLS, CELLS), np.float32))
    left, top, right, bottom = region
    scale_x, scale_y = CELLS / (right - left), CELLS / (bottom - top)
    smallest = SMALLEST_CHARACTER * CELLS / 448
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
            known = (0, IGNORED, IGNORED, IGNORED, IGNORED)
            if readable:
                before = _BEFORE.get(mark.before[:1], IGNORED)
                blank = int(mark.before[1:] == " ")
                known = (0, _CHARACTER[mark.character], colour, before, blank)
        else:
            shape = str(mark.shape)
            number = _SHAPE.get(shape, IGNORED)
            full = _is_covered(shape, 2 * (x - x0) / (x1 - x0), 2 * (y - y0) / (y1 - y0))
            classes[0, rows, columns] = np.where(full, number, IGNORED)
            classes[2, rows, columns] = np.where(full, colour, IGNORED)
            known = (number, 0, colour, 0, 0)
        _tell_centre(targets, (x0, y0, x1, y1), known)
        for side, offset in enumerate((x - x0, y - y0, x1 - x, y1 - y)):
            offsets[side, rows, columns] = offset / CELLS
        offsets[4, rows, columns] = ((x1 - x0) * (y1 - y0)) ** -0.5
    offsets[4].clip(0, 1, out=offsets[4])
    return targets


def _tell_centre(targets: Targets, box: Region, known: tuple[int, ...]) -> None:
    """Tell a mark with this box (in cells) once more at its centre, if that lies in the tile.

    `known` is its shape, character, colour, what stands before it, and whether a blank does, as
    classes; a 0 leaves what an earlier mark told.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    column, row = math.floor(x), math.floor(y)
    if 0 <= column < CELLS and 0 <= row < CELLS:
        half = int(2 * (x - column))
        for group, value in zip(_TOLD[half], known, strict=True):
            if value:
                targets.classes[group, row, column] = value
        if known[1]:  # the blank of another character doesn't stand before this one
            targets.classes[_TOLD[half][-1], row, column] = known[-1]
        if known[0] and min(box[2] - box[0], box[3] - box[1]) < FILLING * CELLS:
            targets.edges[:, row, column] = np.array(box) / CELLS


_TOLD = [
    [
        GROUPS.index(name)
        for name in (
            "centre shape",
            f"{side} character",
            "centre colour",
            f"{side} before",
            f"{side} blank",
        )
    ]
    for side in ("left", "right")
]
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


def cut_regions(size: tuple[int, int], max_tiles: int) -> list[Region]:
    """The part of a picture that each of its tiles shows; last the thumbnail, all of it."""
    columns, rows = choose_grid(*size, max_tiles)
    width, height = size[0] / columns, size[1] / rows
    tiles = [
        (column * width, row * height, (column + 1) * width, (row + 1) * height)
        for row in range(rows)
        for column in range(columns)
    ]
    return [*tiles, (0.0, 0.0, float(size[0]), float(size[1]))] if len(tiles) > 1 else tiles


def find_edges(edges: Tensor) -> tuple[Tensor, Tensor]:
    """Of tiles' edges (tiles, 4, 32, 32): tile, row, column (marks, 3), and edges (marks, 4)."""
    cells = edges.any(1).nonzero()
    tile, row, column = cells.unbind(1)
    return cells, edges[tile, :, row, column]


class CellHead(nn.Module):
    """Predicts the cells under each patch; used while pre-training and then dropped."""

    def __init__(self, hidden_size: int, patch_size: int) -> None:
        super().__init__()
        self.per_side = max(1, patch_size * CELLS // 448)
        self.norm = nn.LayerNorm(hidden_size)
        self.linear = nn.Linear(hidden_size, self.per_side**2 * sum(PREDICTED))

    def forward(self, patches: Tensor) -> Tensor:
        """(tiles, patches, hidden) -> (tiles, 32, 32, classes + offsets + edges + place)."""
        tiles, count, _ = patches.shape
        side, inner = int(count**0.5), self.per_side
        cells = self.linear(self.norm(patches)).view(tiles, side, side, inner, inner, -1)
        joined: Tensor = cells.permute(0, 1, 3, 2, 4, 5)
        return joined.reshape(tiles, side * inner, side * inner, -1)


EDGES = WAVES / 2  # times as much as a cell's own place, which is easy to know


def cell_loss(
    predicted: Tensor, classes: Tensor, offsets: Tensor, edges: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """The loss over cells, and for the log the share of drawn cells that is right in each group.

    `predicted` (tiles, 32, 32, sum of `PREDICTED`); the rest are `Targets`, stacked. "edges-missed"
    is what is missed of the edges, 1 for all, NaN where none are told.

    Empty cells outnumber drawn ones, so each half of them counts as a mean of its own; so do, for
    what is told at centres, the cells that a mark covers around its centre. A tile counts by the
    root of its marks' number: as a plain mean a page of letters would drown a few large ones.
    """
    *scores, boxes, told_edges, places = torch.split(predicted.float(), [*PREDICTED], dim=-1)
    classes, weights = classes.long(), offsets[:, 4]
    covered = (classes[:, :CENTRES] != 0).any(1).flatten()
    losses, right = [], []
    for group, (score, wanted) in enumerate(zip(scores, classes.unbind(1), strict=True)):
        marks = wanted > 0
        if group >= CENTRES:
            weights = marks.sum((1, 2), keepdim=True).clamp(min=1).rsqrt()
        drawn = (marks * weights).flatten()
        score, wanted = score.flatten(0, 2), wanted.flatten()
        each = F.cross_entropy(score, wanted, reduction="none", ignore_index=IGNORED)
        losses.append((each * drawn).sum() / drawn.sum().clamp(min=1e-3))
        for part in ((wanted == 0) & covered, (wanted == 0) & ~covered):
            losses.append((each * part).sum() / part.sum().clamp(min=1))
        right.append(((score.argmax(-1) == wanted) * drawn).sum() / drawn.sum())
    difference = (boxes - offsets[:, :4].permute(0, 2, 3, 1)).abs().mean(-1)
    losses.append(10 * (difference * offsets[:, 4]).sum() / offsets[:, 4].sum().clamp(min=1e-3))
    losses.append(miss_positions(places, place_cells(CELLS, places.device).expand_as(places)))
    cells, wanted_edges = find_edges(edges)
    tile, row, column = cells.unbind(1)
    missed = miss_positions(told_edges[tile, row, column], make_waves(wanted_edges))
    if len(cells):
        losses.append(EDGES * missed)
    names = [*(name.replace(" ", "-") for name in GROUPS), "edges-missed"]
    figures = torch.stack([*right, missed.detach()]).tolist()
    return torch.stack(losses).sum(), dict(zip(names, figures, strict=True))
