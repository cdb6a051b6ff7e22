"""Several pictures: which one, what differs, how many in all; pictures that come later."""

import random

from internvl.training.scenes.canvas import COLOURS, Canvas
from internvl.training.scenes.scene import Scene, article, ask, listing, sentence
from internvl.training.scenes.things import (
    Thing,
    add_thing,
    may_show,
    paint_background,
    pick_pair,
    pick_visible,
)
from internvl.training.scenes.words import Split

SIZES = ((448, 448), (448, 448), (640, 480), (512, 384), (300, 300))
ORDINALS = ("first", "second", "third", "fourth")
IN_ONE = (
    "What is in image {n}?",
    "What does picture {n} show?",
    "What do you see in the {o} picture?",
    "Describe image {n}.",
    "What is in the {o} image?",
)
WHICH = ("Which image shows {x}?", "In which picture is {x}?", "Which picture has {x}?")
TOTAL = (
    "How many objects are there in all pictures together?",
    "How many objects do the pictures show in total?",
    "Count the objects in all the images.",
)
PICTURES = (
    "How many pictures are there?",
    "How many images do you see?",
    "How many pictures did I send?",
)
MOST = ("Which picture has the most objects?", "Which image shows the most objects?")
COLOUR = ("What colour is the {x} in image {n}?", "Which colour does the {x} in picture {n} have?")
DIFFERENCE = (
    "What is the difference between the two pictures?",
    "What is different?",
    "What differs between the images?",
    "Find the difference.",
    "What changed?",
    "Compare the two pictures.",
)
THIS = (
    "What is in this picture?",
    "What is in this one?",
    "And what is this?",
    "What does this picture show?",
)


def draw_images(rng: random.Random, split: Split) -> Scene:
    """Two to four pictures at once, two that differ in one thing, or one after the other."""
    return rng.choice((_gallery, _gallery, _difference, _later))(rng, split)


def _picture(rng: random.Random, split: Split, most: int) -> tuple[Canvas, list[Thing]]:
    things: list[Thing] = []
    while not things:
        canvas, ground, behind = paint_background(rng, rng.choice(SIZES))
        for _ in range(rng.randint(1, most)):
            pair = pick_pair(rng, split)
            if pair[0] != ground:
                thing = add_thing(rng, canvas, behind, pair, things, (0.1, 0.22))
                things += [thing] if thing else []
    return canvas, things


def _names(things: list[Thing]) -> str:
    ordered = sorted(things, key=lambda t: t.centre[0])
    return sentence(listing([article(t.name) for t in ordered]))


def _gallery(rng: random.Random, split: Split) -> Scene:
    most = rng.choice((1, 2, 3))
    pictures = [_picture(rng, split, most) for _ in range(rng.choice((2, 2, 3, 3, 4)))]
    scene = Scene("images", [canvas for canvas, _ in pictures])
    everything = [things for _, things in pictures]
    for number, things in enumerate(everything, 1):
        question = ask(rng, IN_ONE, n=number, o=ORDINALS[number - 1])
        scene.add("images/in-one", question, _names(things))
    _ask_across(rng, scene, everything)
    return scene


def _ask_across(rng: random.Random, scene: Scene, everything: list[list[Thing]]) -> None:
    counts = [len(things) for things in everything]
    scene.add("images/total", ask(rng, TOTAL), str(sum(counts)))
    scene.add("images/pictures", ask(rng, PICTURES), str(len(everything)))
    if counts.count(max(counts)) == 1:
        scene.add("images/most", ask(rng, MOST), f"Image {counts.index(max(counts)) + 1}")
    names = [thing.name for things in everything for thing in things]
    for number, things in enumerate(everything, 1):
        thing = rng.choice(things)
        if names.count(thing.name) == 1:
            question = ask(rng, WHICH, x=article(thing.name))
            scene.add("images/which", question, f"Image {number}")
        if [t.shape for t in things].count(thing.shape) == 1:
            question = ask(rng, COLOUR, x=thing.shape, n=number)
            scene.add("images/colour", question, thing.colour.capitalize())


def _difference(rng: random.Random, split: Split) -> Scene:
    alone: list[Thing] = []
    while not alone:  # "the circle" must be one
        canvas, things = _picture(rng, split, 3)
        shapes = [thing.shape for thing in things]
        alone = [thing for thing in things if shapes.count(thing.shape) == 1]
    behind = [canvas.image.getpixel((2, 2))]
    canvas = Canvas(*canvas.size, behind[0])  # type: ignore[arg-type]
    second = Canvas(*canvas.size, behind[0])  # type: ignore[arg-type]
    changed = rng.choice(alone)
    others = [c for c in COLOURS if c != changed.colour and may_show((c, changed.shape), split)]
    rgb = None
    while rgb is None:
        colour = rng.choice(others)
        rgb = pick_visible(rng, colour, behind)  # type: ignore[arg-type]
    for thing in things:
        own = pick_visible(rng, thing.colour, behind) or rgb  # type: ignore[arg-type]
        canvas.shape(thing.shape, thing.colour, own, thing.centre, thing.radius)
        if thing is changed:
            second.shape(thing.shape, colour, rgb, thing.centre, thing.radius)
        else:
            second.shape(thing.shape, thing.colour, own, thing.centre, thing.radius)
    scene = Scene("images", [canvas, second])
    text = f"The {changed.shape} is {changed.colour} in image 1 and {colour} in image 2."
    scene.add("images/difference", ask(rng, DIFFERENCE), text)
    scene.add("images/pictures", ask(rng, PICTURES), "2")
    for number, canvas_things in ((1, things), (2, [t for t in things if t is not changed])):
        if canvas_things:
            thing = rng.choice(canvas_things)
            if thing in alone:
                question = ask(rng, COLOUR, x=thing.shape, n=number)
                scene.add("images/colour", question, thing.colour.capitalize())
    return scene


def _later(rng: random.Random, split: Split) -> Scene:
    """One picture after the other; the last questions need an earlier one."""
    pictures = [_picture(rng, split, 2) for _ in range(rng.choice((2, 2, 3)))]
    scene = Scene("images", [canvas for canvas, _ in pictures], ordered=True)
    everything = [things for _, things in pictures]
    for things in everything:
        scene.add("images/later", ask(rng, THIS), _names(things), pictures=1)
    first = len(scene.exchanges)
    _ask_across(rng, scene, everything)
    number = rng.randint(1, len(everything))
    question = ask(rng, IN_ONE, n=number, o=ORDINALS[number - 1])
    scene.add("images/earlier", question, _names(everything[number - 1]))
    rest = scene.exchanges[first:]
    rng.shuffle(rest)
    scene.exchanges[first:] = rest
    return scene
