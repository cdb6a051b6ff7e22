"""Coloured shapes: what, how many, where, which colour; relations, captions and boxes."""

import random

from internvl.training.scenes import phrasings as say
from internvl.training.scenes.canvas import COLOURS, SHAPES
from internvl.training.scenes.scene import (
    SIZES,
    Scene,
    article,
    ask,
    listing,
    region_box,
    sentence,
)
from internvl.training.scenes.things import ROWS, Thing, add_thing, paint_background, pick_pair
from internvl.training.scenes.words import Split, is_in_split

ROUNDS = 3
"""How often each is asked about a picture of training, about other things or in other words; places
and boxes, which take longest to learn, once more."""


def draw_single(rng: random.Random, split: Split) -> Scene:
    """One object on a plain ground."""
    size = rng.choice(SIZES)
    while True:
        canvas, ground, behind = paint_background(rng, size)
        pair = pick_pair(rng, split)
        thing = (
            add_thing(rng, canvas, behind, pair, [], (0.08, 0.42)) if pair[0] != ground else None
        )
        if thing:
            break
    scene = Scene("objects", [canvas])
    new = split == "held-out" and is_in_split(thing.name, split)
    scene.add(
        "objects/new-pair" if new else "objects/single",
        ask(rng, say.WHAT),
        sentence(article(thing.name)),
    )
    scene.add("objects/single-colour", ask(rng, say.COLOUR_OF_IT), thing.colour.capitalize())
    scene.add("objects/single-shape", ask(rng, say.SHAPE_OF_IT), thing.shape.capitalize())
    _ask_about(rng, scene, [thing], ground, split)
    return scene


def draw_objects(rng: random.Random, split: Split) -> Scene:
    """Up to eight objects on a plain ground."""
    if rng.random() < 0.25:
        return draw_single(rng, split)
    canvas, ground, behind = paint_background(rng, rng.choice(SIZES))
    wanted = rng.randint(2, 8)
    radii = (0.06, 0.2) if wanted < 5 else (0.05, 0.13)
    pairs = [pick_pair(rng, split) for _ in range(rng.randint(1, wanted))]
    things: list[Thing] = []
    for _ in range(wanted * 3):
        pair = rng.choice(pairs)
        if pair[0] != ground and len(things) < wanted:
            thing = add_thing(rng, canvas, behind, pair, things, radii)
            things += [thing] if thing else []
    if not things:
        return draw_single(rng, split)
    scene = Scene("objects", [canvas])
    _ask_about(rng, scene, things, ground, split)
    return scene


def caption(things: list[Thing], ground: str) -> str:
    """The whole picture in words, from the top left to the bottom right."""
    ordered = sorted(things, key=lambda t: (_row(t), t.centre[0]))
    parts = [f"{article(t.name)} in the {t.place}" for t in ordered]
    start = "There is" if len(things) == 1 else f"There are {len(things)} objects:"
    return f"{start} {listing(parts)}, on {article(ground)} background."


def _row(thing: Thing) -> int:
    return ROWS.index(thing.place.split()[0])


def _ask_about(
    rng: random.Random, scene: Scene, things: list[Thing], ground: str, split: Split
) -> None:
    names = [t.name for t in things]
    unique = [t for t in things if names.count(t.name) == 1]
    scene.add("objects/caption", ask(rng, say.CAPTION), caption(things, ground))
    scene.add("objects/count", ask(rng, say.COUNT_ALL), str(len(things)))
    scene.add("objects/background", ask(rng, say.BACKGROUND), ground.capitalize())
    rounds = 1 if split == "held-out" else ROUNDS
    for thing in rng.sample(unique, min(rounds + 1, len(unique))):
        _ask_place(rng, scene, thing)
    for _ in range(rounds):
        _ask_counts(rng, scene, things, split)
        _ask_by_property(rng, scene, things)
        if len(unique) > 1:
            _ask_relation(rng, scene, rng.sample(unique, 2))
            _ask_size(rng, scene, things)


def _ask_place(rng: random.Random, scene: Scene, thing: Thing) -> None:
    scene.add("objects/where", ask(rng, say.WHERE, x=thing.name), f"In the {thing.place}.")
    box = f"<ref>{thing.name}</ref>{region_box(thing.box, scene.canvases[0].size)}"
    scene.add("boxes/object", "", box, region=thing.name)
    if rng.random() < 0.3:
        scene.add("boxes/asked", ask(rng, say.FIND, x=thing.name), box)


def _ask_counts(rng: random.Random, scene: Scene, things: list[Thing], split: Split) -> None:
    some = rng.choice(things)
    other = "{} {}".format(*pick_pair(rng, split))
    shown = some.name if rng.random() < 0.5 else other
    there = any(t.name == shown for t in things)
    scene.add("objects/exists", ask(rng, say.EXISTS, x=article(shown)), "Yes" if there else "No")
    kind = rng.choice([some.shape, rng.choice(SHAPES)])
    number = sum(t.shape == kind for t in things)
    plural = kind + ("es" if kind == "cross" else "s")
    scene.add("objects/count-shape", ask(rng, say.COUNT, x=plural), str(number))
    colour = rng.choice([some.colour, rng.choice(list(COLOURS))])
    number = sum(t.colour == colour for t in things)
    scene.add("objects/count-colour", ask(rng, say.COUNT, x=f"{colour} objects"), str(number))


def _ask_by_property(rng: random.Random, scene: Scene, things: list[Thing]) -> None:
    shapes, colours, places = (
        [getattr(t, n) for t in things] for n in ("shape", "colour", "place")
    )
    thing = rng.choice(things)
    if shapes.count(thing.shape) == 1:
        question = ask(rng, say.COLOUR_OF, x=thing.shape)
        scene.add("objects/colour", question, thing.colour.capitalize())
    if colours.count(thing.colour) == 1:
        question = ask(rng, say.SHAPE_OF, x=thing.colour)
        scene.add("objects/shape", question, thing.shape.capitalize())
    if places.count(thing.place) == 1:
        question = ask(rng, say.AT, x=thing.place)
        scene.add("objects/at", question, sentence(article(thing.name)))


def _ask_relation(rng: random.Random, scene: Scene, pair: list[Thing]) -> None:
    first, second = pair
    across, down = (b - a for a, b in zip(first.centre, second.centre, strict=True))
    if abs(across) > abs(down):
        sides = ("left of", "right of") if across > 0 else ("right of", "left of")
    else:
        sides = ("above", "below") if down > 0 else ("below", "above")
    asked = rng.choice(sides)
    other = sides[1] if asked == sides[0] else sides[0]
    template = rng.choice(say.SIDE)
    names = {"x": first.name, "y": second.name, "side": asked, "other": other}
    short = "Yes" if asked == sides[0] else "No"
    answer = sides[0].split()[0].capitalize() if "{other}" in template else short
    scene.add("objects/relation", ask(rng, [template], **names), answer)


def _ask_size(rng: random.Random, scene: Scene, things: list[Thing]) -> None:
    ordered = sorted(things, key=lambda t: t.radius)
    if ordered[-1].radius > 1.3 * ordered[-2].radius:
        answer = sentence(f"the {ordered[-1].name}")
        scene.add("objects/largest", ask(rng, say.LARGEST), answer)
    if ordered[0].radius < 0.77 * ordered[1].radius:
        scene.add("objects/smallest", ask(rng, say.SMALLEST), sentence(f"the {ordered[0].name}"))
