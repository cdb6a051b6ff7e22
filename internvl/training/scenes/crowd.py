"""Crowded pictures without questions: for the vision tower, which learns from every patch."""

import math
import random

from internvl.training.scenes.canvas import (
    COLOURS,
    Canvas,
    Rgb,
    contrast,
    font_names,
    load_font,
    name_colour,
)
from internvl.training.scenes.scene import Scene
from internvl.training.scenes.things import paint_background, pick_pair, pick_visible
from internvl.training.scenes.words import Split, is_in_split, pick_code, pick_word


def draw_crowd(rng: random.Random, split: Split) -> Scene:
    """Dozens of shapes and words on a jittered grid, or a page full of lines."""
    return Scene("crowd", [_page(rng, split) if rng.random() < 0.4 else _grid(rng, split)])


def _grid(rng: random.Random, split: Split) -> Canvas:
    canvas, _, behind = paint_background(rng, (448, 448))
    cells = rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8))
    side = 448 / cells
    share_of_text = rng.choice((0.0, 0.0, 0.3))
    offset = rng.uniform(-0.5, 0.5) * side
    for row in range(cells + 1):
        for column in range(cells + 1):
            corner = (column * side + offset, row * side + offset)
            if rng.random() < 0.1:
                continue
            if rng.random() < share_of_text:
                _word(rng, canvas, corner, side, behind, split)
            else:
                _shape(rng, canvas, corner, side, behind)
    return canvas


def _shape(
    rng: random.Random, canvas: Canvas, corner: tuple[float, float], side: float, behind: list[Rgb]
) -> None:
    """A named pair; or a shape in any colour, or a colour in any outline.

    The last two keep the tower from learning a colour and a shape as one thing.
    """
    colour, shape = pick_pair(rng, "train")
    rgb = pick_visible(rng, colour, behind)
    radius = side * rng.uniform(0.28, 0.46)
    x, y = (start + rng.uniform(radius, side - radius) for start in corner)
    kind = rng.random()
    if kind < 0.2:
        rgb = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
        pair = f"{name_colour(rgb)} {shape}"
        if is_in_split(pair, "train") and min(contrast(rgb, other) for other in behind) > 75:
            canvas.shape(shape, None, rgb, (x, y), radius, rng.uniform(-0.2, 0.2))
    elif rgb and kind < 0.3:
        canvas.blob(_corners(rng, (x, y), radius), colour, rgb)
    elif rgb:
        edge = (0, 0, 0) if rng.random() < 0.12 else None
        turn = rng.uniform(-0.2, 0.2) if rng.random() < 0.6 else 0.0
        canvas.shape(shape, colour, rgb, (x, y), radius, turn, edge)


def _corners(
    rng: random.Random, centre: tuple[float, float], radius: float
) -> list[tuple[float, float]]:
    """Four to nine corners all around a centre, at 0.6 to 1.0 of the radius."""
    corners = rng.randint(4, 9)
    angles = [2 * math.pi * (k + rng.uniform(-0.3, 0.3)) / corners for k in range(corners)]
    reach = [radius * rng.uniform(0.6, 1.0) for _ in range(corners)]
    return [
        (centre[0] + r * math.cos(a), centre[1] + r * math.sin(a))
        for r, a in zip(reach, angles, strict=True)
    ]


def _word(
    rng: random.Random,
    canvas: Canvas,
    corner: tuple[float, float],
    side: float,
    behind: list[Rgb],
    split: Split,
) -> None:
    colour = rng.choice(list(COLOURS))
    rgb = pick_visible(rng, colour, behind)
    word = _text(rng, split)[:10]
    size = int(min(0.7 * side, 1.5 * side / len(word)))
    if rgb and size >= 9:
        font = load_font(rng.choice(font_names()), size)
        canvas.text(word, (corner[0], corner[1] + 0.2 * side), font, colour, rgb)


def _page(rng: random.Random, split: Split) -> Canvas:
    canvas, ground, behind = paint_background(rng, (448, 448))
    y = rng.uniform(-10, 20)
    while y < 440:
        colour = rng.choice([c for c in COLOURS if c != ground])
        rgb = pick_visible(rng, colour, behind)
        font = load_font(rng.choice(font_names()), rng.choice((14, 18, 22, 26, 30, 36, 44, 60)))
        count = int(900 / font.size / 6) + 1
        line = " ".join(_text(rng, split) for _ in range(count))
        if rgb:
            canvas.text(line, (rng.uniform(-20, 40), y), font, colour, rgb)
        y += font.size * rng.uniform(1.15, 1.8)
    return canvas


def _text(rng: random.Random, split: Split) -> str:
    kind = rng.random()
    if kind < 0.2:
        return pick_code(rng)
    if kind < 0.4:
        return (
            f"{rng.randint(0, 10 ** rng.randint(1, 4))}{rng.choice(('', '', '.50', ':', '%', ','))}"
        )
    word = pick_word(rng, split)
    return rng.choice((word, word, word.upper(), word.title()))
