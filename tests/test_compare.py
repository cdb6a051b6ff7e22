"""Comparing one tile with many: two requests of their own, kept only when wanted."""

import pytest
from test_answer_handlers import ask, last, values

from internvl.engines.base import QueueFull
from internvl.ui.views import merged


@pytest.fixture
def compared(handlers, visitor, engine, tall):
    """The page with both answers to a second question about a picture."""
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "First?")
    engine.answers = [["Few."], ["Many <ref>x</ref><box>[[1, 2, 300, 400]]</box>."]]
    return merged(*handlers.compare(visitor, "", *values()))


def test_the_engine_is_asked_twice_apart_from_the_chat(compared, engine, session):
    few, many = (conversation for conversation, _ in engine.asked[1:])
    assert [few.turns[0].attachments[0].max_tiles, many.turns[0].attachments[0].max_tiles] == [
        1,
        12,
    ]
    assert [settings.max_tiles for _, settings in engine.asked[1:]] == [1, 12]
    assert len({few.id, many.id, session.conversation.id}) == 3
    assert engine.forgotten == [few.id, many.id]
    assert few.turns[-1].answer == ""
    assert "1 tile ·" in compared["compare_first"]["value"]
    assert "7 tiles ·" in compared["compare_second"]["value"]
    assert 'class="place' in compared["compare_second"]["value"]
    assert [turn.answer for turn in session.conversation.turns] == ["A photo of a tower."]


def test_one_that_is_kept_is_another_version(compared, handlers, visitor, session):
    view = handlers.keep(visitor, "first")
    (turn,) = session.conversation.turns
    assert (turn.answer, turn.receipt["compared"]) == ("Few.", 1)
    assert [version.answer for version in turn.earlier] == ["A photo of a tower."]
    assert "version 2 of 2" in last(view) and "left out" not in last(view)
    assert view["compare_panel"] == {"visible": False}
    assert "no longer here" in handlers.keep(visitor, "second")["notice"]["value"]


def test_a_typed_question_becomes_a_turn_when_kept(handlers, visitor, engine, session, wide):
    handlers.add_image(visitor, str(wide))
    engine.answers = [["Few."], ["Many."]]
    list(handlers.compare(visitor, "What?", *values()))
    assert session.conversation.turns == []
    assert len(session.draft.attachments) == 1
    view = handlers.keep(visitor, "second")
    (turn,) = session.conversation.turns
    assert (turn.question, turn.answer) == ("What?", "Many.")
    assert view["question"]["value"] == "" and session.draft.attachments == ()


def test_an_earlier_picture_is_seen_at_both_sizes(compared, handlers, visitor, engine):
    handlers.put_away(visitor)
    list(handlers.compare(visitor, "And now?", *values()))
    few, many = (conversation for conversation, _ in engine.asked[-2:])
    assert [c.turns[0].attachments[0].max_tiles for c in (few, many)] == [1, 12]
    assert [c.turns[1].question for c in (few, many)] == ["And now?"] * 2


def test_it_needs_a_picture_and_a_question(handlers, visitor, engine):
    assert "write a question" in str(merged(*handlers.compare(visitor, "", *values())))
    assert "attach a picture" in str(merged(*handlers.compare(visitor, "Hm?", *values())))
    assert engine.asked == []


def test_files_stay_until_a_comparison_is_put_away(handlers, visitor, engine, session, tall):
    handlers.add_image(visitor, str(tall))
    list(handlers.compare(visitor, "What?", *values()))
    handlers.clear(visitor, "")
    assert list(session.folder.glob("files/*/*"))
    handlers.put_away(visitor)
    assert not list(session.folder.glob("files/*/*"))


def test_stopping_and_failing_forget_both(handlers, visitor, engine, tall):
    handlers.add_image(visitor, str(tall))
    engine.answers = [["Few."], [QueueFull("full")]]
    view = merged(*handlers.compare(visitor, "What?", *values()))
    assert "full" in view["notice"]["value"] and view["send"]["visible"]
    engine.answers = [["A", "B"]]
    running = handlers.compare(visitor, "What?", *values())
    next(running), next(running)
    running.close()
    assert len(engine.forgotten) == 3
    assert engine.closed == 2
