"""Decoding in rooms of a fixed size says what decoding in growing caches says."""

from pathlib import Path

import pytest
import torch

from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine, Receipt, Text
from internvl.engines.decoding import Decoder, Graph, graphs_for
from internvl.engines.growing import ROOMS
from internvl.model import load_model

SETTINGS = Settings(max_new_tokens=12, max_tiles=1)
NAMES = ("tiny-300m-qwen2", "tiny-300m-internlm2")
GOLDEN = Path(__file__).parent / "data" / "golden"


def as_it_is(step):
    """A recorder that changes nothing: what is left is the room of a fixed size."""
    return step


def ask(engine, conversation):
    """The answer's tokens and how many places of the prompt were known."""
    *_, receipt = engine.stream(conversation, SETTINGS)
    assert isinstance(receipt, Receipt)
    return receipt.token_ids, receipt.cached_tokens


def model_of(name):
    return load_model(GOLDEN / name, device="cpu", dtype="float32")


@pytest.mark.parametrize("name", NAMES)
def test_answers_and_what_is_kept_are_the_same_over_a_conversation(name, wide):
    model = model_of(name)
    found = []
    for recorder in (None, as_it_is):
        engine = LocalEngine(model, recorder_for=lambda _, own=recorder: own)
        conversation = Conversation(turns=[Turn("What is it?", (Attachment(wide, "image"),))])
        given = [ask(engine, conversation), ask(engine, conversation)]  # and again
        conversation.turns[-1].answer = "A photo."
        conversation.turns.append(Turn("Which colour?"))
        given.append(ask(engine, conversation))
        conversation.turns[-1].question = "How many?"
        given.append(ask(engine, conversation))
        found.append(given)
    assert found[0] == found[1]
    assert all(len(ids) > 1 for ids, _ in found[0]) and found[0][-1][1] > 0


def test_one_answer_has_the_room_and_another_does_without(wide):
    model = model_of(NAMES[0])
    questions = ("What is it?", "Which colour do you see here?")
    expected = [
        ask(LocalEngine(model), Conversation(turns=[Turn(question)]))[0] for question in questions
    ]
    engine = LocalEngine(model, recorder_for=lambda _: as_it_is)
    streams = [
        engine.stream(Conversation(turns=[Turn(question)]), SETTINGS) for question in questions
    ]
    receipts = {}
    while len(receipts) < 2:
        for number, stream in enumerate(streams):
            event = next(stream, None)
            if isinstance(event, Receipt):
                receipts[number] = event.token_ids
    assert [receipts[number] for number in (0, 1)] == expected


def test_a_stopped_answer_leaves_what_it_has_read_and_the_room(wide):
    model = model_of(NAMES[0])
    engine = LocalEngine(model, recorder_for=lambda _: as_it_is)
    conversation = Conversation(turns=[Turn("What is it?")])
    stream = engine.stream(conversation, SETTINGS)
    said = 0
    for event in stream:
        said += isinstance(event, Text)
        if said == 4:
            break
    stream.close()
    ids, cached = ask(engine, conversation)
    assert cached > 0 and ids == ask(LocalEngine(model), conversation)[0]


def test_a_conversation_that_is_too_long_for_the_rooms_goes_the_ordinary_way(monkeypatch):
    monkeypatch.setattr("internvl.engines.growing.ROOMS", (4,))
    model = model_of(NAMES[0])
    conversation = Conversation(turns=[Turn("What is it?")])
    engine = LocalEngine(model, recorder_for=lambda _: as_it_is)
    assert ask(engine, conversation) == ask(LocalEngine(model), conversation)
    assert engine._decoder._room is None


def test_warming_up_records_the_smallest_room_and_what_cannot_be_recorded_is_left(caplog):
    model = model_of(NAMES[0])
    calls = []

    def counting(step):
        return lambda *inputs: calls.append(1) or step(*inputs)

    decoder = Decoder(model, counting)
    decoder.warm_up()
    assert len(calls) == 3 and decoder._room.size == ROOMS[0]
    decoder.drop()
    assert decoder._room is None
    assert graphs_for(model) is None  # not on a GPU; `Graph` fails here as it may there
    engine = LocalEngine(lambda _: model, recorder_for=lambda _: Graph)
    conversation = Conversation(turns=[Turn("What is it?")])
    assert ask(engine, conversation) == ask(LocalEngine(model), conversation)
    assert "Recording failed" in caplog.text


def test_a_model_that_cannot_be_warmed_up_answers_all_the_same(caplog):
    model = model_of(NAMES[0])

    def failing(step):
        def broken(*_):
            raise RuntimeError("no kernels here")

        return broken

    engine = LocalEngine(lambda _: model, recorder_for=lambda _: failing)
    conversation = Conversation(turns=[Turn("What is it?")])
    assert ask(engine, conversation) == ask(LocalEngine(model), conversation)
    assert "no kernels here" in caplog.text


def test_without_memory_for_a_room_decoding_goes_the_ordinary_way(monkeypatch):
    model = model_of(NAMES[0])
    engine = LocalEngine(model, recorder_for=lambda _: as_it_is)
    monkeypatch.setattr("internvl.engines.decoding.free_bytes", lambda _: 10**5)
    conversation = Conversation(turns=[Turn("What is it?")])
    assert ask(engine, conversation) == ask(LocalEngine(model), conversation)
    assert engine._decoder._room is None


def test_one_room_is_kept():
    engine = LocalEngine(model_of(NAMES[0]), recorder_for=lambda _: as_it_is)
    for question, size in (("What is it?", 1024), ("What is it? " * 200, 2048), ("Why?", 1024)):
        conversation = Conversation(turns=[Turn(question)])
        assert ask(engine, conversation) == ask(LocalEngine(engine.model), conversation)
        assert engine._decoder._room.size == size


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_one_graph(name):
    """No GPU here: what is tested is that the step is one graph, and says the same."""
    model = model_of(name)
    conversation = Conversation(turns=[Turn("What is it?")])

    def traced(step):
        return torch.compile(step, backend="eager", fullgraph=True, dynamic=False)

    engine = LocalEngine(lambda _: model, recorder_for=lambda _: traced)
    assert ask(engine, conversation) == ask(LocalEngine(model), conversation)
    assert engine._decoder._room is not None
