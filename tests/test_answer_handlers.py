"""What one does with an answer on the page, over a scripted engine."""

import dataclasses
import re

import pytest

from internvl.chat import SYSTEM_MESSAGE, Settings, Turn
from internvl.engines.base import QueueFull, Receipt, Text, Waiting
from internvl.ui import answering
from internvl.ui.chat import draw_chat
from internvl.ui.page import VALUES
from internvl.ui.text import words
from internvl.ui.views import merged


def values(**changed):
    shown = {**dataclasses.asdict(Settings()), "system": SYSTEM_MESSAGE, **changed}
    return [shown[name] for name in VALUES]


def ask(handlers, visitor, question="What is this?", **changed):
    return merged(*handlers.send(visitor, question, *values(**changed)))


def act(handlers, visitor, action, name, **changed):
    return merged(*handlers.act(visitor, action, name, *values(**changed)))


def last(view):
    return view["chat"]["value"][-1]["content"]


def ended(reason, tokens=5, **facts):
    told = {"tiles": 0, "visual_tokens": 0, "prompt_tokens": 40, "cached_tokens": 8, "seed": 7}
    speed = {"seconds_to_first": 0.4, "tokens_per_second": 20.0, "token_ids": [1] * tokens}
    return Receipt(**{**told, **speed, **facts}, generated_tokens=tokens, finish_reason=reason)


@pytest.fixture
def cut(engine):
    """The first answer is cut off, the second goes on with it. The engine's own receipt is last."""
    engine.answers = [["Once upon ", ended("length")], ["a time."]]
    engine.receipt = lambda conversation, settings: ended(
        "stop" if conversation.turns[-1].answer else "length"
    )


def test_what_is_drawn_while_pieces_come_is_little_and_ends_whole(handlers, visitor, engine):
    engine.answers = [[f"{n} " for n in range(500)]]
    views = list(handlers.send(visitor, "Count.", *values()))
    drawn = [view["chat"]["value"][-1]["content"] for view in views if "chat" in view]
    assert len(drawn) < 50
    assert drawn[1] == "0 "
    assert drawn[-1].startswith("".join(f"{n} " for n in range(500)))


def test_half_written_boxes_are_not_shown(handlers, visitor, engine, monkeypatch):
    monkeypatch.setattr(answering, "REDRAW_SECONDS", 0.0)
    engine.answers = [list("A <ref>cup</ref><box>[[1, 2, 3, 4]]</box>.")]
    views = list(handlers.send(visitor, "Where?", *values()))
    drawn = [view["chat"]["value"][-1]["content"] for view in views if "chat" in view]
    assert not any("ref" in content or "[[" in content for content in drawn)
    assert 'class="chip' in drawn[-1]


def test_a_cut_off_answer_is_continued_where_it_ended(handlers, visitor, session, engine, cut):
    assert 'name="more"' in last(ask(handlers, visitor))
    view = act(handlers, visitor, "more", "0")
    (turn,) = session.conversation.turns
    assert turn.answer == "Once upon a time."
    assert engine.asked[1][0].turns[0].answer == "Once upon "
    assert engine.asked[1][0].id == engine.asked[0][0].id
    assert turn.receipt["generated_tokens"] == 10
    assert turn.receipt["finish_reason"] == "stop"
    assert 'name="more"' not in last(view)


def test_a_continuation_that_fails_changes_nothing(handlers, visitor, session, engine, cut):
    ask(handlers, visitor)
    before = dataclasses.asdict(session.conversation.turns[0])
    engine.answers = [[QueueFull("full")]]
    view = act(handlers, visitor, "more", "0")
    assert "full" in view["notice"]["value"]
    assert dataclasses.asdict(session.conversation.turns[0]) == before


def test_a_stopped_answer_can_be_continued(handlers, visitor, session, engine):
    engine.answers = [["Half ", QueueFull("enough")], ["whole."]]
    assert 'name="more"' in last(ask(handlers, visitor))
    act(handlers, visitor, "more", "0")
    assert session.conversation.turns[0].answer == "Half whole."
    assert session.conversation.turns[0].receipt["finish_reason"] == "stop"


def test_only_the_last_answer_is_continued(handlers, visitor, engine, cut):
    ask(handlers, visitor)
    engine.answers = [["Else."]]
    ask(handlers, visitor, "And?")
    asked = len(engine.asked)
    assert "no question" in act(handlers, visitor, "more", "0")["notice"]["value"]
    assert len(engine.asked) == asked


def test_versions_can_be_browsed_and_last(handlers, visitor, session, engine, store):
    engine.answers = [["One."], ["Two."], ["Three."]]
    ask(handlers, visitor)
    for _ in range(2):
        view = merged(*handlers.retry(visitor, *values()))
    assert "version 3 of 3" in last(view)
    assert "version 1 of 3" in last(act(handlers, visitor, "version", "0:0"))
    assert session.conversation.turns[0].answer == "One."
    reopened = type(store)(store.folder, store.limits).open(visitor["token"])
    assert [v.answer for v in reopened.conversation.turns[0].later] == ["Two.", "Three."]
    engine.answers = [["Next."]]
    ask(handlers, visitor, "And?")
    assert engine.asked[-1][0].turns[0].answer == "One."


@pytest.mark.parametrize("name", ["0:9", "0:x", "7:0", "-1:0", "x", "", "0:-1", "../0"])
def test_forged_buttons_do_nothing(handlers, visitor, session, name):
    ask(handlers, visitor)
    before = dataclasses.asdict(session.conversation.turns[0])
    for action in ("version", "edit", "unsay", "more", "good", "unknown"):
        if name.split(":")[0] != "0" or action == "version":
            act(handlers, visitor, action, name)
    assert dataclasses.asdict(session.conversation.turns[0]) == before


def test_an_edited_question_drops_what_came_after_at_its_first_word(
    handlers, visitor, session, engine, tall
):
    handlers.add_image(visitor, str(tall))
    for question in ("One?", "Two?", "Three?"):
        ask(handlers, visitor, question)
    panel = act(handlers, visitor, "edit", "0")
    assert panel["edit_text"]["value"] == "One?"
    assert "2 questions after it are removed" in panel["edit_note"]["value"]
    chosen = panel["chosen"]["value"]
    engine.answers = [[QueueFull("full")], ["Fresh."]]
    failed = merged(*handlers.ask_anew(visitor, chosen, "Uno?", *values()))
    assert "full" in failed["notice"]["value"]
    assert [t.question for t in session.conversation.turns] == ["One?", "Two?", "Three?"]
    view = merged(*handlers.ask_anew(visitor, chosen, "Uno?", *values()))
    (turn,) = session.conversation.turns
    assert (turn.question, turn.answer, turn.earlier) == ("Uno?", "Fresh.", ())
    assert [a.path.name for a in turn.attachments] == [tall.name]
    assert view["edit_panel"] == {"visible": False}


def test_an_edited_question_can_be_neither_empty_nor_another_tabs(handlers, visitor, session):
    ask(handlers, visitor, "One?")
    chosen = act(handlers, visitor, "edit", "0")["chosen"]["value"]
    for text, sentence in ((" ", "write a question"), ("x" * 501, "501 characters")):
        view = merged(*handlers.ask_anew(visitor, chosen, text, *values()))
        assert sentence in view["notice"]["value"]
    view = merged(*handlers.ask_anew(visitor, None, "Uno?", *values()))
    assert "changed meanwhile" in view["notice"]["value"]
    assert [t.question for t in session.conversation.turns] == ["One?"]


def test_the_line_is_told_until_an_answer_goes_on(handlers, visitor, engine):
    engine.answers = [["One "], [Waiting(2), Text(""), "two ", Waiting(1), "three"]]
    ask(handlers, visitor)
    views = list(handlers.act(visitor, "more", "0", *values()))
    said = [re.search("<p>(.*?)</p>", v["status"]["value"])[1] for v in views if "status" in v]
    assert said[1:] == ["You are number 2 in line", "Answering", "The answer is ready."]


def test_an_opinion_is_kept_with_consent_only_and_can_be_deleted(handlers, visitor, session, store):
    ask(handlers, visitor)
    chosen = act(handlers, visitor, "bad", "0")["chosen"]["value"]
    refused = handlers.rate(visitor, chosen, "secret reason", False)
    assert "tick the box" in refused["notice"]["value"]
    assert session.conversation.turns[0].opinion is None
    assert "secret reason" not in (session.folder / "session.json").read_text()
    assert (
        "Your reason has 501" in handlers.rate(visitor, chosen, "x" * 501, True)["notice"]["value"]
    )
    view = handlers.rate(visitor, chosen, "Too short. ", True)
    assert "not good" in last(view)
    reopened = type(store)(store.folder, store.limits).open(visitor["token"])
    opinion = {"kind": "bad", "reason": "Too short."}
    assert reopened.conversation.turns[0].opinion == opinion
    assert "Delete my opinion" not in last(act(handlers, visitor, "unsay", "0"))
    assert "Too short" not in (session.folder / "session.json").read_text()


def test_finding_asks_for_a_box_on_the_picture_of_the_chat(
    handlers, visitor, session, engine, tall
):
    assert "attach a picture" in str(merged(*handlers.find(visitor, "the cup", *values())))
    handlers.add_image(visitor, str(tall))
    assert "what should be found" in str(merged(*handlers.find(visitor, " ", *values())))
    handlers.keep_question(visitor, "Half typed", session.conversation.id)
    engine.answers = [["<ref>the cup</ref><box>[[1, 2, 300, 400]]</box>"]]
    view = merged(*handlers.find(visitor, "the  cup ", *values()))
    assert not view["find_panel"]["visible"]  # the box needs the room
    asked = engine.asked[-1][0].turns[-1]
    assert (asked.region, asked.question) == ("the cup", "Find: the cup")
    assert 'class="place' in last(view)
    assert session.draft == Turn("Half typed")
    refused = merged(*handlers.find(visitor, "x" * 501, *values()))
    assert "501 characters" in refused["notice"]["value"]
    undone = handlers.undo(visitor)
    assert undone["question"]["value"] == "Half typed"
    assert undone["find_text"]["value"] == "the cup"
    assert undone["find_panel"]["visible"]


def test_an_edited_search_is_a_search(handlers, visitor, engine, session, tall):
    handlers.add_image(visitor, str(tall))
    list(handlers.find(visitor, "the cup", *values()))
    panel = act(handlers, visitor, "edit", "0")
    assert panel["edit_text"]["value"] == "the cup"
    list(handlers.ask_anew(visitor, panel["chosen"]["value"], "the hat", *values()))
    assert session.conversation.turns[0].region == "the hat"


def test_the_receipt_tells_what_was_tuned(handlers, visitor, session, clip):
    handlers.add_video(visitor, str(clip))
    view = ask(handlers, visitor, temperature=0.5, max_frames=3, seed=11.0)
    for fact in ("nano", "3 frames", "seed 11", "Temperature", "0.5", "the model was done"):
        assert fact in last(view)
    assert "Top-p" not in last(view)
    assert session.conversation.turns[0].receipt["tuned"] == {"temperature": 0.5, "max_frames": 3}


def test_receipts_of_older_files_are_drawn(session):
    old = {k: v for k, v in dataclasses.asdict(ended("stop", tiles=2)).items() if k != "token_ids"}
    session.conversation.turns.append(Turn("Q", (), "A", receipt=old))
    drawn = draw_chat(session.conversation, words("zh"))
    assert "2 个图块" in drawn[1]["content"]


def test_a_model_cannot_make_buttons(handlers, visitor, engine):
    engine.answers = [
        [
            '<button name="more" value="0">x</button> <ref><button name="edit"></ref>'
            '<box>[[1, 2, 3, 4]]</box> <ref>" name="unsay</ref><box>[[1, 2, 3, 4]]</box>'
        ]
    ]
    content = last(ask(handlers, visitor))
    assert content.count("<button") == 4  # the chip, and the three under an answer
    assert 'name="unsay' not in content and 'name="more' not in content.split("&lt;/button")[1]
