"""What bodies and grounds of pictures like photographs are painted with.

Grain, leaves, folds and works in a few colours each, with light that falls unevenly: what drawn
scenes never have.
"""

import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Grain = NDArray[np.float32]
Size = tuple[int, int]

_BENDS: tuple[Callable[[Grain], Grain], ...] = (
    np.sin,
    np.tanh,
    np.abs,
    lambda field: np.tanh(20 * field),
    lambda field: np.exp(-(field**2)),
    lambda field: field % 1,
)


def surface(rng: random.Random, size: Size) -> Image.Image:
    """Grain, leaves, folds or works."""
    painters = (paint_grain, _paint_leaves, _paint_folds, _paint_folds, _paint_works, _paint_works)
    return rng.choice(painters)(rng, size)


def paint_grain(rng: random.Random, size: Size) -> Image.Image:
    """Grain from coarse to fine in a few colours."""
    roughness = rng.uniform(0.35, 0.9)  # of each octave, against the one before it
    grain: Grain = np.zeros((size[1], size[0]), np.float32)
    cells, loudness = rng.choice((2, 3, 5, 8)), 1.0
    while cells < max(size) / 2:
        grain += loudness * spots(rng, size, cells)
        cells, loudness = 2 * cells, loudness * roughness
    low, high = np.quantile(grain[::8, ::8], (0.02, 0.98))
    levels = np.clip(255 * (grain - low) / (high - low + 1e-6), 0, 255).astype(np.uint8)
    colours = palette(rng, shades := rng.randint(2, 4))
    places = np.linspace(0, shades - 1, 256)
    table = np.stack([np.interp(places, range(shades), band) for band in colours.T], 1)
    return Image.fromarray(table.astype(np.uint8)[levels])


def fade(rng: random.Random, size: Size) -> Image.Image:
    """One colour that turns into another."""
    corners = palette(rng, 4).astype(np.uint8).reshape(2, 2, 3)
    return Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)


def spots(rng: random.Random, size: Size, cells: int) -> Grain:
    """Spots, about `cells` along the longer side, longer one way than the other."""
    stretch = rng.choice((1, 1, 1, 2, 4))
    across, down = rng.choice(((1, stretch), (stretch, 1)))
    columns = max(2, round(cells * size[0] / max(size) / across))
    rows = max(2, round(cells * size[1] / max(size) / down))
    small = Image.frombytes("L", (columns, rows), rng.randbytes(columns * rows))
    grain: Grain = np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32)
    return grain / np.float32(255)


def palette(rng: random.Random, shades: int) -> Grain:
    """Colours near each other in hue, from dark to light; mostly pale."""
    tint = np.array([rng.uniform(rng.choice((0.3, 0.6, 0.7)), 1.0) for _ in range(3)], np.float32)
    tint /= tint.max()
    light = sorted(rng.uniform(10, 255) for _ in range(shades))
    drift = np.array([[rng.uniform(-25, 25) for _ in range(3)] for _ in light], np.float32)
    lit = np.array(light, np.float32)[:, None] * tint + drift
    colours: Grain = np.clip(lit, 0, 255).astype(np.float32)
    return colours


def _paint_leaves(rng: random.Random, size: Size) -> Image.Image:
    """Hundreds of bodies that hide each other, few large and many small, under uneven light.

    Round as pebbles or long as hair, turned alike or not: "dead leaves", whose edges are of all
    sizes as those in photographs.
    """
    picture = paint_grain(rng, size)
    draw = ImageDraw.Draw(picture)
    colours = palette(rng, rng.randint(3, 7))
    side, least = min(size), rng.uniform(2, 12)
    long, spread = rng.choice((1, 1, 1.5, 3, 8)), rng.choice((0.1, 0.5, 3.0))
    heading = rng.uniform(0, np.pi)
    for _ in range(rng.randint(80, 500)):
        radius = min(0.3 * side, least * rng.paretovariate(1.3))
        x, y, turn = rng.random() * size[0], rng.random() * size[1], rng.gauss(heading, spread)
        colour = rng.choice(colours) + rng.uniform(-25, 25)
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
    return _shine(rng, picture)


def _paint_works(rng: random.Random, size: Size) -> Image.Image:
    """What people build: rows of panes, discs and bars, some with dark edges, seen askew."""
    picture = fade(rng, size)
    draw = ImageDraw.Draw(picture)
    colours = palette(rng, rng.randint(3, 7)).astype(int).tolist()
    for _ in range(rng.randint(2, 9)):
        x, y = rng.random() * size[0], rng.random() * size[1]
        width, height = (min(size) * rng.choice((0.02, 0.05, 0.1, 0.3)) for _ in range(2))
        step = rng.choice(((1.1, 0), (1.5, 0), (0, 1.1), (0, 1.5), (0.3, 0.3)))
        fill, edge = tuple(rng.choice(colours)), rng.choice((None, (20, 20, 20), (230, 230, 230)))
        shape = rng.choice((draw.rectangle, draw.rectangle, draw.ellipse))
        for _ in range(rng.choice((1, 3, 8, 20))):
            shape((x, y, x + width, y + height), fill, edge, rng.choice((1, 2, 4)))
            x, y = x + step[0] * width, y + step[1] * height
    across, down = (0.25 * side for side in size)
    corners = [
        (x + rng.uniform(-across, across), y + rng.uniform(-down, down))
        for x, y in ((across, down), (across, 3 * down), (3 * across, 3 * down), (3 * across, down))
    ]
    quad = [place for corner in corners for place in corner]
    askew = picture.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    return _shine(rng, askew)


def _shine(rng: random.Random, picture: Image.Image) -> Image.Image:
    """Uneven light, and a grain over all."""
    size = picture.size
    light = spots(rng, size, rng.choice((2, 3, 5)))[..., None]
    grain = 1 + rng.uniform(0, 0.4) * (spots(rng, size, max(size) // 3)[..., None] - 0.5)
    shaded = np.asarray(picture, np.float32) * (rng.uniform(0.3, 1) * (light - 0.5) + 1) * grain
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))


def _paint_folds(rng: random.Random, size: Size) -> Image.Image:
    """What a small random network makes of each place: smooth here, edged or striped there."""
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32) / max(size)
    across, down = columns - rng.random(), rows - rng.random()
    coarse, fine = spots(rng, size, 3), spots(rng, size, rng.choice((6, 12, 30)))
    fields: Grain = 2 * np.stack([across, down, np.hypot(across, down), coarse, fine], -1)
    for _ in range(rng.randint(1, 4)):
        loud = rng.choice((1, 2, 4)) / fields.shape[-1] ** 0.5
        fields = loud * fields @ _gauss(rng, fields.shape[-1], units := rng.choice((4, 8, 12)))
        fields += _gauss(rng, 1, units)
        for unit in range(units):
            fields[..., unit] = rng.choice(_BENDS)(fields[..., unit])
    bands = fields @ _gauss(rng, fields.shape[-1], 4)
    low, high = np.quantile(bands[::8, ::8], (0.02, 0.98), axis=(0, 1))
    bands = (bands - low) / (high - low + 1e-6)
    light = bands[..., 3:] + rng.uniform(0.1, 0.7) * (bands[..., :3] - bands[..., 3:])
    tint = [rng.uniform(0.4, 1) for _ in range(3)]
    shades = light * (255 / max(tint) * np.array(tint, np.float32))
    return Image.fromarray(np.clip(shades, 0, 255).astype(np.uint8))


def _gauss(rng: random.Random, rows: int, columns: int) -> Grain:
    drawn = [[rng.gauss(0, 1) for _ in range(columns)] for _ in range(rows)]
    return np.array(drawn, np.float32)
