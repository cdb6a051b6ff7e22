"""Bar, line and pie charts with questions on values, extremes and trends."""

import random
from collections.abc import Sequence

from internvl.training.scenes.canvas import Canvas, load_font, pick_rgb
from internvl.training.scenes.scene import Scene, ask, pick_layout
from internvl.training.scenes.words import Split, pick_words

SIZES = ((448, 448), (448, 448), (640, 480), (800, 600), (600, 600), (896, 672))
VALUE = (
    "What is the value of {x}?",
    "How much is {x}?",
    "Which value does {x} have?",
    "value of {x}?",
)
HIGHEST = (
    "Which bar is the highest?",
    "Which one has the highest value?",
    "What is the largest?",
    "Which is the maximum?",
)
LOWEST = (
    "Which bar is the lowest?",
    "Which one has the lowest value?",
    "What is the smallest?",
    "Which is the minimum?",
)
COUNT = ("How many {x} are there?", "How many {x} does the chart have?", "Count the {x}.")
KIND = ("What kind of chart is this?", "What is this?", "Which type of chart is it?")
TREND = ("Does the line rise or fall?", "What is the trend?", "Is the line going up or down?")
COLOUR = ("What colour is {x}?", "Which colour does {x} have?", "What is the colour of {x}?")
LARGEST = (
    "Which slice is the largest?",
    "Which part is the largest?",
    "What is the biggest slice?",
)
TITLE = ("What is the title?", "What is the title of the chart?", "Read the title.")
STRONG = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "brown", "grey")
HIGHER = (
    "Which is higher, {x} or {y}?",
    "Which is larger, {x} or {y}?",
    "Is {x} or {y} larger?",
    "Which one has more, {x} or {y}?",
)
NTH = ("What is the {x} {part}?", "Which is the {x} {part}?", "Read the {x} label.")
COLOURED = ("Which {part} is {x}?", "What is the {x} {part}?", "What does {x} stand for?")
VALUED = ("Which {part} has the value {x}?", "Which one has {x}?", "What has the value {x}?")
LABELS = (
    "What are the labels?",
    "List the {part}s.",
    "Read the labels.",
    "Which {part}s are there?",
)
ORDER = ("first", "second", "third", "fourth", "fifth", "sixth")
EXTREMES = 3
"""How often training asks for a chart's extremes: bars that are compared take longest to learn."""


def draw_chart(rng: random.Random, split: Split) -> Scene:
    """A bar, line or pie chart."""
    return rng.choice((_bars, _bars, _line, _pie))(rng, split)


def _start(rng: random.Random, split: Split, kind: str) -> tuple[Scene, Canvas, str, float]:
    size, name = pick_layout(rng, split, kind, SIZES)
    canvas = Canvas(*size, rng.choice([(255, 255, 255), (250, 250, 245), (240, 245, 250)]))
    scene = Scene("charts", [canvas])
    side = min(size) / 448
    title = pick_words(rng, split, 1)[0].title()
    font = load_font(name, round(30 * side))
    x = rng.uniform(0.1, 0.5) * size[0]
    canvas.text(title, (x, 0.02 * size[1]), font, "black", (0, 0, 0))
    scene.add("charts/title", ask(rng, TITLE), title)
    return scene, canvas, name, side


def _rounds(split: Split) -> int:
    return 1 if split == "held-out" else EXTREMES


def _ask_more(
    rng: random.Random,
    scene: Scene,
    split: Split,
    part: str,
    labels: Sequence[str],
    values: Sequence[int],
    names: Sequence[str] = (),
) -> None:
    """Questions of training only: labels read where they stand, and parts compared by name."""
    if split == "held-out":
        return
    index = rng.randrange(len(labels))
    place = "last" if index + 1 == len(labels) and rng.random() < 0.5 else ORDER[index]
    scene.add("charts/nth", ask(rng, NTH, x=place, part=part), labels[index])
    scene.add("charts/labels", ask(rng, LABELS, part=part), ", ".join(labels))
    if part != "slice":
        index = rng.randrange(len(labels))
        scene.add("charts/valued", ask(rng, VALUED, x=values[index], part=part), labels[index])
    if len(set(names)) == len(labels):
        index = rng.randrange(len(labels))
        scene.add("charts/coloured", ask(rng, COLOURED, x=names[index], part=part), labels[index])
    one, other = rng.sample(range(len(labels)), 2)
    if abs(values[one] - values[other]) > 5:
        higher = labels[max(one, other, key=values.__getitem__)]
        question = ask(rng, HIGHER, x=labels[one], y=labels[other])
        scene.add("charts/higher", question, higher)


def _bars(rng: random.Random, split: Split) -> Scene:
    scene, canvas, name, side = _start(rng, split, "bars")
    width, height = canvas.size
    count = rng.randint(2, 5)
    labels = pick_words(rng, split, count, 6)
    values = rng.sample(range(5, 100), count)
    names = rng.sample(STRONG, count) if rng.random() < 0.7 else [rng.choice(STRONG)] * count
    font = load_font(name, round((24 if count < 5 else 20) * side))
    floor, slot = 0.86 * height, 0.92 * width / count
    for index, (label, value, colour) in enumerate(zip(labels, values, names, strict=True)):
        x = 0.04 * width + index * slot
        top = floor - value / 100 * 0.62 * height
        bar = (x + 0.15 * slot, top, x + 0.75 * slot, floor)
        canvas.box(bar, pick_rgb(rng, colour), (60, 60, 60), colour=colour)
        number = (x + 0.25 * slot, top - 1.3 * font.size)
        canvas.text(str(value), number, font, "black", (0, 0, 0))
        corner = (x + 0.1 * slot, floor + 0.2 * font.size)
        canvas.text(label, corner, font, "black", (0, 0, 0), bar)
    canvas.line([(0.03 * width, floor), (0.97 * width, floor)], (0, 0, 0), 2)
    for index in range(count):
        scene.add("charts/bar-value", ask(rng, VALUE, x=labels[index]), str(values[index]))
    for _ in range(_rounds(split)):
        scene.add("charts/bar-highest", ask(rng, HIGHEST), labels[values.index(max(values))])
        scene.add("charts/bar-lowest", ask(rng, LOWEST), labels[values.index(min(values))])
    scene.add("charts/count", ask(rng, COUNT, x="bars"), str(count))
    scene.add("charts/kind", ask(rng, KIND), "A bar chart.")
    if len(set(names)) == count:
        index = rng.randrange(count)
        question = ask(rng, COLOUR, x=labels[index])
        scene.add("charts/colour", question, names[index].capitalize())
    _ask_more(rng, scene, split, "bar", labels, values, names)
    return scene


def _line(rng: random.Random, split: Split) -> Scene:
    scene, canvas, name, side = _start(rng, split, "line")
    width, height = canvas.size
    count = rng.randint(3, 6)
    rising = rng.random() < 0.5
    values = sorted(rng.sample(range(5, 100), count), reverse=not rising)
    first = rng.randint(1, 25) + 2000
    labels = [str(first + index) for index in range(count)]
    colour = rng.choice(STRONG)
    rgb = pick_rgb(rng, colour)
    font = load_font(name, round((22 if count < 6 else 18) * side))
    floor, slot = 0.86 * height, 0.9 * width / count
    points = []
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = 0.08 * width + (index + 0.3) * slot
        y = floor - value / 100 * 0.58 * height - 0.04 * height
        points.append((x, y))
        corner = (x - 0.5 * font.size, y - 1.6 * font.size)
        canvas.text(str(value), corner, font, "black", (0, 0, 0))
        corner = (x - 1.1 * font.size, floor + 0.25 * font.size)
        canvas.text(label, corner, font, "black", (0, 0, 0))
    canvas.line(points, rgb, max(2, round(4 * side)))
    canvas.line([(0.04 * width, floor), (0.97 * width, floor)], (0, 0, 0), 2)
    for index in range(count):
        scene.add("charts/line-value", ask(rng, VALUE, x=labels[index]), str(values[index]))
    scene.add("charts/trend", ask(rng, TREND), "Up" if rising else "Down")
    scene.add("charts/count", ask(rng, COUNT, x="points"), str(count))
    scene.add("charts/kind", ask(rng, KIND), "A line chart.")
    _ask_more(rng, scene, split, "point", labels, values)
    return scene


def _pie(rng: random.Random, split: Split) -> Scene:
    scene, canvas, name, side = _start(rng, split, "pie")
    width, height = canvas.size
    count = rng.randint(2, 5)
    shares = [rng.randint(10, 60) for _ in range(count)]
    total = sum(shares)
    names = rng.sample(STRONG, count)
    labels = pick_words(rng, split, count, 6)
    radius = 0.3 * min(width, height)
    middle = (0.34 * width, 0.56 * height)
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    start = rng.uniform(0, 360)
    font = load_font(name, round(24 * side))
    for index, (share, colour, label) in enumerate(zip(shares, names, labels, strict=True)):
        rgb = pick_rgb(rng, colour)
        end = start + 360 * share / total
        part = canvas.slice(box, start, end, rgb, (255, 255, 255), colour)
        start = end
        y = (0.3 + 0.12 * index) * height
        x, top = 0.67 * width, y + 0.2 * font.size
        key = (x, top, x + 0.85 * font.size, top + 0.85 * font.size)
        canvas.box(key, rgb, None, colour=colour)
        corner = (x + 1.5 * font.size, y)
        canvas.text(label, corner, font, "black", (0, 0, 0), part, key)
    largest = shares.index(max(shares))
    if sorted(shares)[-1] > sorted(shares)[-2] + 5:
        for _ in range(_rounds(split)):
            scene.add("charts/pie-largest", ask(rng, LARGEST), labels[largest])
    for index in range(count):
        question = ask(rng, COLOUR, x=labels[index])
        scene.add("charts/colour", question, names[index].capitalize())
    scene.add("charts/count", ask(rng, COUNT, x="slices"), str(count))
    scene.add("charts/kind", ask(rng, KIND), "A pie chart.")
    _ask_more(rng, scene, split, "slice", labels, shares, names)
    return scene
