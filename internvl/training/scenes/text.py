"""Words and lines in many fonts, sizes and colours; signs and labels."""

import random
from collections.abc import Callable
from string import ascii_lowercase

from internvl.training.scenes.canvas import COLOURS, font_names, load_font
from internvl.training.scenes.scene import SIZES, Scene, ask
from internvl.training.scenes.things import paint_background, pick_visible
from internvl.training.scenes.words import Split, pick_code, pick_words

READ = (
    "What does it say?",
    "Read the text.",
    "What is written here?",
    "What text is in the picture?",
    "What does the text say?",
    "Please read the text.",
    "Which word is this?",
    "What is written in the picture?",
    "What is the text in the image?",
)
LINE = (
    "What does the {x} line say?",
    "Read the {x} line.",
    "What is written in the {x} line?",
)
COLOUR = (
    "What colour is the text?",
    "Which colour is the word?",
    "What is the colour of the letters?",
)
COUNT = ("How many lines of text are there?", "How many lines does the text have?")
SIGNS = 0.3  # of the pictures: text on a sign of its own colour
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def draw_text(rng: random.Random, split: Split) -> Scene:
    """One to four lines, each a word or two."""
    return _draw(rng, split, _line)


def draw_strings(rng: random.Random, split: Split) -> Scene:
    """The same with letters at random: they can't be guessed, only read."""
    return _draw(rng, split, _strings)


def _draw(rng: random.Random, split: Split, make: Callable[[random.Random, Split], str]) -> Scene:
    size = rng.choice(SIZES)
    canvas, ground, behind = paint_background(rng, size)
    sign = None
    if rng.random() < SIGNS:
        other = rng.choice([c for c in COLOURS if c != ground])
        sign = pick_visible(rng, other, behind)
        if sign:
            ground, behind = other, [sign]
    lines = [make(rng, split) for _ in range(rng.choice([1, 1, 1, 2, 3, 4]))]
    colour, rgb = ground, None
    while rgb is None or colour == ground:
        colour = rng.choice(list(COLOURS))
        rgb = pick_visible(rng, colour, behind)
    width, height = size
    name = rng.choice(font_names())
    longest = max(lines, key=len)
    largest = min(
        0.9 * width / (0.62 * len(longest)), 0.85 * height / (1.35 * len(lines)), height / 3
    )
    font = load_font(name, max(12, int(largest * rng.uniform(0.45, 1.0))))
    while font.size > 12 and max(map(font.getlength, lines)) > 0.96 * width:
        font = load_font(name, int(font.size) - 1)
    widest = max(map(font.getlength, lines))
    step = font.size * rng.uniform(1.15, 1.35)
    y = rng.uniform(0, max(1, height - step * len(lines)))
    x = rng.uniform(0.02 * width, max(0.03 * width, width - widest))
    if sign:
        margin = font.size * rng.uniform(0.1, 0.5)
        right, bottom = x + widest, y + step * len(lines)
        box = (x - margin, y - margin, right + margin, bottom + margin)
        canvas.box(box, sign, rgb if rng.random() < 0.5 else None, 2, ground)
    for index, line in enumerate(lines):
        canvas.text(line, (x, y + index * step), font, colour, rgb)
    scene = Scene("text", [canvas])
    task = "text/word" if len(lines) == 1 else "text/lines"
    scene.add(task, ask(rng, READ), "\n".join(lines))
    scene.add("text/colour", ask(rng, COLOUR), colour.capitalize())
    if len(lines) > 1:
        scene.add("text/count", ask(rng, COUNT), str(len(lines)))
        asked = [rng.randrange(len(lines))] if split == "held-out" else range(len(lines))
        for index in asked:
            scene.add("text/line", ask(rng, LINE, x=ORDINALS[index]), lines[index])
    return scene


def _line(rng: random.Random, split: Split) -> str:
    if rng.random() < 0.15:
        return pick_code(rng)
    if rng.random() < 0.1:
        return str(rng.randint(0, 10 ** rng.randint(1, 6)))
    line = " ".join(pick_words(rng, split, rng.choice([1, 1, 1, 2])))
    return rng.choice([line.upper(), line.upper(), line, line, line.title()])


def _strings(rng: random.Random, _: Split) -> str:
    """One or two strings of letters, or a number."""
    strings = []
    for _number in range(rng.choice([1, 1, 2])):
        letters = "".join(rng.choices(ascii_lowercase, k=rng.randint(2, 8)))
        number = str(rng.randint(0, 99999))
        strings.append(rng.choice([letters, letters, letters.upper(), letters.title(), number]))
    return " ".join(strings)
