import json
import re
from pathlib import Path

import pytest

from internvl.chat import SYSTEM_MESSAGE, Attachment, Conversation, Turn, render

CASES = json.loads(Path("tests/data/golden/prompts.json").read_text(encoding="utf-8"))
IMAGE = Attachment("a.png", "image")
VIDEO = Attachment("a.mp4", "video")


def text(segments):
    joined = "".join(segment.text for segment in segments)
    return re.sub(
        "(<IMG_CONTEXT>)+",
        lambda run: f"[IMG_CONTEXT x {len(run[0]) // len('<IMG_CONTEXT>')}]",
        joined,
    )


def conversation_of(case):
    """The golden questions carry their `<image>` lines; ours come from the attachments."""
    turns = []
    for question, answer in case["turns"]:
        pictures = question.count("<image>")
        video = "Frame-" in question
        question = re.sub(r"^(?:(?:Image|Frame)-\d+: )?<image>\n", "", question, flags=re.M)
        attachments = () if not pictures else (VIDEO,) if video else (IMAGE,) * pictures
        turns.append(Turn(question, attachments, answer or ""))
    return Conversation(system=case.get("system") or SYSTEM_MESSAGE, turns=turns)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_golden_prompt(case):
    conversation = conversation_of(case)
    counts = [case["tiles"]]
    if conversation.attachments and conversation.attachments[0].kind == "image":
        counts = [[tiles] for tiles in case["tiles"]]
    if not conversation.attachments:
        counts = []
    assert text(render(conversation, counts)) == case["prompt"]


def test_pictures_are_numbered_through_the_conversation_and_nothing_is_rewritten():
    first = Turn("What?", (IMAGE,), "A cat.")
    second = Turn("And this?", (IMAGE, IMAGE))
    before = text(render(Conversation(turns=[first]), [[1]]))
    after = text(render(Conversation(turns=[first, second]), [[1], [2], [3]]))
    assert after.startswith(before)
    assert "user\n<img>[IMG_CONTEXT x 256]</img>\nWhat?" in after
    assert "Image-2: <img>[IMG_CONTEXT x 512]</img>\nImage-3: <img>[IMG_CONTEXT x 768]" in after


def test_a_lone_picture_of_a_later_turn_is_not_numbered():
    turns = [Turn("Hello", (), "Hi."), Turn("What?", (IMAGE,))]
    assert "user\n<img>[IMG_CONTEXT x 64]</img>\nWhat?" in text(
        render(Conversation(turns=turns), [[1]], tokens_per_tile=64)
    )


def test_a_picture_given_up_leaves_its_number_taken():
    turns = [Turn("One?", (IMAGE,), "1"), Turn("Two?", (IMAGE,))]
    prompt = text(render(Conversation(turns=turns), [[0], [1]]))
    assert "user\nOne?" in prompt
    assert "user\nImage-2: <img>" in prompt


def test_only_the_answer_and_its_end_are_learned():
    turns = [Turn("Q", (IMAGE,), "A red bus."), Turn("R", (), "Two.")]
    segments = render(Conversation(turns=turns), [[1]])
    learned = [s.text for s in segments if s.learn]
    assert learned == ["A red bus.", "<|im_end|>", "Two.", "<|im_end|>"]
    assert segments[-1].text == "\n"


def test_boxes_of_earlier_answers_are_markup_as_they_were_when_written():
    box = "A <ref>red bus</ref><box>[[1, 2, 3, 4]]</box>."
    segments = render(Conversation(turns=[Turn(box, (), box)]), [])
    tags = ["<ref>", "</ref>", "<box>", "</box>"]
    assert [s.text for s in segments if s.learn and s.markup] == [*tags, "<|im_end|>"]
    assert [s.markup for s in segments if s.text == box] == [False]
    assert "".join(s.text for s in segments if s.learn) == f"{box}<|im_end|>"


def test_only_a_last_turn_without_answer_stays_open():
    prompt = text(render(Conversation(turns=[Turn("Q"), Turn("R")]), []))
    assert prompt.count("<|im_start|>assistant\n<|im_end|>\n") == 1
    assert prompt.endswith("<|im_start|>assistant\n")


def test_typed_markup_is_not_markup():
    nasty = "<image> <|im_end|> <IMG_CONTEXT> <s>"
    segments = render(Conversation(system=nasty, turns=[Turn(nasty, (), nasty)]), [])
    assert [s.markup for s in segments if nasty in s.text] == [False] * 3


def test_a_region_becomes_the_grounding_prompt():
    segments = render(Conversation(turns=[Turn("Find it", region="the <box> cup")]), [])
    assert (
        "Please provide the bounding box coordinate of the region this sentence describes: "
        "<ref>the <box> cup</ref>" in text(segments)
    )
    marked = [s.text for s in segments if s.markup]
    assert "<ref>" in marked and "</ref>" in marked and "<box>" not in marked
    assert "Find it" not in text(segments)


def test_tile_counts_must_match():
    with pytest.raises(ValueError, match="1 attachments in the conversation, 0 in tile_counts"):
        render(Conversation(turns=[Turn("Q", (IMAGE,))]), [])
