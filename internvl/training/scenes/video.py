"""Clips: direction of motion, change of colour, order of events, counting."""

import random

from internvl.training.scenes.canvas import COLOURS, Canvas, Rgb, pick_rgb
from internvl.training.scenes.scene import Scene, article, ask, sentence
from internvl.training.scenes.things import may_show, pick_pair, pick_visible
from internvl.training.scenes.words import Split

SIZES = ((448, 448), (448, 336), (640, 360), (320, 240))
FRAMES = (4, 4, 4, 6, 6, 8, 8, 12, 16)
DIRECTION = (
    "In which direction does the {x} move?",
    "Which way does the {x} move?",
    "Where does the {x} go?",
    "In what direction is the {x} moving?",
)
DIRECTION_OF_IT = ("In which direction does it move?", "Which way does it go?", "Which direction?")
WHAT = (
    "What moves?",
    "Which object is moving?",
    "What is in the video?",
    "What do you see in the video?",
)
DESCRIBE = (
    "Describe the video.",
    "What happens in the video?",
    "What happens?",
    "Describe this clip.",
    "Summarise the video.",
)
CHANGE = (
    "How does the colour change?",
    "Which colour change do you see?",
    "What happens to the colour of the {x}?",
)
END = ("What colour is the {x} at the end?", "Which colour does the {x} have in the last frame?")
START = (
    "What colour is the {x} at the start?",
    "Which colour does the {x} have in the first frame?",
)
FIRST = ("What appears first?", "Which object appears first?", "Which object comes first?")
LAST = ("What appears last?", "Which object appears last?", "Which object comes last?")
COUNT = (
    "How many objects are there at the end?",
    "How many objects are in the last frame?",
    "How many objects appear in the video?",
)
MOVES = {"to the right": (1, 0), "to the left": (-1, 0), "up": (0, -1), "down": (0, 1)}


def draw_video(rng: random.Random, split: Split) -> Scene:
    """A moving object, one that changes its colour, or objects that appear."""
    return rng.choice((_motion, _motion, _change, _appearance))(rng, split)


def _setting(rng: random.Random) -> tuple[tuple[int, int], str, Rgb, int]:
    ground = "white" if rng.random() < 0.5 else rng.choice(list(COLOURS))
    return rng.choice(SIZES), ground, pick_rgb(rng, ground), rng.choice(FRAMES)


def _object(
    rng: random.Random, split: Split, ground: str, behind: Rgb
) -> tuple[tuple[str, str], Rgb]:
    while True:
        pair = pick_pair(rng, split)
        rgb = pick_visible(rng, pair[0], [behind]) if pair[0] != ground else None
        if rgb:
            return pair, rgb


def _motion(rng: random.Random, split: Split) -> Scene:
    size, ground, behind, frames = _setting(rng)
    (colour, shape), rgb = _object(rng, split, ground, behind)
    radius = min(size) * rng.uniform(0.1, 0.18)
    direction = rng.choice(list(MOVES))
    way = MOVES[direction]
    room = [side - 2 * radius for side in size]
    travel = [step * rng.uniform(0.5, 0.9) * space for step, space in zip(way, room, strict=True)]
    start = [
        radius + (rng.uniform(max(0.0, -t), space - max(0.0, t)))
        for t, space in zip(travel, room, strict=True)
    ]
    scene = Scene("video", video=True)
    for frame in range(frames):
        share = frame / (frames - 1)
        canvas = Canvas(*size, behind)
        centre = (start[0] + share * travel[0], start[1] + share * travel[1])
        canvas.shape(shape, colour, rgb, centre, radius)
        scene.canvases.append(canvas)
    name = f"{colour} {shape}"
    answer = sentence(direction)
    scene.add("video/direction", ask(rng, DIRECTION, x=rng.choice((shape, name))), answer)
    scene.add("video/direction", ask(rng, DIRECTION_OF_IT), answer)
    scene.add("video/what", ask(rng, WHAT), sentence(article(name)))
    scene.add("video/describe", ask(rng, DESCRIBE), sentence(f"{article(name)} moves {direction}"))
    return scene


def _change(rng: random.Random, split: Split) -> Scene:
    size, ground, behind, frames = _setting(rng)
    (colour, shape), rgb = _object(rng, split, ground, behind)
    second = colour
    while second == colour or not may_show((second, shape), split):
        (second, _), other = _object(rng, split, ground, behind)
    radius = min(size) * rng.uniform(0.12, 0.25)
    centre = tuple(rng.uniform(radius, side - radius) for side in size)
    moment = rng.randint(1, frames - 1)
    scene = Scene("video", video=True)
    for frame in range(frames):
        canvas = Canvas(*size, behind)
        now = (colour, rgb) if frame < moment else (second, other)
        canvas.shape(shape, *now, centre, radius)  # type: ignore[arg-type]
        scene.canvases.append(canvas)
    answer = f"From {colour} to {second}."
    scene.add("video/change", ask(rng, CHANGE, x=shape), answer)
    scene.add("video/end", ask(rng, END, x=shape), second.capitalize())
    scene.add("video/start", ask(rng, START, x=shape), colour.capitalize())
    text = f"{article(f'{colour} {shape}')} turns {second}"
    scene.add("video/describe", ask(rng, DESCRIBE), sentence(text))
    return scene


def _appearance(rng: random.Random, split: Split) -> Scene:
    """Objects come one after the other, each in a third of the picture, and stay."""
    size, ground, behind, frames = _setting(rng)
    count = rng.randint(2, 3)
    pairs: list[tuple[tuple[str, str], Rgb]] = []
    while len(pairs) < count:
        made = _object(rng, split, ground, behind)
        pairs += [made] if made[0] not in [pair for pair, _ in pairs] else []
    radius = min(size) * rng.uniform(0.1, 0.14)
    columns = rng.sample(range(3), count)
    spots = [
        ((column + 0.5) * size[0] / 3, rng.uniform(radius, size[1] - radius)) for column in columns
    ]
    moments = [0, *sorted(rng.sample(range(1, frames), count - 1))]
    scene = Scene("video", video=True)
    for frame in range(frames):
        canvas = Canvas(*size, behind)
        for ((colour, shape), rgb), spot, moment in zip(pairs, spots, moments, strict=True):
            if frame >= moment:
                canvas.shape(shape, colour, rgb, spot, radius)
        scene.canvases.append(canvas)
    names = [article(" ".join(pair)) for pair, _ in pairs]
    scene.add("video/first", ask(rng, FIRST), sentence(names[0]))
    scene.add("video/last", ask(rng, LAST), sentence(names[-1]))
    scene.add("video/count", ask(rng, COUNT), str(count))
    scene.add("video/describe", ask(rng, DESCRIBE), sentence(", then ".join(names)))
    return scene
