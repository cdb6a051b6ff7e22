"""A scene: pictures with everything that can be asked about them, and how people phrase it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from internvl.training.scenes.canvas import Box, Canvas, Mark, font_names
from internvl.training.scenes.words import Split, is_in_split

SIZES = (
    *[(448, 448)] * 4,
    *[(640, 480)] * 3,
    *[(512, 512)] * 2,
    (480, 640),
    (800, 600),
    (600, 400),
    (300, 300),
    (400, 600),
    (1024, 768),
    (1280, 720),
    (1000, 1000),
)


def pick_layout(
    rng: random.Random, split: Split, kind: str, sizes: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], str]:
    """A size and a font that only this split has together, for this kind of picture.

    Any, where a machine has so few fonts that the split has none of its own.
    """
    pairs = [(size, font) for size in sizes for font in font_names()]
    own = [pair for pair in pairs if is_in_split(f"{kind} {pair}", split)]
    return rng.choice(own or pairs)


@dataclass(frozen=True)
class Exchange:
    """A question and its answer; `task` is its name in the evaluation.

    `region` is set where the question is the published grounding prompt for it. `pictures` counts
    the pictures that arrive with this question; None is all that are left.
    """

    task: str
    question: str
    answer: str
    region: str | None = None
    pictures: int | None = None


@dataclass
class Scene:
    """Pictures (or the frames of a video) and the exchanges about them."""

    kind: str
    canvases: list[Canvas] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    video: bool = False
    ordered: bool = False

    def add(self, task: str, question: str, answer: str, **details: object) -> None:
        """One more exchange."""
        self.exchanges.append(Exchange(task, question, answer, **details))  # type: ignore[arg-type]


def ask(rng: random.Random, templates: Sequence[str], **parts: object) -> str:
    """One of the phrasings, typed the way people type: other spelling, case or punctuation."""
    question = rng.choice(templates).format(**parts)
    if rng.random() < 0.5:
        question = question.replace("colour", "color")
    if rng.random() < 0.25:
        question = question[0].lower() + question[1:]
    if rng.random() < 0.25:
        question = question.rstrip("?.") or question
    return question


def article(noun: str) -> str:
    """The noun with "a" or "an".

    >>> article("orange star")
    'an orange star'
    """
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listing(items: Sequence[str]) -> str:
    """Items as a person lists them.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def region_box(box: Box, size: tuple[int, int]) -> str:
    """A box as the published models write it: whole numbers, 0-1000 of the original picture."""
    scaled = [
        min(1000, max(0, round(1000 * value / side)))
        for value, side in zip(box, (*size, *size), strict=True)
    ]
    return f"<box>[[{', '.join(map(str, scaled))}]]</box>"


def transcribe(scene: Scene) -> str:
    """The pictures in words: what a blind reader would need to answer the questions."""
    parts = []
    for number, canvas in enumerate(scene.canvases, 1):
        width, height = canvas.size
        items = [
            (m.y0, f"{m.colour} {m.shape} {_middle(m, width, height)}")
            for m in canvas.marks
            if m.shape
        ]
        items += [
            (line.box[1], f"{_spot(line.box[0] / width, line.box[1] / height)} {line.text}")
            for line in canvas.lines
        ]
        lines = ", ".join(text for _, text in sorted(items))
        parts.append(f"{number}: {lines}" if len(scene.canvases) > 1 else lines)
    return "\n".join(parts)


def _middle(mark: Mark, width: int, height: int) -> str:
    return _spot((mark.x0 + mark.x1) / 2 / width, (mark.y0 + mark.y1) / 2 / height)


def _spot(x: float, y: float) -> str:
    return f"{round(100 * x)} {round(100 * y)}"
