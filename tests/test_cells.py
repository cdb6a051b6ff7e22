"""What is told of a tile's cells: the vision tower's dense targets and their loss."""

import numpy as np
import pytest
import torch

from internvl.training.cells import (
    CLASSES,
    IGNORED,
    PREDICTED,
    CellHead,
    cell_loss,
    find_edges,
    label_cells,
)
from internvl.training.scenes import draw
from internvl.training.scenes.canvas import (
    CHARACTERS,
    COLOURS,
    SHAPES,
    Canvas,
    Mark,
    contrast,
    load_font,
)
from internvl.training.waves import WAVES, make_waves, place_cells

WHOLE = (0.0, 0.0, 448.0, 448.0)


def test_cells_are_labelled_where_things_are_drawn():
    marks = [
        Mark(0, 0, 112, 112, "square", None, "red"),
        Mark(224, 224, 252, 252, None, "k", "blue"),
        Mark(300, 300, 304, 305, None, "x", "blue"),
    ]
    shapes, characters, colours = label_cells(marks, WHOLE).classes[:3]
    assert (shapes[:8, :8] == SHAPES.index("square") + 1).all()
    assert shapes[8:].max() == 0
    assert (characters[16:18, 16:18] == CHARACTERS.index("k") + 1).all()
    assert (colours[16:18, 16:18] == list(COLOURS).index("blue") + 1).all()
    assert characters[21, 21] == IGNORED  # five pixels high: nobody can read it


def test_boxes_run_from_the_cell_to_the_edges_of_what_it_shows():
    offsets = label_cells([Mark(0, 0, 224, 112, "star", None, "red")], WHOLE).offsets
    assert offsets[:4, 4, 8] == pytest.approx(np.array([8.5, 4.5, 7.5, 3.5]) / 32)
    assert not offsets[:, 20].any()


def test_corners_of_a_round_shape_are_ignored_and_large_marks_weigh_less():
    small, large = (
        Mark(0, 0, 42, 42, "heart", None, "red"),
        Mark(0, 0, 420, 420, "heart", None, "red"),
    )
    targets = label_cells([large], WHOLE)
    assert targets.classes[0, 0, 0] == IGNORED
    assert targets.classes[0, 15, 15] == SHAPES.index("heart") + 1
    assert targets.offsets[4, 15, 15] < 0.2 * label_cells([small], WHOLE).offsets[4, 1, 1]


def test_what_has_no_name_is_not_guessed():
    marks = [Mark(0, 0, 112, 112, "star", None, None), Mark(224, 0, 336, 112, "blob", None, "red")]
    shapes, _, colours = label_cells(marks, WHOLE).classes[:3]
    assert (shapes[4, 4], colours[4, 4]) == (1 + SHAPES.index("star"), IGNORED)
    assert (shapes[4, 20], colours[4, 20]) == (IGNORED, 1 + list(COLOURS).index("red"))


def test_labelled_cells_of_a_crowd_have_the_colour_of_what_is_there():
    """Where a colour is claimed, the pixel in the middle of the cell is no background."""
    wrong = total = 0
    for number in range(60):
        canvas = draw("crowd", number, seed=8).canvases[0]
        blobs = [mark for mark in canvas.marks[1:] if mark.shape == "blob"]  # first is the ground
        claimed = label_cells(blobs, WHOLE).classes[2]
        pixels = np.asarray(canvas.image)
        for row, column in np.argwhere(claimed > 0):
            seen = tuple(map(int, pixels[14 * row + 7, 14 * column + 7]))
            name = list(COLOURS)[claimed[row, column] - 1]
            near = min(contrast(seen, shade) for shade in COLOURS[name])
            total, wrong = total + 1, wrong + (near > 75)
    assert total > 300
    assert wrong / total < 0.08  # small ones have no cell of their own; corners at random gave 0.16


def test_a_tile_of_a_grid_sees_its_part():
    marks = [Mark(448, 0, 896, 448, "star", None, "red")]
    left = label_cells(marks, WHOLE).classes
    right = label_cells(marks, (448.0, 0.0, 896.0, 448.0)).classes
    assert left.max() == 0
    assert (right[0] != 0).all()


@pytest.mark.parametrize("patch_size", [14, 28, 56])
def test_patches_predict_the_cells_under_them(patch_size):
    side = 448 // patch_size
    head = CellHead(8, patch_size)
    cells = head(torch.randn(2, side * side, 8))
    assert cells.shape == (2, 32, 32, sum(PREDICTED))
    patches = torch.zeros(1, side * side, 8)
    patches[0, 1] = torch.randn(8)  # the second patch of the first row
    changed = (head(patches) != head(torch.zeros_like(patches))).any(-1)[0]
    inner = 32 // side
    assert changed[:inner, inner : 2 * inner].all()
    assert changed.sum() == inner * inner


def test_perfect_cells_have_no_loss():
    targets = label_cells([Mark(0, 0, 99, 99, "star", None, "red")], WHOLE)
    classes, offsets, edges = (torch.from_numpy(part)[None] for part in targets)
    scores = [
        50.0 * torch.nn.functional.one_hot(c.long().clamp(min=0), n)
        for c, n in zip(classes[0], CLASSES, strict=True)
    ]
    known = make_waves(torch.tensor([0, 0, 99, 99]) / 448).expand(32, 32, -1)
    distances = offsets[0, :4].permute(1, 2, 0)
    predicted = torch.cat([*scores, distances, known, place_cells(32)], -1)
    loss, right = cell_loss(predicted[None], classes, offsets, edges)
    assert loss.item() == pytest.approx(0, abs=1e-4)
    assert right["shape"] == right["colour"] == 1
    elsewhere = torch.cat(
        [predicted[..., : -6 * WAVES], predicted[..., -6 * WAVES :].roll(1, -1)], -1
    )
    assert cell_loss(elsewhere[None], classes, offsets, edges)[0] > 1


def test_a_few_large_letters_are_not_drowned_by_a_page_of_small_ones():
    few = [Mark(0, 0, 70, 70, None, "k", "blue")]
    page = [
        Mark(14 * x, 14 * y, 14 * x + 14, 14 * y + 14, None, "m", "blue")
        for x in range(30)
        for y in range(30)
    ]
    targets = [label_cells(marks, WHOLE) for marks in (few, page)]
    stacked = [torch.from_numpy(np.stack(part)) for part in zip(*targets, strict=True)]
    predicted = torch.zeros(2, 32, 32, sum(PREDICTED))
    letter = sum(CLASSES[:5]) + CHARACTERS.index("m") + 1
    predicted[1, ..., letter] = 50.0  # right on the page, wrong on the other tile
    _, right = cell_loss(predicted, *stacked)
    assert np.isnan(right["edges-missed"])
    assert right["right-character"] == pytest.approx(30 / 31)


def test_a_character_tells_what_stands_before_it():
    canvas = Canvas(448, 448, (255, 255, 255))
    canvas.text("a b€c", (0, 0), load_font("", 60), "black", (0, 0, 0))
    assert [(m.character, m.before) for m in canvas.marks] == [
        *(("a", "\n"), ("b", "a "), ("€", "b"), ("c", "€"))
    ]
    classes = label_cells(canvas.marks, WHOLE).classes
    own, before, blank = (classes[first : first + 2].max(0) for first in (4, 7, 9))
    told = {}
    for row, column in np.argwhere(own > 0):
        told[CHARACTERS[own[row, column] - 1]] = before[row, column], blank[row, column]
    line_break = len(CHARACTERS) + 1
    assert told["a"] == (line_break, 0)
    assert told["b"] == (CHARACTERS.index("a") + 1, 1)
    assert (classes[7:9] == IGNORED).any()  # what stands before the "c" has no class


def test_a_blank_belongs_to_its_own_character():
    marks = [
        Mark(0, 0, 5, 14, None, "i", "blue", "a "),
        Mark(2, 0, 6, 14, None, "l", "blue", "i"),  # its centre is in the same half of the cell
    ]
    classes = label_cells(marks, WHOLE).classes
    assert classes[4, 0, 0] == CHARACTERS.index("l") + 1
    assert not classes[9:].any()


def test_edges_are_found_at_the_centres_of_shapes_and_areas():
    marks = [
        Mark(0, 0, 448, 448, "blob", None, "white"),
        Mark(14, 28, 126, 168, "star", None, "red"),
        Mark(300, 300, 330, 330, None, "k", "blue", "\n"),
        Mark(60, 90, 80, 110, None, "m", "blue", "\n"),  # over the centre of the star
        Mark(200, 200, 290, 300, "circle", None, "green"),  # over that of the ground
    ]
    targets = label_cells(marks, WHOLE)
    places, edges = find_edges(torch.from_numpy(targets.edges)[None])
    assert places.tolist() == [[0, 7, 5], [0, 17, 17]]
    assert edges[0].tolist() == pytest.approx([14 / 448, 28 / 448, 126 / 448, 168 / 448])
