"""Boxes in answers: exactly the trained form, anything else is text."""

import pytest

from internvl.chat.grounding import Region, split_regions, without_begun_region

CUP = "<ref>a cup</ref><box>[[10, 20, 300, 400]]</box>"


def regions(text):
    return [piece for piece in split_regions(text) if isinstance(piece, Region)]


def test_regions_stand_between_text():
    text = f"One {CUP}, two <ref>cats</ref> <box>[[0,0,1000,1000],[1, 2, 3, 4]]</box>."
    cats = Region("cats", ((0, 0, 1000, 1000), (1, 2, 3, 4)))
    cup = Region("a cup", ((10, 20, 300, 400),))
    assert split_regions(text) == ["One ", cup, ", two ", cats, "."]
    assert cats.coordinates == "[[0, 0, 1000, 1000], [1, 2, 3, 4]]"


@pytest.mark.parametrize(
    "text",
    [
        "<ref>cup</ref>",
        "<box>[[1, 2, 3, 4]]</box>",
        "<ref></ref><box>[[1, 2, 3, 4]]</box>",
        "<ref> </ref><box>[[1, 2, 3, 4]]</box>",
        "<ref>cup</ref><box>[1, 2, 3, 4]</box>",
        "<ref>cup</ref><box>[[1, 2, 3]]</box>",
        "<ref>cup</ref><box>[[1, 2, 3, 4, 5]]</box>",
        "<ref>cup</ref><box>[[1, 2, 3, 1001]]</box>",
        "<ref>cup</ref><box>[[-1, 2, 3, 4]]</box>",
        "<ref>cup</ref><box>[[1.5, 2, 3, 4]]</box>",
        "<ref>cup</ref><box>[[3, 2, 1, 4]]</box>",
        "<ref>cup</ref><box>[[1, 2, 1, 4]]</box>",
        "<ref>cup</ref><box>[[__import__('os').system('true'), 2, 3, 4]]</box>",
        "<ref>cup</ref><box>[[9**9, 2, 3, 4]]</box>",
        "<ref>cup</ref> is <box>[[1, 2, 3, 4]]</box>",
        "<ref>a<b>c</ref><box>[[1, 2, 3, 4]]</box>",
        "<ref>cup</ref><box>[[1, 2, 3, 4]]",
    ],
)
def test_what_is_malformed_stays_text(text):
    assert split_regions(text) == [text]


def test_one_bad_box_does_not_spoil_the_next_region():
    assert regions(f"<ref>x</ref><box>[[5, 5, 1, 1]]</box> {CUP}")[0].label == "a cup"


def test_nothing_half_written_is_shown_at_any_length():
    text = f"There is {CUP} on <ref>the table</ref><box>[[1, 2, 3, 4], [5, 6, 7, 8]]</box>."
    for length in range(len(text) + 1):
        shown = without_begun_region(text[:length])
        assert text.startswith(shown)
        rest = "".join(piece for piece in split_regions(shown) if isinstance(piece, str))
        assert not set("<>[") & set(rest)
    assert without_begun_region(text) == text


@pytest.mark.parametrize("text", ["1 < 2", "a <b", "<ref>x</ref> and more", "x <ref>" + "y" * 300])
def test_what_can_be_no_region_is_shown(text):
    assert without_begun_region(text) == text
