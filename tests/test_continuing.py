"""An answer that was cut off goes on as if it had not been, with the embedded model."""

from dataclasses import replace
from pathlib import Path

import pytest

from internvl import load_model
from internvl.chat import Attachment, Conversation, Settings, Turn, render
from internvl.engines import LocalEngine, Receipt, Text

PHOTO = Path("tests/data/golden/images/photo_502x343.png")
WHOLE = Settings(max_new_tokens=24, max_tiles=1)


def answer(engine, conversation, settings):
    events = list(engine.stream(conversation, settings))
    receipt = events[-1]
    assert isinstance(receipt, Receipt)
    return "".join(event.text for event in events if isinstance(event, Text)), receipt


@pytest.fixture(scope="module")
def engine():
    return LocalEngine(load_model("assets/nano"))


@pytest.mark.parametrize("cut", [1, 3])
def test_a_cut_answer_and_the_rest_are_the_whole_answer(engine, cut):
    question = Turn("What is in the picture?", (Attachment(PHOTO, "image", max_tiles=1),))
    whole, receipt = answer(engine, Conversation(turns=[question]), WHOLE)
    assert receipt.generated_tokens > cut
    conversation = Conversation(turns=[question])
    begun, first = answer(engine, conversation, replace(WHOLE, max_new_tokens=cut))
    assert first.finish_reason == "length"
    going_on = Conversation(turns=[replace(question, answer=begun)], id=conversation.id)
    left = WHOLE.max_new_tokens - cut
    rest, second = answer(engine, going_on, replace(WHOLE, max_new_tokens=left))
    assert begun + rest == whole
    assert second.finish_reason == receipt.finish_reason
    assert second.cached_tokens >= first.prompt_tokens
    assert going_on.turns[0].answer == begun


def test_only_going_on_leaves_a_written_answer_open():
    talk = Conversation(turns=[Turn("A", (), "Yes"), Turn("B", (), "No <box>")])
    closed = "".join(segment.text for segment in render(talk, []))
    opened = "".join(segment.text for segment in render(talk, [], go_on=True))
    assert closed == f"{opened}<|im_end|>\n"
    assert opened.endswith("<|im_start|>assistant\nNo <box>")
    assert opened.count("<|im_end|>") == 4


def test_there_must_be_a_question(engine):
    with pytest.raises(ValueError, match="no question"):
        next(engine.stream(Conversation(), WHOLE))
