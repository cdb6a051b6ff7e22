"""Scenes: seeded, split, truthful about what was drawn, and phrased in many ways."""

import math
import random
import re
from itertools import pairwise

import pytest
from PIL import ImageStat

from internvl.training.scenes import KINDS, charts, documents, draw, images, phrasings, text, video
from internvl.training.scenes import general as general_room
from internvl.training.scenes.canvas import COLOURS, SHAPES, Canvas, contrast, load_font
from internvl.training.scenes.outlines import outline
from internvl.training.scenes.photographs import ANSWER, FRAMES
from internvl.training.scenes.phrasings import LIFE
from internvl.training.scenes.scene import ask, pick_layout, region_box
from internvl.training.scenes.talk import sayings
from internvl.training.scenes.words import is_in_split, pick_word, pick_words, word_list


def shapes_on(canvas):
    return [mark for mark in canvas.marks if mark.shape != "blob"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_number_is_the_same_scene(kind):
    first, second = draw(kind, 5), draw(kind, 5)
    assert first.exchanges == second.exchanges
    assert bool(first.exchanges) == (kind != "crowd")
    assert [c.image.tobytes() for c in first.canvases] == [
        c.image.tobytes() for c in second.canvases
    ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "talk"])
def test_numbers_seeds_and_splits_differ(kind):
    scenes = [draw(kind, 5), draw(kind, 6), draw(kind, 5, seed=1), draw(kind, 5, "held-out")]
    pictures = [tuple(c.image.tobytes() for c in scene.canvases) for scene in scenes]
    assert len(set(pictures)) == len(pictures)


def test_unknown_kinds_and_splits_are_named():
    with pytest.raises(ValueError, match="cats"):
        draw("cats", 0)
    with pytest.raises(ValueError, match="'test'"):
        draw("text", 0, "test")


def test_words_of_the_splits_never_meet():
    train, held_out = word_list("train"), word_list("held-out")
    assert not set(train) & set(held_out)
    assert len(train) > 4 * len(held_out) > 100
    rng = random.Random(0)
    assert all(is_in_split(pick_word(rng, "train"), "train") for _ in range(500))
    assert all(is_in_split(pick_word(rng, "held-out"), "held-out") for _ in range(500))
    for split in ("train", "held-out"):
        cut = [word for _ in range(100) for word in pick_words(rng, split, 4, longest=6)]
        assert all(is_in_split(word, split) for word in cut)
        assert max(map(len, cut)) == 6


def test_held_out_pairs_are_never_trained_on():
    def pairs(split, kind="objects", scenes=300):
        marks = [m for n in range(scenes) for c in draw(kind, n, split).canvases for m in c.marks]
        return {f"{mark.colour} {mark.shape}" for mark in marks}

    held_out = {f"{c} {s}" for c in COLOURS for s in SHAPES if is_in_split(f"{c} {s}", "held-out")}
    assert len(held_out) >= 5
    assert not pairs("train") & held_out
    assert pairs("held-out") >= held_out
    for kind in (kind for kind in KINDS if kind not in ("talk", "photo")):  # these show no shapes
        assert not pairs("train", kind, 80) & held_out, kind


def test_layouts_of_the_splits_never_meet(monkeypatch):
    fonts = [f"font {number}" for number in range(8)]
    monkeypatch.setattr("internvl.training.scenes.scene.font_names", lambda: fonts)
    sizes = ((448, 448), (640, 480), (900, 1200))
    rng = random.Random(0)
    train, held_out = (
        {pick_layout(rng, split, "form", sizes) for _ in range(500)}
        for split in ("train", "held-out")
    )
    assert not train & held_out
    assert len(train | held_out) == len(sizes) * len(fonts)


@pytest.mark.parametrize(("kind", "module"), [("charts", charts), ("documents", documents)])
def test_charts_and_documents_have_a_layout_of_their_split(monkeypatch, kind, module):
    picked = []

    def pick(rng, split, *details):
        picked.append((split, *pick_layout(rng, split, *details)))
        return picked[-1][1:]

    monkeypatch.setattr(module, "pick_layout", pick)
    for split in ("train", "held-out"):
        for number in range(8):
            size = draw(kind, number, split).canvases[0].image.size
            assert picked.pop()[:2] == (split, size)
            assert not picked


def test_talk_is_held_out_too():
    def questions(split):
        talks = [draw("talk", n, split).exchanges for n in range(300)]
        beside = [draw("single", n, split).exchanges for n in range(300)]
        said = [e for exchanges in talks for e in exchanges if e.task != "talk/no-picture"]
        said += [e for exchanges in beside for e in exchanges if e.task == "talk/beside"]
        return {plain(e.question) for e in said}

    assert not questions("train") & questions("held-out")


def test_some_text_stands_on_a_sign():
    signs = 0
    for number in range(60):
        canvas = draw("text", number).canvases[0]
        for board in (mark for mark in canvas.marks[1:] if mark.shape == "blob"):
            letters = [mark for mark in canvas.marks if mark.character]
            assert all(mark.colour != board.colour for mark in letters)
            assert all(board.x0 <= mark.x0 and mark.x1 <= board.x1 for mark in letters)
            signs += 1
    assert 10 < signs < 30


def test_counts_and_colours_are_what_was_drawn():
    for number in range(200):
        scene = draw("objects", number)
        marks = shapes_on(scene.canvases[0])
        answers = {exchange.task: exchange.answer for exchange in scene.exchanges}
        assert answers["objects/count"] == str(len(marks))
        if len(marks) == 1 and "objects/colour" in answers:
            assert answers["objects/colour"] == marks[0].colour.capitalize()


def test_boxes_are_those_drawn_in_thousandths():
    for number in range(100):
        scene = draw("objects", number)
        width, height = scene.canvases[0].size
        for exchange in scene.exchanges:
            if exchange.task == "boxes/object":
                (mark,) = (
                    m for m in scene.canvases[0].marks if f"{m.colour} {m.shape}" == exchange.region
                )
                box = region_box((mark.x0, mark.y0, mark.x1, mark.y1), (width, height))
                assert exchange.answer == f"<ref>{exchange.region}</ref>{box}"
    assert region_box((-5, 0, 50, 100), (100, 200)) == "<box>[[0, 0, 500, 500]]</box>"


def test_objects_stand_out_from_the_ground():
    for number in range(100):
        canvas = draw("single", number).canvases[0]
        (mark,) = shapes_on(canvas)
        middle = canvas.image.getpixel((int((mark.x0 + mark.x1) / 2), int((mark.y0 + mark.y1) / 2)))
        corners = [canvas.image.getpixel((x, y)) for x in (1, -2) for y in (1, -2)]
        assert max(contrast(middle, corner) for corner in corners) > 60


def test_text_answers_are_the_letters_drawn():
    for number in range(50):
        scene = draw("text", number, "held-out")
        drawn = "".join(mark.character or "" for mark in scene.canvases[0].marks)
        assert "".join(scene.exchanges[0].answer.split()) == drawn


def test_receipts_add_up():
    for number in range(60):
        scene = draw("documents", number)
        lines = [line.text for line in scene.canvases[0].lines]
        if "TOTAL" in lines:
            prices = [float(text) for text in lines if text.replace(".", "").isdigit()]
            assert sum(prices[:-1]) == pytest.approx(prices[-1])


def test_bars_and_lines_are_drawn_to_scale():
    seen = set()
    for number in range(60):
        scene = draw("charts", number)
        told = {e.task.removeprefix("charts/"): e.answer for e in scene.exchanges}
        kind, labels = told["kind"], told["labels"].split(", ")
        values = {e.answer for e in scene.exchanges if e.task.endswith("-value")}
        lines = {line.text: line for line in scene.canvases[0].lines}
        seen.add(kind)
        if kind == "A line chart.":
            inside = sorted(values, key=lambda value: lines[value].box[0])
            heights = [-lines[value].box[1] for value in inside]
            rising = all(a < b for a, b in pairwise(heights))
            assert rising or all(a > b for a, b in pairwise(heights))
            steps = [
                (b - a) / (int(v) - int(u))
                for (u, a), (v, b) in pairwise(zip(inside, heights, strict=True))
            ]
            assert steps == pytest.approx([steps[0]] * len(steps), rel=0.05, abs=0.3)
            assert told["trend"] == ("Up" if rising else "Down")
        if kind == "A bar chart.":
            boxes = [lines[label].thing for label in labels]
            drawn = [bottom - top for _, top, _, bottom in boxes]
            above = [next(v for v in values if box[0] < lines[v].box[0] < box[2]) for box in boxes]
            shares = [height / int(value) for height, value in zip(drawn, above, strict=True)]
            assert shares == pytest.approx([shares[0]] * len(shares), rel=0.02)
            assert told["bar-highest"] == labels[drawn.index(max(drawn))]
            assert told["bar-lowest"] == labels[drawn.index(min(drawn))]
    assert {"A bar chart.", "A line chart."} < seen


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_texts_are_within_their_pictures(split):
    for number in range(150):
        (canvas,) = draw("text", number, split).canvases
        for line in canvas.lines:
            left, top, right, bottom = line.box
            assert 0 <= left < right <= canvas.size[0], (number, line.text)
            assert 0 <= top < bottom <= canvas.size[1], (number, line.text)


def test_training_asks_charts_what_stands_where():
    more, seen = {"nth", "labels", "valued", "coloured", "higher"}, set()
    for number in range(60):
        scene = draw("charts", number)
        told = {e.task.removeprefix("charts/"): e for e in scene.exchanges}
        held_out = {e.task for e in draw("charts", number, "held-out").exchanges}
        assert not held_out & {f"charts/{task}" for task in more}
        lines = {line.text: line for line in scene.canvases[0].lines}
        labels = told["labels"].answer.split(", ")
        downwards = told["kind"].answer == "A pie chart."
        assert labels == sorted(labels, key=lambda label: lines[label].box[downwards])
        question = told["nth"].question
        place = next((n for n, name in enumerate(charts.ORDER) if name in question), -1)
        assert told["nth"].answer == labels[place]
        if told["kind"].answer != "A bar chart.":
            continue
        seen |= more & told.keys()
        marks = {mark[:4]: mark.colour for mark in scene.canvases[0].marks}
        bars = {label: lines[label].thing for label in labels}
        left, _, right, _ = bars[told["valued"].answer]
        value = re.search(r"\d+", told["valued"].question)[0]
        assert left < lines[value].box[0] < right
        if "coloured" in told:
            colour = marks[bars[told["coloured"].answer]]
            assert colour in told["coloured"].question
        if "higher" in told:
            named = re.findall(r"\w+", told["higher"].question)
            compared = [label for label in labels if label in named]
            assert told["higher"].answer == min(compared, key=lambda label: bars[label][1])
    assert seen == more


def test_a_moving_object_moves_that_way():
    steps = {"To the right.": (1, 0), "To the left.": (-1, 0), "Up.": (0, -1), "Down.": (0, 1)}
    seen = set()
    for number in range(60):
        scene = draw("video", number)
        answers = {exchange.task: exchange.answer for exchange in scene.exchanges}
        if "video/direction" in answers:
            first, last = scene.canvases[0].marks[0], scene.canvases[-1].marks[0]
            moved = (last.x0 - first.x0, last.y0 - first.y0)
            expected = steps[answers["video/direction"]]
            assert [(v > 1) - (v < -1) for v in moved] == list(expected)
            seen.add(expected)
    assert len(seen) == 4


def test_pictures_that_come_later_are_asked_about_in_order():
    scenes = [s for s in (draw("images", n) for n in range(40)) if s.ordered]
    assert scenes
    for scene in scenes:
        arriving = [exchange.pictures for exchange in scene.exchanges]
        pictures = len(scene.canvases)
        assert arriving[:pictures] == [1] * pictures
        assert not any(arriving[pictures:])


def general(kind, scenes=120):
    """The general exchanges about scenes of a kind, by task, each with its scene."""
    told = {}
    for scene in (draw(kind, n) for n in range(scenes)):
        for exchange in scene.exchanges:
            told.setdefault(exchange.task, []).append((scene, exchange))
    return told


def test_photographs_are_refused_honestly():
    scenes = [draw("photo", n) for n in range(40)]
    asked = [e for scene in scenes for e in scene.exchanges if e.task != "talk/beside"]
    assert len(asked) == 5 * len(scenes)
    assert {exchange.answer for exchange in asked} == {ANSWER}
    assert "published model" in ANSWER
    assert not any(canvas.marks for scene in scenes for canvas in scene.canvases)
    assert {(scene.video, len(scene.canvases)) for scene in scenes} == {
        *((False, 1), (False, 2), (True, FRAMES)),
    }
    for canvas in (canvas for scene in scenes for canvas in scene.canvases):
        assert max(ImageStat.Stat(canvas.image).stddev) > 10


ONLY = {
    **{kind: {"shapes": "A drawing of shapes."} for kind in ("objects", "images", "video")},
    "text": {"text": "A text."},
    "documents": {f"a {name}": f"A {name}." for name in ("receipt", "table", "form")},
    "charts": {f"a {name} chart": f"A {name} chart." for name in ("bar", "line", "pie")},
}


@pytest.mark.parametrize("kind", ONLY)
def test_what_a_picture_is_and_what_it_never_shows(kind):
    told = general(kind)
    asked = [exchange.question.lower() for _, exchange in told["talk/drawn"]]
    assert any(f" {noun}" in question for question in asked for noun in LIFE)
    absent = {e.answer for _, e in told["talk/absent"] if "only" in e.answer}
    assert absent == {f"I see only {nature}." for nature in ONLY[kind]}
    kinds = {e.answer for _, e in told["talk/kind"]} - {"Yes", "No", "1"}
    assert kinds == set(ONLY[kind].values())
    for scene, exchange in told["talk/kind"]:
        letters = any(mark.character for canvas in scene.canvases for mark in canvas.marks)
        assert exchange.answer != ("No" if letters else "Yes")
        assert exchange.answer != "1" or len(scene.canvases) == 1


def test_shapes_that_are_asked_for_are_there_or_not():
    told = general("objects")
    missing = [(s, e) for s, e in told["talk/absent"] if e.answer.startswith("I see no ")]
    assert len(missing) > 40 and len(told["talk/shape"]) > 20
    for scene, exchange in missing:
        *colour, shape = exchange.answer.removeprefix("I see no ").rstrip(".").split()
        shown = {(mark.colour, mark.shape) for mark in scene.canvases[0].marks}
        assert not [s for c, s in shown if s == shape and colour in ([], [c])]
    for scene, exchange in told["talk/shape"]:
        named = [
            m
            for m in shapes_on(scene.canvases[0])
            if m.shape in f"{exchange.question} {exchange.region}"
        ]
        assert len(named) == 1
        if exchange.answer.startswith("<ref>"):
            assert region_box(named[0][:4], scene.canvases[0].size) in exchange.answer


def test_descriptions_say_what_was_drawn():
    for scene, exchange in general("text")["talk/describe"]:
        lines = [line.text for line in scene.canvases[0].lines]
        assert exchange.answer.splitlines()[1:] == lines
    for scene, exchange in general("images")["talk/describe"]:
        each = exchange.answer.splitlines()
        assert len(each) == len(scene.canvases)
        for line, canvas in zip(each, scene.canvases, strict=True):
            assert len(re.findall(r"\ban? ", line.lower())) == len(shapes_on(canvas))
    for scene, exchange in general("charts")["talk/describe"]:
        assert exchange.answer.endswith(f"with the title {scene.canvases[0].lines[0].text}.")


def test_no_saying_is_a_question_about_pictures():
    rooms = (phrasings, charts, documents, images, text, video, general_room)
    asked = set()
    for value in (value for room in rooms for value in vars(room).values()):
        for item in value if isinstance(value, tuple) else ():
            asked |= {item} if isinstance(item, str) else set()
    said = [q for split in ("train", "held-out") for qs, _ in sayings(split).values() for q in qs]
    assert len(asked) > 150 and len(said) > 400
    assert not {plain(question) for question in asked} & {plain(question) for question in said}
    sorts = [
        {plain(q) for split in ("train", "held-out") for q in sayings(split)[sort][0]}
        for sort in sayings("train")
    ]
    assert sum(map(len, sorts)) == len(set().union(*sorts))


def plain(question):
    return question.lower().rstrip(".?!")


def test_questions_are_typed_in_many_ways():
    rng = random.Random(0)
    typed = {ask(rng, ["What colour is the {x}?"], x="star") for _ in range(100)}
    assert {"What colour is the star?", "what color is the star"} <= typed


def test_scenes_need_no_font_of_this_machine():
    canvas = Canvas(200, 60, (255, 255, 255))
    left, _, right, _ = canvas.text("ab c", (10, 5), load_font("", 30), "black", (0, 0, 0))
    assert [mark.character for mark in canvas.marks] == ["a", "b", "c"]
    assert left == canvas.marks[0].x0
    assert right == canvas.marks[-1].x1
    dark = canvas.image.convert("L").point(lambda v: 255 * (v < 128)).getbbox()
    assert dark is not None
    assert left - 1 <= dark[0] and dark[2] <= right + 1


def test_the_circle_told_of_a_slice_lies_inside_and_grows_with_it():
    sizes = []
    for share in (20, 60, 120, 200, 300):
        canvas = Canvas(300, 300, (255, 255, 255))
        box = canvas.slice((50, 50, 250, 250), 30, 30 + share, (255, 0, 0), (255, 0, 0), "red")
        x, y, radius = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[2] - box[0]) / 2
        for turn in range(24):
            angle = math.radians(15 * turn)
            at = (x + 0.9 * radius * math.cos(angle), y + 0.9 * radius * math.sin(angle))
            assert canvas.image.getpixel((round(at[0]), round(at[1]))) == (255, 0, 0)
        assert canvas.marks[-1][:4] == box
        assert canvas.marks[-1].colour == "red"
        sizes.append(radius)
    assert sizes == sorted(sizes)
    assert sizes[0] > 10
    assert sizes[3] == pytest.approx(50)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "circle"])
def test_shapes_fill_their_radius(shape):
    points = outline(shape, 0.0, 0.0, 10.0, 0.0)
    assert 9.5 <= max(map(math.hypot, points[::2], points[1::2])) <= 11.5
