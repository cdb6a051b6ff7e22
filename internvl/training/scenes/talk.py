"""Talk: greetings, what the model is, what it can do, and what it honestly can't."""

import json
import random
from functools import lru_cache
from pathlib import Path

from internvl.training.scenes import phrasings as say
from internvl.training.scenes.scene import Exchange, Scene, article, ask
from internvl.training.scenes.words import Split

NO_PICTURE = "I see no picture yet. Please add one and ask again."


@lru_cache(maxsize=1)
def sayings() -> dict[str, tuple[tuple[str, ...], str]]:
    """By name what people say, of which the last is held out, and the answer to it."""
    text = (Path(__file__).parent / "talk.json").read_text(encoding="utf-8")
    return {
        name: (tuple(told["questions"]), told["answer"]) for name, told in json.loads(text).items()
    }


def draw_talk(rng: random.Random, split: Split) -> Scene:
    """A few exchanges without a picture."""
    scene = Scene("talk", ordered=True)
    for name in rng.sample(list(sayings()), rng.randint(2, 5)):
        scene.add(f"talk/{name}", *_say(rng, name, split))
    if rng.random() < 0.3:
        scene.exchanges.insert(0, _no_picture(rng))
    return scene


def say_something(rng: random.Random, split: Split) -> tuple[str, str]:
    """What people say beside their questions, and the answer to it."""
    return _say(rng, rng.choice(list(sayings())), split)


def _say(rng: random.Random, name: str, split: Split) -> tuple[str, str]:
    questions, answer = sayings()[name]
    return ask(rng, questions[-1:] if split == "held-out" else questions[:-1]), answer


def _no_picture(rng: random.Random) -> Exchange:
    question = ask(rng, rng.choice((say.WHAT, say.CAPTION)))
    return Exchange("talk/no-picture", question, NO_PICTURE)


def ask_of_life(rng: random.Random) -> str:
    """A question about what no drawn scene shows: people, animals, cities and things."""
    if rng.random() < 0.5:
        return ask(rng, say.PHOTO)
    noun = rng.choice(say.LIFE)
    templates, shown = rng.choice(
        (
            (say.COLOUR_OF, noun),
            (say.COUNT, f"{noun}s"),
            (say.EXISTS, article(noun)),
            (say.WHERE, noun),
            (say.FIND, noun),
        )
    )
    return ask(rng, templates, x=shown)
