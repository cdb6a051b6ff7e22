"""Where a conversation speaks of something that is in the pictures just once, and where that is."""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from internvl.preprocessing import Grid
from internvl.preprocessing.tiles import TILE_SIZE
from internvl.training.cells import SMALLEST_CHARACTER
from internvl.training.scenes import Scene
from internvl.training.scenes.canvas import COLOURS, SHAPES
from internvl.training.scores import BOX


class Place(NamedTuple):
    """Where something stands, from 0 to 1 of a picture, and which picture: a `PICTURES`th each.

    `x` and `y` are where to look: the middle of a thing, the first letter of a line. `letter` is
    the height of a letter that is read there; a thing (0) is looked at in the thumbnail, a letter
    in its tile. A letter's own edges are not known (nan): it is only looked at.
    """

    left: float
    top: float
    right: float
    bottom: float
    picture: float
    x: float
    y: float
    letter: float


PICTURES = 8
LEADING = 2  # tokens before an answer where its place is asked for


def name_places(scene: Scene) -> dict[str, list[Place]]:
    """The places of things and lines that no other shares its name with; names in lower case.

    After a line's own place come those of its letters, which are only looked at. Nothing of a
    video, whose things move.
    """
    found: dict[str, list[list[Place]]] = defaultdict(list)
    for number, canvas in enumerate([] if scene.video else scene.canvases):
        locate = partial(_locate, canvas.size, number / PICTURES)
        for mark in canvas.marks:
            if mark.shape in SHAPES:
                place = locate((mark.x0, mark.y0, mark.x1, mark.y1))
                for name in (f"{mark.colour} {mark.shape}", mark.shape, f"{mark.colour} object"):
                    found[name].append([place])
        for line in canvas.lines:
            name = line.text.rstrip(":").lower()
            if len(name) > 1:
                letters = [_hide(locate(box)) for box in line.letters]
                edges = locate(line.box)[:4]
                found[name].append([Place(*edges, *letters[0][4:]), *letters])
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _locate(size: tuple[int, int], picture: float, box: tuple[float, float, float, float]) -> Place:
    """The place of a box in pixels, which is looked at in its middle."""
    (width, height), (x0, y0, x1, y1) = size, box
    left, top, right, bottom = x0 / width, y0 / height, x1 / width, y1 / height
    middle = (left + right) / 2, (top + bottom) / 2
    return Place(left, top, right, bottom, picture, *middle, 0.0)


def _hide(letter: Place) -> Place:
    """The place of a letter that is only looked at."""
    untold = dict.fromkeys(("left", "top", "right", "bottom"), math.nan)
    return letter._replace(letter=letter.bottom - letter.top, **untold)


def find_places(
    ids: Sequence[int], learned: Sequence[bool], tokenizer: Any, names: dict[str, list[Place]]
) -> list[tuple[int, Place]]:
    """The tokens at which something stands in a place that is known, with the place.

    They are those of every box that is learned, the last one of every name, and `LEADING` before
    every learned answer that names something: the place of the first it names. Before every
    learned token of a line that is read, it is the place of the letter that comes next.
    """
    pieces = [_piece(tokenizer, token) for token in ids]
    starts = [0, *accumulate(map(len, pieces))]
    ends, text = starts[1:], "".join(pieces)
    mentions = _find_names(text, names)
    found = [(bisect_left(ends, end), names[name][0]) for _, end, name in mentions]
    for begin, end, name in mentions:
        letters = names[name][1:]
        for token in range(bisect_left(ends, begin + 1), bisect_left(ends, end) + 1):
            blanks = len(pieces[token]) - len(pieces[token].lstrip())
            letter = max(0, starts[token] + blanks - begin)
            if learned[token] and letter < len(letters):
                found.append((token - 1, letters[letter]))
    for match in BOX.finditer(text):
        first, last = bisect_left(starts, match.start()), bisect_left(ends, match.end())
        if learned[first]:
            # Boxes are asked for of one picture only.
            box = [int(side) / 1000 for side in match.groups()]
            place = _locate((1, 1), 0.0, (box[0], box[1], box[2], box[3]))
            found += [(token, place) for token in range(first, last + 1)]
    for token, (before, own) in enumerate(pairwise(learned), 1):
        if own and not before:
            end = next((k for k in range(token, len(ids)) if not learned[k]), len(ids))
            inside = [m for m in mentions if starts[token] <= m[0] < starts[end]]
            if inside:
                found += [(token - 1 - k, names[inside[0][2]][0]) for k in range(LEADING)]
    return found


def find_visual_tokens(
    found: Sequence[tuple[int, Place]], visual: Sequence[int], grids: Sequence[Grid], side: int
) -> list[int]:
    """For each token found, the visual token where its place is.

    It is -1 if that comes only after it, or shows a letter too small to be read. `visual` are all
    visual tokens of pictures in tiles of `grids`, `side` x `side` for each tile.
    """
    before = [0, *accumulate(grid.tiles for grid in grids)]
    wanted = []
    for token, place in found:
        number = round(place.picture * PICTURES)
        columns, rows = grids[number] if place.letter else (1, 1)
        column = min(columns * side - 1, max(0, int(columns * side * place.x)))
        row = min(rows * side - 1, max(0, int(rows * side * place.y)))
        first = before[number] if place.letter else before[number + 1] - 1
        tile = first + row // side * columns + column // side
        own = visual[(tile * side + row % side) * side + column % side]
        small = 0 < place.letter * rows * TILE_SIZE < SMALLEST_CHARACTER
        wanted.append(own if own < token and not small else -1)
    return wanted


def _find_names(text: str, names: dict[str, list[Place]]) -> list[tuple[int, int, str]]:
    """Start, end and name of every name in a text: "circle", but not that of a "red circle"."""
    if not names:
        return []
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
    found = [(m.start(), m.end(), m.group().lower()) for m in pattern.finditer(text)]
    return [m for m in found if not (m[2] in SHAPES and _ends_with_colour(text[: m[0]]))]


def _ends_with_colour(text: str) -> bool:
    words = text[-12:].split()
    return bool(words) and words[-1].lower() in COLOURS


@lru_cache(maxsize=100_000)
def _piece(tokenizer: Any, token: int) -> str:
    return str(tokenizer.decode([token]))
