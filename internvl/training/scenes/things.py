"""Coloured objects on plain grounds, and where they are."""

import math
import random
from dataclasses import dataclass

from internvl.training.scenes.canvas import (
    COLOURS,
    SHAPES,
    Box,
    Canvas,
    Mark,
    Rgb,
    contrast,
    pick_rgb,
)
from internvl.training.scenes.words import Split, is_in_split

ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")


@dataclass(frozen=True)
class Thing:
    """An object as drawn; `box` in pixels."""

    colour: str
    shape: str
    box: Box
    place: str
    centre: tuple[float, float]
    radius: float

    @property
    def name(self) -> str:
        """Colour and shape."""
        return f"{self.colour} {self.shape}"


def pick_pair(rng: random.Random, split: Split) -> tuple[str, str]:
    """A colour and a shape; a held-out scene has a held-out pair every second time.

    Scenes told in words ("language") pair all colours with all shapes.
    """
    if split == "language":
        return rng.choice(list(COLOURS)), rng.choice(SHAPES)
    wanted = split if split == "train" or rng.random() < 0.5 else "train"
    while True:
        colour, shape = rng.choice(list(COLOURS)), rng.choice(SHAPES)
        if is_in_split(f"{colour} {shape}", wanted):
            return colour, shape


def may_show(pair: tuple[str, str], split: Split) -> bool:
    """Whether scenes of the split may show this colour and shape; training not a held-out one."""
    return split != "train" or is_in_split(" ".join(pair), split)


def paint_background(rng: random.Random, size: tuple[int, int]) -> tuple[Canvas, str, list[Rgb]]:
    """A fresh canvas, the name of its colour and the shades on it."""
    colour = "white" if rng.random() < 0.4 else rng.choice(list(COLOURS))
    rgb = pick_rgb(rng, colour)
    canvas = Canvas(*size, rgb)
    canvas.marks.append(Mark(0, 0, *size, "blob", None, colour))
    if rng.random() < 0.25:
        second = pick_rgb(rng, colour)
        canvas.shade(rgb, second)
        return canvas, colour, [rgb, second]
    return canvas, colour, [rgb]


def pick_visible(rng: random.Random, colour: str, behind: list[Rgb]) -> Rgb | None:
    """A shade of the colour that stands out from what is behind, or None."""
    for _ in range(6):
        rgb = pick_rgb(rng, colour)
        if min(contrast(rgb, other) for other in behind) > 75:
            return rgb
    return None


def place_name(centre: tuple[float, float], size: tuple[int, int]) -> str:
    """Where a point is, in ninths of the picture.

    >>> place_name((10, 240), (480, 480))
    'middle left'
    """
    row = ROWS[min(2, int(3 * centre[1] / size[1]))]
    column = COLUMNS[min(2, int(3 * centre[0] / size[0]))]
    return row if row == column else f"{row} {column}"


def add_thing(
    rng: random.Random,
    canvas: Canvas,
    behind: list[Rgb],
    pair: tuple[str, str],
    others: list[Thing],
    radii: tuple[float, float],
) -> Thing | None:
    """Draw one object where there is room for it; `radii` is a range of shares of the side."""
    rgb = pick_visible(rng, pair[0], behind)
    if rgb is None:
        return None
    side = min(canvas.size)
    for _ in range(20):
        radius = side * rng.uniform(*radii)
        x = rng.uniform(1.08 * radius, canvas.size[0] - 1.08 * radius)
        y = rng.uniform(1.08 * radius, canvas.size[1] - 1.08 * radius)
        if all(math.dist((x, y), o.centre) > 1.1 * (radius + o.radius) for o in others):
            edge = (0, 0, 0) if rng.random() < 0.15 else None
            turn = rng.uniform(-0.2, 0.2) if rng.random() < 0.6 else 0.0
            box = canvas.shape(pair[1], pair[0], rgb, (x, y), radius, turn, edge)
            place = place_name((x, y), canvas.size)
            return Thing(*pair, box, place, (x, y), radius)
    return None
