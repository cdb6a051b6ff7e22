"""Which picture an answer's boxes are drawn on, and how."""

import pytest

from internvl.chat import Attachment, Conversation, Turn
from internvl.ui.figures import draw_figures, find_figures
from internvl.ui.markup import coloured, to_markdown
from internvl.ui.text import words

BOX = "<ref>{}</ref><box>[[100, 20, 500, 900]]</box>"
CUP, HAT = BOX.format("cup"), BOX.format("hat")


@pytest.fixture
def talk(tall, wide):
    """A function: a conversation over two pictures in two turns, the second one answered so."""

    def make(answer, question="Where?", own=True):
        second = (Attachment(wide, "image", max_tiles=1),) if own else ()
        first = Turn("Look.", (Attachment(tall, "image", max_tiles=1),), "I did.")
        return Conversation(turns=[first, Turn(question, second, answer)])

    return make


def images(conversation):
    return [(f.image, [mark.label for mark in f.marks]) for f in find_figures(conversation, 1)]


def test_the_last_picture_unless_another_is_named(talk):
    assert images(talk(CUP)) == [(2, ["cup"])]
    assert images(talk(CUP, own=False)) == [(1, ["cup"])]
    assert images(talk(f"In Image-1 there is {CUP}, in Image-2 {HAT}")) == [
        (1, ["cup"]),
        (2, ["hat"]),
    ]
    assert images(talk(f"{CUP} in Image-1")) == [(1, ["cup"])]
    assert images(talk(f"{CUP}\nImage-1 is dark")) == [(2, ["cup"])]
    assert images(talk(CUP, question="What is in image 1?")) == [(1, ["cup"])]
    assert images(talk(f"Image-7: {CUP}")) == [(2, ["cup"])]


def test_nothing_is_drawn_without_a_picture_or_a_box(talk):
    assert find_figures(Conversation(turns=[Turn("Where?", (), CUP)]), 0) == []
    assert draw_figures(talk("No <box>[[1]]</box>"), 1, words("en")) == ""
    assert draw_figures(talk(f"`{CUP}`"), 1, words("en")) == ""


def test_a_picture_that_has_gone_is_left_out(talk, tmp_path):
    gone = (Attachment(tmp_path / "gone.png", "image", max_tiles=1),)
    assert find_figures(Conversation(turns=[Turn("Where?", gone, CUP)]), 0) == []


def test_code_between_boxes_does_not_shift_them(talk):
    answer = f"Image-1: {CUP} `{HAT}` Image-2: {HAT}"
    assert images(talk(answer)) == [(1, ["cup"]), (2, ["hat"])]


def test_one_colour_for_a_label(talk):
    answer = f"{CUP} {HAT} {BOX.format('Cup')}"
    assert [colour for _, colour, _ in coloured(answer)] == [0, 1, 0]
    (figure,) = find_figures(talk(answer), 1)
    assert [(m.number, m.colour) for m in figure.marks] == [(0, 0), (1, 1), (2, 0)]
    assert to_markdown(answer).count('class="chip colour-0"') == 2


def test_the_overlay_has_the_box_in_percent_and_nothing_as_html(talk):
    drawn = draw_figures(talk(BOX.format('a "cup" & co')), 1, words("en"))
    assert 'style="left: 10.0%; top: 2.0%; width: 40.0%; height: 88.0%"' in drawn
    assert 'class="place colour-0 high"' in drawn
    assert "[[100, 20, 500, 900]]" in drawn
    assert '"cup"' not in drawn
    assert "\n" not in drawn
