"""The examples of the empty page: drawn, shipped, offered, attached by one press."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

from benchmarks.examples import ask_examples
from internvl.chat import Settings
from internvl.preprocessing import load_image, sample_frames
from internvl.training.examples import CHOSEN, write_examples
from internvl.ui.examples import find_examples
from internvl.ui.handlers import Handlers
from internvl.ui.text import words
from internvl.ui.tiles import draw_tray

SHIPPED = Path("assets/examples")


def test_they_come_from_their_folder(tmp_path, tall):
    (tmp_path / "print.png").write_bytes(tall.read_bytes())
    said = {
        "files": ["print.png"],
        "title": {"en": "Small <print>", "zh": "小字"},
        "question": {"en": "What is it?", "zh": "这是什么？"},
        "find": False,
    }
    (tmp_path / "examples.json").write_text(json.dumps({"one": said}), encoding="utf-8")
    examples = find_examples(tmp_path)
    html = draw_tray([], Settings(), words("en"), examples=examples)
    assert 'data-example="one"' in html
    assert "Small &lt;print&gt;" in html
    assert "小字" in draw_tray([], Settings(), words("zh"), examples=examples)
    assert find_examples(tmp_path / "none") == []


def test_the_shipped_ones_are_those_that_are_drawn(tmp_path):
    write_examples(tmp_path)
    shipped = json.loads((SHIPPED / "examples.json").read_text("utf-8"))
    assert shipped == json.loads((tmp_path / "examples.json").read_text("utf-8"))
    assert [*shipped] == [*CHOSEN]
    assert {p.name for p in SHIPPED.iterdir()} == {p.name for p in tmp_path.iterdir()}
    assert sum(p.stat().st_size for p in SHIPPED.iterdir()) < 2**20
    for example in find_examples():
        for file in example.files:
            assert sizes(file) == sizes(tmp_path / file.name)
        assert {*example.titles} == {*example.questions} == {"en", "zh"}
        assert all(example.questions.values()) and shipped[example.name]["answer"]


def sizes(path):
    if path.suffix == ".mp4":
        return [frame.picture.size for frame in sample_frames(path, 16)]
    return load_image(path).size


def test_there_is_one_for_each_pane():
    shapes = {(len(e.files), e.is_clip) for e in find_examples()}
    assert shapes == {(1, False), (2, False), (1, True)}


@pytest.mark.parametrize(
    ("name", "files", "pane"),
    [
        ("4-receipt.png", ["4-receipt.png"], "image"),
        ("5-compare.png", ["5-compare.png", "5-compare-2.png"], "images"),
        ("6-clip.mp4", ["6-clip.mp4"], "video"),
    ],
)
def test_one_press_attaches_it_alone(store, handlers, visitor, tall, name, files, pane):
    handlers = Handlers(handlers.engine, store, handlers.about, examples=find_examples())
    session = store.open(visitor["token"])
    handlers.add_image(visitor, str(tall))
    shown = handlers.touch(visitor, "", "example", name)
    assert [a.path.name for a in session.draft.attachments] == files
    assert shown["panes"] == {"selected": pane}
    assert shown["question"]["value"] == CHOSEN[name].questions[0]


def test_the_embedded_model_is_asked_in_english_only(store, handlers, visitor):
    (example, *_) = find_examples()
    example = replace(example, questions={"en": "How many?", "zh": "有几个？"})
    chinese = {**visitor, "language": "zh"}
    for embedded, asked in ((True, "How many?"), (False, "有几个？")):
        about = replace(handlers.about, embedded=embedded)
        page = Handlers(handlers.engine, store, about, examples=[example])
        shown = page.touch(chinese, "", "example", example.name)
        assert shown["question"]["value"] == asked


def test_words_of_the_visitors_own_stay(store, handlers, visitor):
    page = Handlers(handlers.engine, store, handlers.about, examples=find_examples())
    one, other, boxed = "1-shapes.png", "3-chart.png", "7-find.png"
    asked = {e.name: e.questions["en"] for e in find_examples()}
    before = ""
    for name, left in ((one, asked[one]), (other, asked[other]), (boxed, "")):
        assert page.touch(visitor, before, "example", name)["question"]["value"] == left
        assert page.open(visitor, "en")["question"]["value"] == left
        before = left
    assert page.touch(visitor, "", "example", one)["question"]["value"] == asked[one]
    assert page.clear(visitor, asked[one])["question"]["value"] == ""
    for own in ("How many red things?", "x" * 501):
        for name in (one, boxed):
            assert "question" not in page.touch(visitor, own, "example", name)
        assert "question" not in page.clear(visitor, own)


def test_a_model_can_be_measured_on_them():
    engine = ScriptedEngine()
    found = json.loads((SHIPPED / "examples.json").read_text("utf-8"))["7-find.png"]["answer"]
    answers = iter(["5", "RED.", "?", "A receipt", "?", "To the left.", found])
    engine.answer_batch = lambda asked, _: [(next(answers), engine.receipt(frozen(asked), _))]
    told = ask_examples(engine, SHIPPED)
    assert [t.right for t in told] == [False, True, False, True, False, True, True]
    assert told[1] == ("2-sign.png", "RED.", "Red", True)


def frozen(conversations):
    """Budgets as sending would fix them."""
    (conversation,) = conversations
    for turn in conversation.turns:
        turn.attachments = tuple(replace(a, max_tiles=6, max_frames=4) for a in turn.attachments)
    return conversation
