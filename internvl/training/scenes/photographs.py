"""Pictures as busy as photographs, for which the honest answer is that the model can't tell.

Light falls unevenly on grounds and bodies of many outlines, each with its own few colours and its
own grain: what drawn scenes never have.
"""

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from internvl.training.scenes.canvas import Canvas
from internvl.training.scenes.phrasings import CAPTION, PHOTO, WHAT
from internvl.training.scenes.scene import SIZES, Scene, ask
from internvl.training.scenes.words import Split

ANSWER = (
    "I can't tell. This looks like a photograph, and I was trained on drawn scenes; "
    "for photographs use a published model."
)
LARGEST = 480  # pixels along a side that are painted; larger pictures are stretched

Grain = NDArray[np.float32]
Size = tuple[int, int]


def draw_photo(rng: random.Random, split: Split) -> Scene:
    """A picture like a photograph."""
    whole = rng.choice(SIZES)
    share = min(1.0, LARGEST / max(whole))
    size = round(share * whole[0]), round(share * whole[1])
    picture = _ground(rng, size)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        inside = _leaves(rng, size) if rng.random() < 0.4 else _surface(rng, size)
        picture.paste(inside, mask=_outline(rng, size))
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.5)))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.2, 1.0))
    canvas = Canvas(*whole, (0, 0, 0))
    canvas.image.paste(picture.resize(whole, Image.Resampling.BICUBIC))
    scene = Scene("talk", [canvas])
    for question in (*rng.sample((*WHAT, *CAPTION), 2), rng.choice(PHOTO)):
        task = "talk/living" if question in PHOTO else "talk/photo"
        scene.add(task, ask(rng, [question]), ANSWER)
    return scene


def _ground(rng: random.Random, size: Size) -> Image.Image:
    """All grain or leaves, or as smooth as the sky with a little grain."""
    kind = rng.random()
    if kind < 0.7:
        return _leaves(rng, size) if kind < 0.45 else _surface(rng, size)
    return Image.blend(_fade(rng, size), _surface(rng, size), rng.uniform(0.0, 0.5))


def _surface(rng: random.Random, size: Size) -> Image.Image:
    """Grain from coarse to fine in a few colours."""
    roughness = rng.uniform(0.35, 0.9)  # of each octave, against the one before it
    grain: Grain = np.zeros((size[1], size[0]), np.float32)
    cells, loudness = rng.choice((2, 3, 5, 8)), 1.0
    while cells < max(size) / 2:
        grain += loudness * _noise(rng, size, cells)
        cells, loudness = 2 * cells, loudness * roughness
    low, high = np.quantile(grain[::8, ::8], (0.02, 0.98))
    levels = np.clip(255 * (grain - low) / (high - low + 1e-6), 0, 255).astype(np.uint8)
    palette = _palette(rng, shades := rng.randint(2, 4))
    places = np.linspace(0, shades - 1, 256)
    table = np.stack([np.interp(places, range(shades), band) for band in palette.T], 1)
    return Image.fromarray(table.astype(np.uint8)[levels])


def _leaves(rng: random.Random, size: Size) -> Image.Image:
    """Hundreds of bodies that hide each other, few large and many small, under uneven light.

    Round as pebbles or long as hair, turned alike or not: "dead leaves", whose edges are of all
    sizes as those in photographs.
    """
    picture = _surface(rng, size)
    draw = ImageDraw.Draw(picture)
    palette = _palette(rng, rng.randint(3, 7))
    side, least = min(size), rng.uniform(2, 12)
    long, spread = rng.choice((1, 1, 1.5, 3, 8)), rng.choice((0.1, 0.5, 3.0))
    heading = rng.uniform(0, np.pi)
    for _ in range(rng.randint(80, 500)):
        radius = min(0.3 * side, least * rng.paretovariate(1.3))
        x, y, turn = rng.random() * size[0], rng.random() * size[1], rng.gauss(heading, spread)
        colour = rng.choice(palette) + rng.uniform(-25, 25)
        points = []
        for angle in sorted(rng.uniform(0, 2 * np.pi) for _ in range(rng.randint(4, 9))):
            across = radius * long**0.5 * np.cos(angle)
            down = radius / long**0.5 * np.sin(angle)
            points.append(
                (
                    x + across * np.cos(turn) - down * np.sin(turn),
                    y + across * np.sin(turn) + down * np.cos(turn),
                )
            )
        draw.polygon(points, tuple(np.clip(colour, 0, 255).astype(int).tolist()))
    light = _noise(rng, size, rng.choice((2, 3, 5)))[..., None]
    grain = 1 + rng.uniform(0, 0.4) * (_noise(rng, size, max(size) // 3)[..., None] - 0.5)
    shaded = np.asarray(picture, np.float32) * (rng.uniform(0.3, 1) * (light - 0.5) + 1) * grain
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))


def _noise(rng: random.Random, size: Size, cells: int) -> Grain:
    """Spots, about `cells` along the longer side, longer one way than the other."""
    stretch = rng.choice((1, 1, 1, 2, 4))
    across, down = rng.choice(((1, stretch), (stretch, 1)))
    columns = max(2, round(cells * size[0] / max(size) / across))
    rows = max(2, round(cells * size[1] / max(size) / down))
    small = Image.frombytes("L", (columns, rows), rng.randbytes(columns * rows))
    spots: Grain = np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32)
    return spots / np.float32(255)


def _palette(rng: random.Random, shades: int) -> Grain:
    """Colours near each other in hue, from dark to light; mostly pale."""
    tint = np.array([rng.uniform(rng.choice((0.3, 0.6, 0.7)), 1.0) for _ in range(3)], np.float32)
    tint /= tint.max()
    light = sorted(rng.uniform(10, 255) for _ in range(shades))
    drift = np.array([[rng.uniform(-25, 25) for _ in range(3)] for _ in light], np.float32)
    lit = np.array(light, np.float32)[:, None] * tint + drift
    palette: Grain = np.clip(lit, 0, 255).astype(np.float32)
    return palette


def _fade(rng: random.Random, size: Size) -> Image.Image:
    """One colour that turns into another."""
    corners = _palette(rng, 4).astype(np.uint8).reshape(2, 2, 3)
    return Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)


def _outline(rng: random.Random, size: Size) -> Image.Image:
    """Where a body is: below a horizon, in spots, a bent polygon, branches, or a trunk."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    width, height = size
    kind = rng.choice(("horizon", "spots", "polygon", "polygon", "branches", "trunk"))
    if kind == "spots":
        spots = _noise(rng, size, rng.choice((3, 4, 6))) > rng.uniform(0.45, 0.7)
        mask = Image.fromarray((255 * spots).astype(np.uint8))
    elif kind == "branches":
        for _ in range(rng.randint(3, 12)):
            _branch(rng, draw, size)
    elif kind == "trunk":
        x, top = rng.uniform(0, width), rng.uniform(0, 0.5) * height
        narrow, wide = (rng.uniform(0.02, 0.2) * width for _ in range(2))
        foot = height * rng.uniform(0.7, 1.1)
        sides = [(x - narrow, top), (x + narrow, top), (x + wide, foot), (x - wide, foot)]
        draw.polygon(sides, 255)
    elif kind == "horizon":
        heights = [rng.uniform(0.3, 0.8) * height]
        for _ in range(12):
            heights.append(heights[-1] + rng.gauss(0, 0.04 * height))
        edge = [(width * place / 12, y) for place, y in enumerate(heights)]
        draw.polygon([*edge, (width, height), (0, height)], 255)
    else:
        x, y, radius = rng.random() * width, rng.random() * height, rng.uniform(0.1, 0.5)
        angles = sorted(rng.uniform(0, 2 * np.pi) for _ in range(rng.randint(5, 16)))
        far = [rng.uniform(0.5, 1.2) * radius * min(size) for _ in angles]
        corners = zip(angles, far, strict=True)
        draw.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for a, r in corners], 255)
    return mask.filter(ImageFilter.GaussianBlur(rng.choice((0.7, 1.5, 4))))


def _branch(rng: random.Random, draw: ImageDraw.ImageDraw, size: Size) -> None:
    x, y = rng.random() * size[0], rng.random() * size[1]
    angle, step = rng.uniform(0, 2 * np.pi), 0.06 * min(size)
    points = [(x, y)]
    for _ in range(rng.randint(3, 14)):
        angle += rng.gauss(0, 0.4)
        x, y = x + step * np.cos(angle), y + step * np.sin(angle)
        points.append((x, y))
    draw.line(points, 255, rng.randint(1, max(2, round(0.02 * min(size)))))
