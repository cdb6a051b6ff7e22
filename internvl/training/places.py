"""Where things and lines stand that have a name, and the visual tokens that show them."""

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from internvl.preprocessing import Grid
from internvl.preprocessing.tiles import TILE_SIZE
from internvl.training.cells import SMALLEST_CHARACTER
from internvl.training.scenes import Scene
from internvl.training.scenes.canvas import SHAPES, Box, Canvas, Mark


class Place(NamedTuple):
    """Where something stands, from 0 to 1 of a picture, and which picture (`PICTURES`).

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
"""Into so many parts of 1 `Place.picture` counts them, or into more for more of them."""
LOOKS = 3  # heads that are told where to look
NOWHERE = Place._make([math.nan] * 8)
"""Where only a look is told."""


class Bearer(NamedTuple):
    """What bears a name: its place, its letters' places, and of a label what it stands for.

    That is a `thing`, such as a bar or slice; where its colour is told by a `sign`, that too.
    """

    place: Place
    letters: tuple[Place, ...] = ()
    thing: Place | None = None
    sign: Place | None = None


Look = Place | int | None


class Spoken(NamedTuple):
    """A token that speaks of a place, and what each looking head looks at there.

    That is a place in the picture, an earlier token, or whatever it likes (None).
    """

    token: int
    place: Place
    looks: tuple[Look, Look, Look]  # as many as `LOOKS`


def name_places(scene: Scene) -> dict[str, list[Bearer]]:
    """The bearers of all names, in lower case, each name's in the order of a caption.

    That is by picture, then by the upper, middle and lower third, then from the left. In a video a
    shape stands in the first frame that shows it; those that move have no place.
    """
    found: dict[str, list[tuple[tuple[float, ...], Bearer]]] = defaultdict(list)
    marks = (
        _first_seen(scene.canvases) if scene.video else [canvas.marks for canvas in scene.canvases]
    )
    for number, canvas in enumerate(scene.canvases):
        width, height = canvas.size
        at = partial(locate, canvas.size, number / _parts(len(scene.canvases)))
        for mark in marks[number]:
            if mark.shape in SHAPES:
                bearer = Bearer(at((mark.x0, mark.y0, mark.x1, mark.y1)))
                x, y = mark.centre or (bearer.place.x * width, bearer.place.y * height)
                order = number, int(3 * y / height), x
                for name in (f"{mark.colour} {mark.shape}", mark.shape, f"{mark.colour} object"):
                    found[name].append((order, bearer))
        for line in canvas.lines:
            name = line.text.rstrip(":").lower()
            if len(name) > 1:
                letters = tuple(_hide(at(box)) for box in line.letters)
                own = Place(*at(line.box)[:4], *letters[0][4:])
                thing, sign = (box and at(box) for box in (line.thing, line.sign))
                order = number, int(3 * own.y), own.x
                found[name].append((order, Bearer(own, letters, thing, sign)))
    return {
        name: [bearer for _, bearer in sorted(named, key=itemgetter(0))]
        for name, named in found.items()
    }


def _first_seen(frames: Sequence[Canvas]) -> list[list[Mark]]:
    """By frame, the marks that no earlier one shows and that stay; of several alike none."""
    seen: dict[tuple[str | None, str | None], tuple[int, Mark]] = {}
    moved = set()
    for number, frame in enumerate(frames):
        for mark in frame.marks:
            thing = mark.colour, mark.shape
            if seen.setdefault(thing, (number, mark))[1].centre != mark.centre:
                moved.add(thing)
    stay = [first for thing, first in seen.items() if thing not in moved]
    return [[mark for first, mark in stay if first == number] for number in range(len(frames))]


def _parts(pictures: int) -> int:
    return max(PICTURES, pictures)


def locate(size: tuple[int, int], picture: float, box: Box) -> Place:
    """The place of a box in pixels, which is looked at in its middle."""
    (width, height), (x0, y0, x1, y1) = size, box
    left, top, right, bottom = x0 / width, y0 / height, x1 / width, y1 / height
    middle = (left + right) / 2, (top + bottom) / 2
    return Place(left, top, right, bottom, picture, *middle, 0.0)


def _hide(letter: Place) -> Place:
    """The place of a letter that is only looked at."""
    untold = dict.fromkeys(("left", "top", "right", "bottom"), math.nan)
    return letter._replace(letter=letter.bottom - letter.top, **untold)


def find_visual_tokens(
    found: Sequence[Spoken], visual: Sequence[int], grids: Sequence[Grid], side: int
) -> list[tuple[int, ...]]:
    """For each token found, the tokens that the looking heads look at, or -1.

    That is -1 too if a visual token comes only after it, or shows a letter too small to be read.
    `visual` are all visual tokens of pictures in tiles of `grids`, `side` x `side` for each tile.
    """
    before = [0, *accumulate(grid.tiles for grid in grids)]

    def see(look: Look, token: int) -> int:
        if not isinstance(look, Place):
            return -1 if look is None else look
        number = round(look.picture * _parts(len(grids)))
        columns, rows = grids[number] if look.letter else (1, 1)
        column = min(columns * side - 1, max(0, int(columns * side * look.x)))
        row = min(rows * side - 1, max(0, int(rows * side * look.y)))
        first = before[number] if look.letter else before[number + 1] - 1
        tile = first + row // side * columns + column // side
        own = visual[(tile * side + row % side) * side + column % side]
        small = 0 < look.letter * rows * TILE_SIZE < SMALLEST_CHARACTER
        return own if own < token and not small else -1

    return [tuple(see(look, spoken.token) for look in spoken.looks) for spoken in found]


def look_back(scene: Scene, visual: Sequence[int], side: int) -> list[tuple[int, int]]:
    """Tokens that show a thing in a later frame of a video, and the same spot one frame earlier."""
    found = []
    for number, canvas in enumerate(scene.canvases[1:], 1):
        for mark in canvas.marks:
            spot = locate(canvas.size, 0.0, mark[:4])
            own = (number * side + int(side * spot.y)) * side + int(side * spot.x)
            found.append((visual[own], visual[own - side * side]))
    return found
