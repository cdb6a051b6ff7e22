"""A canvas that remembers what it drew: shapes and characters with their boxes and colours.

The marks let the vision tower learn from every patch, not only from the answer to a question.
"""

import math
import random
from functools import lru_cache
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from internvl.training.scenes.outlines import outline

Rgb = tuple[int, int, int]

COLOURS: dict[str, list[Rgb]] = {
    "red": [(255, 0, 0), (220, 40, 40), (185, 15, 30)],
    "orange": [(255, 140, 0), (245, 125, 30), (255, 165, 20)],
    "yellow": [(255, 255, 0), (245, 220, 50), (255, 235, 90)],
    "green": [(0, 128, 0), (60, 180, 75), (0, 220, 40), (30, 110, 50)],
    "cyan": [(0, 255, 255), (50, 200, 215), (70, 220, 225)],
    "blue": [(0, 0, 255), (45, 85, 220), (30, 60, 150)],
    "purple": [(128, 0, 128), (135, 60, 190), (100, 30, 160)],
    "pink": [(255, 150, 195), (250, 120, 180), (255, 180, 205)],
    "brown": [(125, 75, 40), (139, 69, 19), (100, 60, 35)],
    "black": [(0, 0, 0), (30, 30, 30)],
    "white": [(255, 255, 255), (245, 245, 245)],
    "grey": [(128, 128, 128), (150, 150, 150), (110, 110, 112)],
}
SHAPES = ("circle", "square", "triangle", "star", "diamond", "hexagon", "cross", "heart")
CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;!?%$#&@()-+/'=*<>"
_FONT_FILES = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSansCondensed.ttf",
    "LiberationSans-Regular.ttf",
    "LiberationSans-Bold.ttf",
    "LiberationSerif-Regular.ttf",
    "LiberationMono-Regular.ttf",
    "LiberationSans-Italic.ttf",
)


class Mark(NamedTuple):
    """One thing drawn: its box in pixels, and a shape or a character, with its colour's name.

    A shape outside `SHAPES` ("blob", "slice") or a colour of None is there but has no name.
    `before` is what stands before a character in its line: another one, with a blank after it or
    not, or a line break. `centre` is where a shape was put, not always the middle of its box.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    shape: str | None
    character: str | None
    colour: str | None
    before: str = ""
    centre: tuple[float, float] | None = None


@lru_cache(maxsize=512)
def load_font(name: str, size: int) -> Any:
    """The font at this size in pixels; "" is the one inside Pillow. Raises OSError."""
    if not name:
        return ImageFont.load_default(size)
    return ImageFont.truetype(name, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def font_names() -> tuple[str, ...]:
    """The fonts of this machine that scenes use; the one inside Pillow is always there."""
    found = [""]
    for name in _FONT_FILES:
        try:
            load_font(name, 20)
        except OSError:
            continue
        found.append(name)
    return tuple(found)


@lru_cache(maxsize=65536)
def _advance(font: Any, character: str) -> float:
    return float(font.getlength(character))


def pick_rgb(rng: random.Random, colour: str) -> Rgb:
    """A shade that a person would call by this name."""
    first, second = rng.choice(COLOURS[colour]), rng.choice(COLOURS[colour])
    mix = rng.random()
    return (
        _jitter(rng, first[0], second[0], mix),
        _jitter(rng, first[1], second[1], mix),
        _jitter(rng, first[2], second[2], mix),
    )


def _jitter(rng: random.Random, first: int, second: int, mix: float) -> int:
    return min(255, max(0, round(first * mix + second * (1 - mix)) + rng.randint(-6, 6)))


def contrast(first: Rgb, second: Rgb) -> float:
    """How far apart two colours are, 0 to about 440."""
    return math.dist(first, second)


def name_colour(rgb: Rgb) -> str:
    """The named colour nearest to this one.

    >>> name_colour((250, 10, 20))
    'red'
    """
    return min(COLOURS, key=lambda name: min(contrast(rgb, shade) for shade in COLOURS[name]))


Box = tuple[float, float, float, float]


class Line(NamedTuple):
    """A line of text with its box in pixels, and that of every letter; blanks have one too.

    Of a label, `thing` is the box of what it stands for, `sign` that of a sign in its colour.
    """

    box: Box
    text: str
    letters: list[Box]
    thing: Box | None = None
    sign: Box | None = None


class Canvas:
    """A picture being drawn, with `marks` of everything on it and the `lines` of text."""

    def __init__(self, width: int, height: int, background: Rgb) -> None:
        self.image = Image.new("RGB", (width, height), background)
        self.marks: list[Mark] = []
        self.lines: list[Line] = []
        self._draw = ImageDraw.Draw(self.image)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.size

    def shade(self, top: Rgb, bottom: Rgb) -> None:
        """Fill everything with a gradient from top to bottom."""
        strip = Image.new("RGB", (1, 2))
        strip.putpixel((0, 0), top)
        strip.putpixel((0, 1), bottom)
        self.image.paste(strip.resize(self.size, Image.Resampling.BILINEAR))

    def shape(
        self,
        shape: str,
        colour: str | None,
        rgb: Rgb,
        centre: tuple[float, float],
        radius: float,
        turn: float = 0.0,
        edge: Rgb | None = None,
    ) -> Box:
        """Draw a shape and return its box in pixels."""
        x, y = centre
        width = max(1, round(radius / 14))
        if shape == "circle":
            box = (x - radius, y - radius, x + radius, y + radius)
            self._draw.ellipse(box, fill=rgb, outline=edge, width=width)
        else:
            points = outline(shape, x, y, radius, turn)
            self._draw.polygon(points, fill=rgb, outline=edge, width=width)
            box = (min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2]))
        self.marks.append(Mark(*box, shape, None, colour, centre=centre))
        return box

    def blob(self, points: list[tuple[float, float]], colour: str, rgb: Rgb) -> None:
        """Draw an area of no shape that has a name."""
        self._draw.polygon(points, fill=rgb)
        across, down = zip(*points, strict=True)
        box = (min(across), min(down), max(across), max(down))
        self.marks.append(Mark(*box, "blob", None, colour))

    def text(
        self,
        text: str,
        position: tuple[float, float],
        font: Any,
        colour: str,
        rgb: Rgb,
        thing: Box | None = None,
        sign: Box | None = None,
    ) -> Box:
        """Write a line from its top left corner and return its box in pixels."""
        x, y = position
        self._draw.text(position, text, font=font, fill=rgb)
        ascent, descent = font.getmetrics()
        top = y + ascent - 0.78 * font.size
        left, before = x, "\n"
        letters = []
        for character in text:
            right = left + _advance(font, character)
            box = (left, top, right, y + ascent)
            letters.append(box)
            if character == " ":
                before = f"{before[0]} "
            else:
                self.marks.append(Mark(*box, None, character, colour, before))
                before = character
            left = right
        whole = (x, top, left, y + ascent + 0.3 * descent)
        self.lines.append(Line(whole, text, letters, thing, sign))
        return whole

    def box(
        self,
        box: Box,
        fill: Rgb | None,
        edge: Rgb | None,
        width: int = 1,
        colour: str | None = None,
    ) -> None:
        """A rectangle that is scenery; with a `colour`, it is told that this is there."""
        self._draw.rectangle(box, fill=fill, outline=edge, width=width)
        if colour:
            self.marks.append(Mark(*box, "blob", None, colour))

    def line(self, points: list[tuple[float, float]], rgb: Rgb, width: int = 1) -> None:
        """A line that is scenery."""
        self._draw.line(points, fill=rgb, width=width)

    def slice(self, box: Box, start: float, end: float, rgb: Rgb, edge: Rgb, colour: str) -> Box:
        """A slice of a pie; degrees run clockwise from three o'clock.

        Returns the box of the largest circle inside it, which grows with it up to half a pie.
        """
        self._draw.pieslice(box, start, end, fill=rgb, outline=edge)
        radius, middle = (box[2] - box[0]) / 2, math.radians((start + end) / 2)
        sine = math.sin(math.radians(min(90.0, (end - start) / 2)))
        own, away = radius * sine / (1 + sine), radius / (1 + sine)
        x = (box[0] + box[2]) / 2 + away * math.cos(middle)
        y = (box[1] + box[3]) / 2 + away * math.sin(middle)
        inside = (x - own, y - own, x + own, y + own)
        self.marks.append(Mark(*inside, "slice", None, colour))
        return inside
