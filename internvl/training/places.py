"""Where a conversation speaks of something that is in the pictures just once, and where that is."""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import Any

from internvl.training.scenes import Scene
from internvl.training.scenes.canvas import COLOURS, SHAPES
from internvl.training.scores import BOX

Place = tuple[float, float, float, float, float, float, float, float]
"""Left, top, right and bottom, from 0 to 1 of the picture; the picture, a `PICTURES`th each; x and
y of where to look, the middle of a thing or the first letter of a line; and 1 for what is read from
near, in its tile, 0 for what is looked at in the thumbnail."""
PICTURES = 8
UNTOLD = (math.nan, math.nan, math.nan, math.nan)  # edges of what is only looked at
LEADING = 2  # tokens before an answer where its place is asked for


def name_places(scene: Scene) -> dict[str, list[Place]]:
    """The places of things and lines that no other shares its name with; names in lower case.

    After a line's own place come those of its letters, which are only looked at. Nothing of a
    video, whose things move.
    """
    found: dict[str, list[list[Place]]] = defaultdict(list)
    for number, canvas in enumerate([] if scene.video else scene.canvases):
        show = partial(_look, canvas.size, number / PICTURES)
        for mark in canvas.marks:
            if mark.shape in SHAPES:
                place = show((mark.x0, mark.y0, mark.x1, mark.y1))
                for name in (f"{mark.colour} {mark.shape}", mark.shape, f"{mark.colour} object"):
                    found[name].append([place])
        for line in canvas.lines:
            name = line.text.rstrip(":").lower()
            if len(name) > 1:
                letters = [show(box)[4:7] for box in line.letters]
                whole = (*show(line.box)[:4], *letters[0], 1.0)
                found[name].append([whole, *((*UNTOLD, *letter, 1.0) for letter in letters)])
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _look(size: tuple[int, int], picture: float, box: tuple[float, float, float, float]) -> Place:
    """The place of a box in pixels, which is looked at in its middle."""
    (width, height), (x0, y0, x1, y1) = size, box
    left, top, right, bottom = x0 / width, y0 / height, x1 / width, y1 / height
    return left, top, right, bottom, picture, (left + right) / 2, (top + bottom) / 2, 0.0


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
            letter = max(0, starts[token] - begin) + blanks
            if learned[token] and letter < len(letters):
                found.append((token - 1, letters[letter]))
    for match in BOX.finditer(text):
        first, last = bisect_left(starts, match.start()), bisect_left(ends, match.end())
        if learned[first]:
            # Boxes are asked for of one picture only.
            box = [int(side) / 1000 for side in match.groups()]
            place = _look((1, 1), 0.0, (box[0], box[1], box[2], box[3]))
            found += [(token, place) for token in range(first, last + 1)]
    for token, (before, own) in enumerate(pairwise(learned), 1):
        if own and not before:
            end = next((k for k in range(token, len(ids)) if not learned[k]), len(ids))
            inside = [m for m in mentions if starts[token] <= m[0] < starts[end]]
            if inside:
                found += [(token - 1 - k, names[inside[0][2]][0]) for k in range(LEADING)]
    return found


def find_slots(
    found: Sequence[tuple[int, Place]],
    visual: Sequence[int],
    grids: Sequence[tuple[int, int]],
    side: int,
) -> list[int]:
    """For each token found, the visual token where its place is; -1 if that comes after it.

    `visual` are all visual tokens of pictures in tiles of `grids` (columns, rows), `side` x `side`
    for each tile. Where there is more than one, a thumbnail follows.
    """
    tiles = [columns * rows + (columns * rows > 1) for columns, rows in grids]
    before = [0, *accumulate(tiles)]
    slots = []
    for token, (*_, picture, x, y, near) in found:
        number = round(picture * PICTURES)
        columns, rows = grids[number] if near else (1, 1)
        across, down = (
            min(n * side - 1, max(0, int(n * side * at))) for n, at in ((columns, x), (rows, y))
        )
        tile = before[number] + down // side * columns + across // side
        if not near:
            tile = before[number + 1] - 1
        slot = visual[(tile * side + down % side) * side + across % side]
        slots.append(slot if slot < token else -1)
    return slots


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
