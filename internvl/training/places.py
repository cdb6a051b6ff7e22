"""Where a conversation speaks of something that is in the pictures, and where that is."""

import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import accumulate, cycle
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


class Name(NamedTuple):
    """What has a name: its place, its letters' places, and of a line what it labels.

    `thing` is the bar or slice that a line stands for, `sign` the coloured sign beside it.
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
    looks: tuple[Look, Look, Look]


def name_places(scene: Scene) -> dict[str, list[Name]]:
    """The places of things and lines by their names, in lower case, in the order of a caption.

    Nothing of a video, whose things move.
    """
    found: dict[str, list[Name]] = defaultdict(list)
    for number, canvas in enumerate([] if scene.video else scene.canvases):
        locate = partial(_locate, canvas.size, number / PICTURES)
        for mark in canvas.marks:
            if mark.shape in SHAPES:
                place = locate((mark.x0, mark.y0, mark.x1, mark.y1))
                for name in (f"{mark.colour} {mark.shape}", mark.shape, f"{mark.colour} object"):
                    found[name].append(Name(place))
        for line in canvas.lines:
            name = line.text.rstrip(":").lower()
            if len(name) > 1:
                letters = tuple(_hide(locate(box)) for box in line.letters)
                own = Place(*locate(line.box)[:4], *letters[0][4:])
                labelled = [box and locate(box) for box in (line.thing, line.sign)]
                found[name].append(Name(own, letters, *labelled))
    return {name: sorted(named, key=_reading_order) for name, named in found.items()}


def _reading_order(name: Name) -> tuple[float, int, float]:
    """As captions go: by picture, then by the upper, middle and lower third, then from the left."""
    return name.place.picture, int(3 * name.place.y), name.place.x


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
    ids: Sequence[int], learned: Sequence[bool], tokenizer: Any, names: dict[str, list[Name]]
) -> list[Spoken]:
    """The tokens that speak of something in a place that is known.

    Of a name that several share it is, where a question or an answer says it as often.
    They are those of every box that is learned, the last one of every name, and `LEADING` before
    every learned answer: there it is the place of the first thing the answer names, or else of the
    only one that was asked about. Before every learned token of a line that is read it is the place
    of the letter that comes next, before a later name of an answer the place of that.
    """
    text = _Text(ids, tokenizer, names)
    found: dict[int, Spoken] = {}
    asked = 0
    for first in range(1, len(ids)):
        if learned[first] and not learned[first - 1]:
            end = next((n for n in range(first, len(ids)) if not learned[n]), len(ids))
            found |= text.follow(asked, first, end)
            asked = end
    for first, last, place in text.boxes():
        if learned[first]:
            found |= {n: Spoken(n, place, (place,) * 3) for n in range(first, last + 1)}
    return list(found.values())


class _Mention(NamedTuple):
    """A name in a text: how it is said, its first character, its first and last token."""

    said: str
    begin: int
    first: int
    last: int
    name: Name


class _Text:
    """What the tokens of a conversation say."""

    def __init__(self, ids: Sequence[int], tokenizer: Any, names: dict[str, list[Name]]) -> None:
        self._pieces = [_piece(tokenizer, token) for token in ids]
        self._text = "".join(self._pieces)
        self._starts = [0, *accumulate(map(len, self._pieces))]
        self._names = names
        self._mentions = [
            _Mention(said, begin, self._over(begin), self._over(end - 1), names[said][0])
            for begin, end, said in _find_names(self._text, names)
        ]

    def boxes(self) -> Iterator[tuple[int, int, Place]]:
        """First and last token of every box, and its place. They are asked of one picture only."""
        for match in BOX.finditer(self._text):
            left, top, right, bottom = (int(side) / 1000 for side in match.groups())
            place = _locate((1, 1), 0.0, (left, top, right, bottom))
            yield self._over(match.start()), self._over(match.end() - 1), place

    def follow(self, asked: int, first: int, end: int) -> dict[int, Spoken]:
        """What the tokens before and in an answer speak of; the question starts at `asked`.

        What is known of the only thing asked about stands at its name, and has to be passed on.
        """
        before, inside = self._speak_of(asked, first), self._speak_of(first, end)
        about = before[-1] if len({m.said for m in before}) == 1 else None
        found = {}

        def speak(token: int, place: Place, said: str, start: Place | None = None) -> None:
            looks: tuple[Look, Look, Look] = (start or place, place, place)
            if about and about.said != said:
                looks = (None, about.last, place)
            found[token] = Spoken(token, place, looks)

        for mention in inside:
            for token, place in self._read(mention):
                speak(token - 1, place, mention.said)
        for token in range(first - LEADING, first):
            if inside:
                start = None if before else inside[0].name.thing
                speak(token, inside[0].name.place, inside[0].said, start)
            elif about:
                speak(token, about.name.sign or about.name.place, "")
        for mention in (*before, *inside):
            place = mention.name.place
            found[mention.last] = Spoken(mention.last, place, (place,) * 3)
        return found

    def _speak_of(self, first: int, end: int) -> list[_Mention]:
        """The names that begin in these tokens and whose bearers are known."""
        within = [m for m in self._mentions if first <= m.first < end]
        often = Counter(m.said for m in within)
        meant = {
            said: cycle(self._names[said])
            for said, count in often.items()
            if len(self._names[said]) in (1, count)
        }
        return [m._replace(name=next(meant[m.said])) for m in within if m.said in meant]

    def _read(self, mention: _Mention) -> Iterator[tuple[int, Place]]:
        """The tokens of a name, and the places of a line's letters that they begin with."""
        letters = mention.name.letters
        if not letters:
            yield mention.first, mention.name.place
        for token in range(mention.first, mention.last + 1) if letters else ():
            piece = self._pieces[token]
            letter = self._starts[token] + len(piece) - len(piece.lstrip()) - mention.begin
            if letter < len(letters):
                yield token, letters[max(0, letter)]

    def _over(self, character: int) -> int:
        """The token with this character."""
        return bisect_right(self._starts, character) - 1


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
        number = round(look.picture * PICTURES)
        columns, rows = grids[number] if look.letter else (1, 1)
        column = min(columns * side - 1, max(0, int(columns * side * look.x)))
        row = min(rows * side - 1, max(0, int(rows * side * look.y)))
        first = before[number] if look.letter else before[number + 1] - 1
        tile = first + row // side * columns + column // side
        own = visual[(tile * side + row % side) * side + column % side]
        small = 0 < look.letter * rows * TILE_SIZE < SMALLEST_CHARACTER
        return own if own < token and not small else -1

    return [tuple(see(look, spoken.token) for look in spoken.looks) for spoken in found]


def _find_names(text: str, names: dict[str, list[Name]]) -> list[tuple[int, int, str]]:
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
