"""Talk: greetings, what the model is, what it can do, and what it honestly can't."""

import json
import random
from functools import lru_cache
from pathlib import Path

from internvl.training.scenes import charts, documents, images, text, video
from internvl.training.scenes import phrasings as say
from internvl.training.scenes.canvas import SHAPES
from internvl.training.scenes.scene import Exchange, Scene, ask
from internvl.training.scenes.words import Split

NO_PICTURE = "I see no picture yet. Please add one and ask again."
OF_PICTURES = (
    *(say.WHAT, say.WHAT, say.CAPTION, say.CAPTION, say.COUNT_ALL, say.COLOUR_OF_IT),
    *(say.COLOUR_OF, say.WHERE, say.FIND, text.READ, charts.TITLE, charts.KIND),
    *(documents.TOTAL, images.DIFFERENCE, images.PICTURES, video.DESCRIBE),
)


@lru_cache(maxsize=2)
def sayings(split: Split) -> dict[str, tuple[tuple[str, ...], str]]:
    """By sort, what people say and the answer to it."""
    sorts = json.loads((Path(__file__).parent / "talk.json").read_text(encoding="utf-8"))
    said = "held-out" if split == "held-out" else "train"
    return {name: (tuple(sort[said]), sort["answer"]) for name, sort in sorts.items()}


def draw_talk(rng: random.Random, split: Split) -> Scene:
    """A few exchanges without a picture."""
    scene = Scene("talk", ordered=True)
    told = sayings(split)
    for name in rng.sample(list(told), rng.randint(2, 5)):
        questions, answer = told[name]
        scene.add(f"talk/{name}", ask(rng, questions), answer)
    if rng.random() < 0.4:
        question = ask(rng, rng.choice(OF_PICTURES), x=rng.choice(SHAPES))
        scene.exchanges.insert(0, Exchange("talk/no-picture", question, NO_PICTURE))
    return scene


def say_something(rng: random.Random, split: Split) -> tuple[str, str]:
    """What people say beside their questions, and the answer to it: any saying as often."""
    sorts = list(sayings(split).values())
    ((questions, answer),) = rng.choices(sorts, [len(questions) for questions, _ in sorts])
    return ask(rng, questions), answer
