"""The places an answer points at: `<ref>label</ref><box>[[x1, y1, x2, y2], ...]</box>`.

Coordinates are whole thousandths of the original picture's width and height. Whatever is not
exactly of this form is text.
"""

import re
from dataclasses import dataclass

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, each from 0 to 1000."""

_BOX = r"\[\s*\d{1,4}\s*(?:,\s*\d{1,4}\s*){3}\]"
_REGION = re.compile(
    rf"<ref>([^<>]{{1,200}})</ref>\s*<box>\s*\[\s*({_BOX}(?:\s*,\s*{_BOX}){{0,63}})\s*\]\s*</box>"
)
_BEGUN = re.compile(
    r"<ref>[^<>]{0,200}(?:</ref>\s*(?:<box>[\[\]\d,\s]{0,1600})?)?(?:<[/a-z]{0,5})?\Z|<(?:r(?:ef?)?)?\Z"
)


@dataclass(frozen=True)
class Region:
    """What was found, and where."""

    label: str
    boxes: tuple[Box, ...]

    def __str__(self) -> str:
        """The label with its coordinates, in words."""
        return f"{self.label} {self.coordinates}"

    @property
    def coordinates(self) -> str:
        """The boxes as they stand in the answer.

        >>> Region("cup", ((1, 2, 3, 4),)).coordinates
        '[[1, 2, 3, 4]]'
        """
        return str([list(box) for box in self.boxes])


def split_regions(text: str) -> list[str | Region]:
    """The text in its order, with every well-formed region in it parsed.

    >>> split_regions("A <ref>cup</ref><box>[[1, 2, 3, 4]]</box>.")
    ['A ', Region(label='cup', boxes=((1, 2, 3, 4),)), '.']
    """
    pieces: list[str | Region] = []
    position = 0
    for match in _REGION.finditer(text):
        if (boxes := _boxes(match[2])) and match[1].strip():
            pieces += [text[position : match.start()], Region(match[1].strip(), boxes)]
            position = match.end()
    return [piece for piece in (*pieces, text[position:]) if piece]


def without_begun_region(text: str) -> str:
    """The text without a region at its end that is still being written.

    >>> without_begun_region("Here: <ref>cup</ref><box>[[1, 2")
    'Here: '
    """
    begun = _BEGUN.search(text)
    return text[: begun.start()] if begun else text


def _boxes(written: str) -> tuple[Box, ...]:
    """The boxes, or none when one of them has no area or leaves the picture."""
    numbers = [int(number) for number in re.findall(r"\d+", written)]
    boxes = [
        (left, top, right, bottom)
        for left, top, right, bottom in zip(*(numbers[n::4] for n in range(4)), strict=True)
    ]
    inside = all(l < r <= 1000 and t < b <= 1000 for l, t, r, b in boxes)  # noqa: E741
    return tuple(boxes) if inside else ()
