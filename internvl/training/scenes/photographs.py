"""Pictures as busy as photographs, for which the honest answer is that the model can't tell.

Bodies of many outlines, round and with shadows, on grounds that are sharp, out of focus or plain.
"""

import random
from string import ascii_letters

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageStat

from internvl.training.scenes import charts, documents, general, images
from internvl.training.scenes import phrasings as say
from internvl.training.scenes.canvas import SHAPES, Canvas, font_names, load_font
from internvl.training.scenes.scene import SIZES, Scene, ask
from internvl.training.scenes.surfaces import Size, fade, paint_grain, spots, surface
from internvl.training.scenes.video import DESCRIBE
from internvl.training.scenes.words import Split

ANSWER = (
    "I can't tell. This looks like a photograph, and I was trained on drawn scenes; "
    "for photographs use a published model."
)
LARGEST = 480  # pixels along a side that are painted; larger pictures are stretched
Spot = tuple[float, float]  # shares of the sides
DULL = 15  # of 255: what differs less is no picture
FRAMES = 4
ABOUT = (
    *(*general.KIND, *general.HAS_TEXT, *general.OF_TEXT, *general.OF_SHAPES, *general.OF_CHARTS),
    *(*charts.KIND, *documents.KIND, *say.LARGEST, *say.SMALLEST, *say.BACKGROUND),
    *(*say.COLOUR_OF_IT, *say.SHAPE_OF_IT),
)


def draw_photo(rng: random.Random, split: Split) -> Scene:
    """A picture like a photograph, at times two, or a clip for which the camera moves on."""
    whole = rng.choice(SIZES)
    sort = rng.random()
    pictures = [_paint(rng, whole) for _ in range(2 if sort < 0.1 else 1)]
    if video := sort > 0.9:
        pictures = _pan(rng, pictures[0])
    scene = Scene("talk", [Canvas(*whole, (0, 0, 0)) for _ in pictures], video=video)
    for canvas, picture in zip(scene.canvases, pictures, strict=True):
        canvas.image.paste(picture)
    shows: tuple[str, ...] = (*say.WHAT, *general.SHOWS)
    if len(pictures) > 1:
        shows = DESCRIBE if video else (*general.SEVERAL, *images.DIFFERENCE)
    for templates in (shows, say.CAPTION):
        scene.add("talk/photo", ask(rng, templates), ANSWER)
    scene.add("talk/living", ask(rng, ABOUT, x=rng.choice(SHAPES)), ANSWER)
    for _ in range(2):
        question, region = general.ask_of_life(rng)
        scene.add("talk/living", question, ANSWER, region=region)
    return scene


def _pan(rng: random.Random, picture: Image.Image) -> list[Image.Image]:
    """Parts of the picture, one after the other, at its size."""
    share, (width, height) = rng.uniform(0.8, 1), picture.size
    across, down = (rng.choice((-1, 0, 1)) for _ in range(2))
    frames = []
    for at in range(FRAMES):
        moved = at / (FRAMES - 1) - 0.5
        left = (1 - share) * width * (0.5 + across * moved)
        top = (1 - share) * height * (0.5 + down * moved)
        box = (left, top, left + share * width, top + share * height)
        frames.append(picture.resize(picture.size, Image.Resampling.BILINEAR, box))
    return frames


def _paint(rng: random.Random, whole: Size) -> Image.Image:
    share = min(1.0, LARGEST / max(whole))
    picture = Image.new("RGB", whole)
    spot = rng.choice((None, (rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7))))
    while max(ImageStat.Stat(picture).stddev) < DULL:
        picture = _ground(rng, (round(share * whole[0]), round(share * whole[1])))
        for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
            _put(rng, picture, spot)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.5)))
    vivid = rng.choice((rng.uniform(0.0, 1.0), rng.uniform(0.8, 2.5)))
    picture = ImageEnhance.Color(picture).enhance(vivid)
    if rng.random() < 0.2:
        _write(rng, picture)
    if rng.random() < 0.15:
        picture = _frame(rng, picture)
    return picture.resize(whole, Image.Resampling.BICUBIC)


def _write(rng: random.Random, picture: Image.Image) -> None:
    """A word somewhere, as on a sign or in a corner."""
    word = "".join(rng.choices(ascii_letters, k=rng.randint(2, 12)))
    font = load_font(rng.choice(font_names()), rng.choice((10, 14, 20, 40)))
    shade = rng.choice((0, 255, rng.randint(0, 255)))
    spot = rng.random() * picture.width * 0.8, rng.random() * picture.height * 0.95
    ImageDraw.Draw(picture).text(spot, word, (shade, shade, shade), font)


def _frame(rng: random.Random, picture: Image.Image) -> Image.Image:
    """The picture on a plain ground, as a print or a screen shows it."""
    framed = Image.new("RGB", picture.size, _plain(rng))
    sides = [rng.choice((0.0, rng.uniform(0, 0.2))) for _ in range(4)]
    left, top = round(sides[0] * picture.width), round(sides[1] * picture.height)
    room = (1 - sides[0] - sides[2]) * picture.width, (1 - sides[1] - sides[3]) * picture.height
    framed.paste(picture.resize((round(room[0]), round(room[1]))), (left, top))
    return framed


def _plain(rng: random.Random) -> tuple[int, int, int]:
    """White, black, grey or any colour, not quite."""
    shades = rng.choice(
        ([255] * 3, [0] * 3, [rng.randint(0, 255)] * 3, rng.choices(range(256), k=3))
    )
    red, green, blue = (min(255, max(0, shade + rng.randint(-8, 8))) for shade in shades)
    return red, green, blue


def _ground(rng: random.Random, size: Size) -> Image.Image:
    """A surface, sharp or out of focus, a plain table, or as smooth as the sky."""
    kind = rng.random()
    if kind < 0.65:
        blur = rng.choice((0.0, rng.uniform(0, 15)))
        return surface(rng, size).filter(ImageFilter.GaussianBlur(blur))
    if kind < 0.9:
        return Image.new("RGB", size, _plain(rng))
    return Image.blend(fade(rng, size), paint_grain(rng, size), rng.uniform(0.0, 0.5))


def _put(rng: random.Random, picture: Image.Image, spot: Spot | None) -> None:
    """A body, often with its shadow, and often lit from one side."""
    mask = _outline(rng, picture.size) if spot is None else _part(rng, picture.size, spot)
    if rng.random() < 0.5:
        soft = mask.filter(ImageFilter.GaussianBlur(rng.uniform(3, 20)))
        shadow = Image.new("L", picture.size)
        shadow.paste(soft, (rng.randint(-15, 15), rng.randint(-5, 20)))
        picture.paste((rng.randint(0, 60),) * 3, mask=shadow.point(lambda depth: depth * 0.6))
    inside = surface(rng, picture.size)
    if rng.random() < 0.6:
        height = np.asarray(mask.filter(ImageFilter.GaussianBlur(rng.uniform(5, 60))), np.float32)
        down, across = np.gradient(height)
        turn = rng.uniform(0, 2 * np.pi)
        slope = across * np.cos(turn) + down * np.sin(turn)
        light = 1 + rng.uniform(0.2, 0.8) * slope / (np.abs(slope).max() + 1e-6)
        lit = np.asarray(inside, np.float32) * light[..., None]
        inside = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    picture.paste(inside, mask=mask)


def _part(rng: random.Random, size: Size, spot: Spot) -> Image.Image:
    """Where a part of a body is that stands at this spot: round, or its corners are."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    x, y = (side * rng.gauss(at, 0.1) for side, at in zip(size, spot, strict=True))
    across, down = (min(size) * rng.choice((0.03, 0.08, 0.15, 0.3)) for _ in range(2))
    if rng.random() < 0.4:
        draw.ellipse((x - across, y - down, x + across, y + down), 255)
    else:
        angles = sorted(rng.uniform(0, 2 * np.pi) for _ in range(rng.randint(4, 9)))
        draw.polygon([(x + across * np.cos(a), y + down * np.sin(a)) for a in angles], 255)
    turned = mask.rotate(rng.uniform(-90, 90), center=(x, y))
    round_ = turned.filter(ImageFilter.GaussianBlur(rng.choice((1, 4, 8))))
    sharp = round_.point(lambda depth: 255 if depth > 110 else 0)
    return sharp.filter(ImageFilter.GaussianBlur(rng.choice((0.7, 1.5))))


def _outline(rng: random.Random, size: Size) -> Image.Image:
    """Where a body is: below a horizon, in spots, a bent polygon, branches, or a trunk."""
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    width, height = size
    kind = rng.choice(("horizon", "spots", "polygon", "polygon", "branches", "trunk"))
    if kind == "spots":
        blots = spots(rng, size, rng.choice((3, 4, 6))) > rng.uniform(0.45, 0.7)
        mask = Image.fromarray((255 * blots).astype(np.uint8))
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
