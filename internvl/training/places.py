"""Where a conversation speaks of something that is in the pictures just once, and where that is."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from internvl.training.scenes import Scene
from internvl.training.scenes.canvas import COLOURS, SHAPES
from internvl.training.scores import BOX

Place = tuple[float, float, float, float, float]
"""Left, top, right and bottom, from 0 to 1 of the picture, and the picture: a `PICTURES`th each."""
PICTURES = 8
LEADING = 2  # tokens before an answer where its place is asked for


def name_places(scene: Scene) -> dict[str, Place]:
    """The places of things and lines that no other shares its name with; names in lower case.

    Nothing of a video, whose things move.
    """
    found: dict[str, list[Place]] = defaultdict(list)
    for number, canvas in enumerate([] if scene.video else scene.canvases):
        width, height = canvas.size
        lines = [(box, text.rstrip(":")) for box, text in canvas.lines]
        named = [(box, text) for box, text in lines if len(text) > 1]
        for mark in canvas.marks:
            if mark.shape in SHAPES:
                box = mark.x0, mark.y0, mark.x1, mark.y1
                for name in (f"{mark.colour} {mark.shape}", mark.shape, f"{mark.colour} object"):
                    named.append((box, name))
        for (x0, y0, x1, y1), name in named:
            place = x0 / width, y0 / height, x1 / width, y1 / height, number / PICTURES
            found[name.lower()].append(place)
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def find_places(
    ids: Sequence[int], learned: Sequence[bool], tokenizer: Any, names: dict[str, Place]
) -> list[tuple[int, Place]]:
    """The tokens at which something stands in a place that is known, with the place.

    They are those of every box that is learned, the last one of every name, and `LEADING` before
    every learned answer that names something: the place of the first it names.
    """
    pieces = [_piece(tokenizer, token) for token in ids]
    starts = [0, *accumulate(map(len, pieces))]
    ends, text = starts[1:], "".join(pieces)
    mentions = _find_names(text, names)
    found = [(bisect_left(ends, end), names[name]) for _, end, name in mentions]
    for match in BOX.finditer(text):
        first, last = bisect_left(starts, match.start()), bisect_left(ends, match.end())
        if learned[first]:
            # Boxes are asked for of one picture only.
            left, top, right, bottom = (int(side) / 1000 for side in match.groups())
            found += [(token, (left, top, right, bottom, 0.0)) for token in range(first, last + 1)]
    for token, (before, own) in enumerate(pairwise(learned), 1):
        if own and not before:
            end = next((k for k in range(token, len(ids)) if not learned[k]), len(ids))
            inside = [m for m in mentions if starts[token] <= m[0] < starts[end]]
            if inside:
                found += [(token - 1 - k, names[inside[0][2]]) for k in range(LEADING)]
    return found


def _find_names(text: str, names: dict[str, Place]) -> list[tuple[int, int, str]]:
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
