"""Errors as cards: their words in both languages, and what their buttons do."""

import ast
import re
from pathlib import Path

import pytest
from test_handlers import ask, chat_text, values

from internvl.chat import Attachment, LimitError, Settings, Turn
from internvl.engines.base import EngineError, OutOfMemory, PromptTooLong, QueueFull, Text
from internvl.preprocessing import AttachmentError, load_image, video_info
from internvl.preprocessing.pdf import _REASONS, draw_pages
from internvl.ui.cards import make_card
from internvl.ui.errors import PageError
from internvl.ui.text import WORDS, words
from internvl.ui.views import merged, notice

LONG = {"tokens": 9200, "visual": 7168, "context": 8192}
EN, ZH = words("en"), words("zh")


def steps(card):
    return [(step.action, step.number) for step in card.steps]


def tap(handlers, visitor, view, label, question="", find="", edited=(None, ""), **changed):
    """The page after a button of a card; `edited` are the chosen turn and its new question."""
    buttons = re.findall(
        r'data-step="(\w+)" data-number="(\d+)" data-asked="(\w*)">([^<]+)<',
        view["notice"]["value"],
    )
    step, number, asked = next(b[:3] for b in buttons if b[3] == label)
    given = (question, find, *edited, *values(**changed))
    return merged(*handlers.mend(visitor, step, int(number), asked, *given))


@pytest.mark.parametrize(
    ("error", "english", "chinese"),
    [
        (PromptTooLong("x", **LONG), "9,200 tokens", "9,200 个词元"),
        (PromptTooLong("Too long."), "Too long.", "过长"),
        (QueueFull("x", questions=36), "36 questions", "36 个问题"),
        (QueueFull("Full."), "Full.", "请稍后再试"),
        (OutOfMemory("x", needed=12.24, free=3.1), "12.2 GB", "12.2 GB 内存"),
        (OutOfMemory("No room."), "No room.", "内存不足"),
        (EngineError("model.bin is gone"), "model.bin is gone", "终端"),
        (LimitError("x", "file", name="a.png", megabytes=300.0, most=200.0), "300 MB", "上限"),
        (LimitError("Other."), "Other.", "Other."),
        (
            AttachmentError("x", "codec", name="a.mp4", reason="why", codec="vp7"),
            "vp7",
            "编码为 vp7",
        ),
        (PageError("Write first."), "Write first.", "Write first."),
        (RuntimeError("secret"), "Something went wrong", "出了点问题"),
    ],
)
def test_errors_have_words_in_both_languages(session, error, english, chinese):
    assert english in make_card(error, EN, session).sentence
    assert chinese in make_card(error, ZH, session).sentence


def real_errors(tmp_path, session):
    """What the code raises, by the kinds that visitors meet."""
    text = tmp_path / "text.png"
    text.write_text("no picture")
    cut = tmp_path / "cut.png"
    cut.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    video = tmp_path / "text.mp4"
    video.write_text("no video")
    document = tmp_path / "text.pdf"
    document.write_bytes(b"%PDF-1.7 and nothing more")
    limits = session.limits
    for raising in (
        lambda: draw_pages(document, tmp_path),
        lambda: load_image(text),
        lambda: load_image(cut),
        lambda: load_image(tmp_path / "gone.png"),
        lambda: video_info(video),
        lambda: video_info(tmp_path / "gone.mp4"),
        lambda: limits.check_question("x" * 501),
        lambda: limits.check_reason("x" * 501),
        lambda: limits.check_system("x" * 301),
        lambda: limits.check_title("x" * 121),
        lambda: limits.check_room(4),
        lambda: limits.check_chats(201),
    ):
        with pytest.raises((AttachmentError, LimitError)) as error:
            raising()
        yield error.value


def test_what_the_code_raises_has_chinese_words(tmp_path, session):
    for error in real_errors(tmp_path, session):
        told = make_card(error, ZH, session).sentence
        assert re.search(r"[\u4e00-\u9fff]", told), error
        assert make_card(error, EN, session).sentence


def test_the_next_step_follows_from_the_error(session, tall, clip):
    assert steps(make_card(QueueFull("x"), EN, session, "send")) == [("again", 0)]
    assert steps(make_card(QueueFull("x"), EN, session)) == []
    assert steps(make_card(PageError("x", "reload"), EN, None)) == [("reload", 0)]
    assert steps(make_card(LimitError("x", "room"), EN, session)) == [("chats", 0)]
    assert steps(make_card(AttachmentError("x", "video"), EN, session)) == [("choose", 0)]
    memory, long = OutOfMemory("x"), PromptTooLong("x")
    assert steps(make_card(memory, EN, session, "send")) == [("again", 0)]
    assert steps(make_card(long, EN, session, "send")) == [("write", 0)]
    assert steps(make_card(memory, EN, session)) == steps(make_card(long, EN, session)) == []
    assert steps(make_card(AttachmentError("x", "clip"), EN, session, "send")) == [("choose", 0)]
    assert steps(make_card(LimitError("x", "question"), EN, session)) == [("write", 0)]
    session.draft = Turn("", (Attachment(tall, "image"), Attachment(clip, "video")))
    assert steps(make_card(memory, EN, session, "send")) == [("tiles", 6), ("frames", 8)]
    session.conversation.turns += [Turn(str(n), answer="a") for n in range(3)]
    assert steps(make_card(long, EN, session, "send")) == [("last", 2), ("fresh", 0)]
    labels = [step.label for step in make_card(memory, EN, session).steps]
    assert labels == ["Use 6 tiles", "Use 8 frames"]


def test_fewer_tiles_and_asked_again(handlers, visitor, session, engine, tall):
    engine.answers = [[OutOfMemory("x", needed=9.0, free=1.0)], ["Now."]]
    handlers.add_image(visitor, str(tall))
    view = ask(handlers, visitor, "What?")
    assert "Not enough memory" in view["notice"]["value"]
    view = tap(handlers, visitor, view, "Try again with 6 tiles", "What?")
    assert "Now." in chat_text(view)
    assert view["max_tiles"]["value"] == session.settings.max_tiles == 6
    assert [c.attachments[0].max_tiles for c, _ in engine.asked] == [12, 6]
    assert view["notice"] == notice()["notice"]


@pytest.mark.parametrize("asked", ["find", "ask_anew", "go_on", "compare"])
@pytest.mark.parametrize("failure", [QueueFull("x"), EngineError("x"), RuntimeError("x")])
def test_whatever_was_asked_is_asked_again(
    handlers, visitor, session, engine, tall, asked, failure
):
    handlers.add_image(visitor, str(tall))
    handlers.keep_question(visitor, "Typed", session.conversation.id)
    engine.answers = [["Once "], [failure], ["upon a time."]]
    ask(handlers, visitor, "First?")
    handlers.keep_question(visitor, "Typed", session.conversation.id)
    chosen = {"action": "edit", "turn": 0, "chat": session.conversation.id}
    given = {
        "find": ("the cup",),
        "ask_anew": (chosen, "Uno?"),
        "go_on": ("0",),
        "compare": ("Typed",),
    }[asked]
    view = merged(*getattr(handlers, asked)(visitor, *given, *values()))
    assert [t.question for t in session.conversation.turns] == ["First?"]
    assert "question" not in view  # what is typed there stays as it is
    if asked == "ask_anew":
        assert (view["edit_text"]["value"], view["chosen"]["value"]) == ("Uno?", chosen)
        assert view["edit_panel"]["visible"]
    if asked == "find":
        assert (view["find_text"]["value"], view["find_panel"]["visible"]) == ("the cup", True)
    view = tap(handlers, visitor, view, "Try again", "Typed", "the cup", (chosen, "Uno?"))
    assert view["notice"] == notice()["notice"]
    said = [(t.question, t.answer) for t in session.conversation.turns]
    assert (
        said
        == {
            "find": [("First?", "Once "), ("Find: the cup", "upon a time.")],
            "ask_anew": [("Uno?", "upon a time.")],
            "go_on": [("First?", "Once upon a time.")],
            "compare": [("First?", "Once ")],
        }[asked]
    )
    assert asked != "compare" or "upon a time." in view["compare_second"]["value"]


def test_an_edited_question_is_asked_with_less(handlers, visitor, session, engine, tall):
    for number in range(3):
        handlers.add_image(visitor, str(tall))
        ask(handlers, visitor, f"Question {number}?")
    whole = session.conversation
    chosen = {"action": "edit", "turn": 1, "chat": whole.id}
    engine.answers = [[OutOfMemory("x")], [PromptTooLong("x", **LONG)], ["Short now."]]
    view = merged(*handlers.ask_anew(visitor, chosen, "Uno?", *values()))
    view = tap(handlers, visitor, view, "Try again with 6 tiles", edited=(chosen, "Uno?"))
    asked = engine.asked[-1][0].turns
    assert [t.attachments[0].max_tiles for t in asked] == [12, 6]
    assert [t.attachments[0].max_tiles for t in whole.turns] == [12, 12, 12]
    edited = (chosen, "Uno?")
    view = tap(handlers, visitor, view, "Ask in a new chat", edited=edited, max_tiles=6)
    assert [t.question for t in session.conversation.turns] == ["Uno?"]
    assert session.conversation.turns[0].answer == "Short now."
    assert len(whole.turns) == 3 and whole in session.conversations


def test_a_comparison_is_made_with_fewer_tiles(handlers, visitor, session, engine, tall):
    handlers.add_image(visitor, str(tall))
    engine.answers = [["Few."], [OutOfMemory("x")], ["Few."], ["Many."]]
    view = merged(*handlers.compare(visitor, "What?", *values()))
    assert (view["keep_first"], view["keep_second"]) == (
        {"interactive": True},
        {"interactive": False},
    )
    assert "not answered" in view["compare_second"]["value"]
    view = tap(handlers, visitor, view, "Try again with 6 tiles", "What?")
    assert [settings.max_tiles for _, settings in engine.asked] == [1, 12, 1, 6]
    assert "up to 6 tiles" in view["compare_second_title"]["value"]


def test_a_model_that_says_nothing_is_asked_again(handlers, visitor, engine):
    engine.answers = [[Text("")], ["Yes."]]
    view = ask(handlers, visitor, "What?")
    assert "gave no answer" in view["notice"]["value"]
    assert "Yes." in chat_text(tap(handlers, visitor, view, "Try again", "What?"))


@pytest.mark.parametrize("question", [" ", "x" * 501])
def test_a_question_that_cannot_be_asked_is_gone_to(handlers, visitor, question):
    view = ask(handlers, visitor, question)
    assert 'data-step="write"' in view["notice"]["value"]


def test_a_setting_out_of_range_goes_back_to_the_usual_ones(handlers, visitor, session, engine):
    view = ask(handlers, visitor, "What?", temperature=9, max_new_tokens=7)
    view = tap(handlers, visitor, view, EN["step.usual"], "What?", temperature=9, max_new_tokens=7)
    assert "A photo" in chat_text(view)
    assert engine.asked[0][1] == session.settings == Settings()
    assert view["temperature"]["value"] == 0
    view = handlers.adjust(visitor, *values(seed=-1))
    view = tap(handlers, visitor, view, EN["step.usual"], seed=-1)
    assert view["notice"] == notice()["notice"] and len(engine.asked) == 1


def test_where_fewer_tiles_are_not_enough_a_new_chat_is_offered(
    handlers, visitor, session, engine, tall
):
    handlers.add_image(visitor, str(tall))

    def too_much(conversation, settings):
        raise PromptTooLong("x", **LONG)

    usual, engine.estimate = engine.estimate, too_much
    assert "data-step" not in handlers.fit(visitor)["notice"]["value"]  # it is a new one already
    engine.estimate = usual
    ask(handlers, visitor, "First?")
    handlers.add_image(visitor, str(tall))
    engine.estimate = too_much
    tap(handlers, visitor, handlers.fit(visitor), "Start a new chat")
    assert session.conversation.turns == [] and len(session.draft.attachments) == 1


def test_a_message_that_has_changed_elsewhere_is_loaded_anew(handlers, visitor):
    ask(handlers, visitor, "First?")
    view = merged(*handlers.ask_anew(visitor, {"chat": "another", "turn": 0}, "And?", *values()))
    assert 'data-step="reload"' in view["notice"]["value"]


def test_a_retry_with_fewer_tiles_leaves_the_earlier_answer_as_it_was(
    handlers, visitor, session, engine, tall
):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "What?")
    engine.answers = [[OutOfMemory("x")], [OutOfMemory("x")], ["Better."]]
    view = merged(*handlers.retry(visitor, *values()))
    view = tap(handlers, visitor, view, "Try again with 6 tiles")
    (turn,) = session.conversation.turns
    assert (turn.answer, turn.attachments[0].max_tiles) == ("A photo of a tower.", 12)
    view = tap(handlers, visitor, view, "Try again with 3 tiles", max_tiles=6)
    (turn,) = session.conversation.turns
    assert (turn.answer, turn.attachments[0].max_tiles) == ("Better.", 3)
    assert engine.asked[-1][0].attachments[0].max_tiles == 3


def test_the_last_turns_go_on_and_the_whole_chat_is_kept(handlers, visitor, session, engine):
    for number in range(4):
        ask(handlers, visitor, f"Question {number}?")
    whole = session.conversation
    engine.answers = [[PromptTooLong("x", **LONG)], ["Short now."]]
    view = tap(handlers, visitor, ask(handlers, visitor, "Last?"), "Use the last 2 turns", "Last?")
    asked = [turn.question for turn in engine.asked[-1][0].turns]
    assert asked == ["Question 2?", "Question 3?", "Last?"]
    assert len(whole.turns) == 4 and whole in session.conversations
    assert "The whole chat is kept in the list" in view["notice"]["value"]
    assert "Short now." in chat_text(view)


def test_a_question_can_go_on_in_a_new_chat(handlers, visitor, session, engine):
    ask(handlers, visitor, "First?")
    engine.answers = [[PromptTooLong("x")], ["Fresh."]]
    view = tap(handlers, visitor, ask(handlers, visitor, "Second?"), "Ask in a new chat", "Second?")
    assert [turn.question for turn in session.conversation.turns] == ["Second?"]
    assert "Fresh." in chat_text(view)
    engine.answers = [[PromptTooLong("x")], ["Again."]]
    view = merged(*handlers.retry(visitor, *values()))
    assert "Ask in a new chat" not in view["notice"]["value"]


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (PromptTooLong("x", **LONG), "Too long for the model"),
        (OutOfMemory("x"), "Not enough memory"),
    ],
)
def test_what_is_too_much_before_asking_is_a_card_that_asks_nothing(
    handlers, visitor, session, engine, tall, error, title
):
    ask(handlers, visitor, "First?")
    handlers.add_image(visitor, str(tall))

    def too_much(conversation, settings):
        raise error

    engine.estimate = too_much
    view = merged(*handlers.prepare(visitor))
    assert title in view["notice"]["value"]
    view = tap(handlers, visitor, view, "Use 6 tiles")
    assert session.settings.max_tiles == 6
    assert view["notice"] == notice()["notice"]
    assert len(engine.asked) == 1


def test_a_forged_step_changes_nothing_beyond_the_limits(handlers, visitor, session, engine):
    for step, number in (("tiles", 99), ("tiles", 0), ("frames", -1)):
        given = ("Hi", "", None, "", *values())
        view = merged(*handlers.mend(visitor, step, number, "send", *given))
        assert 'role="alert"' in view["notice"]["value"]
    assert session.settings.max_tiles == 12
    assert engine.asked == []
    view = merged(*handlers.mend(visitor, "<b>", 1, "<i>", *given))
    assert "A photo" in chat_text(view)


@pytest.mark.parametrize(("step", "number"), [("usual", 0), ("last", 2), ("fresh", 0)])
def test_a_step_leaves_what_is_being_written(handlers, visitor, session, engine, step, number):
    engine.answers = [["1"], ["2"], ["3"]]
    for question in ("One?", "Two?", "Three?"):
        ask(handlers, visitor, question)
    handlers.keep_question(visitor, "Typed", session.conversation.id)
    merged(*handlers.mend(visitor, step, number, "", "Typed", "", None, "", *values()))
    assert session.draft.question == "Typed"


def test_cards_are_escaped(session):
    drawn = notice(make_card(EngineError("<script>alert(1)</script>"), EN, session))
    assert "<script" not in drawn["notice"]["value"]


def test_every_kind_of_error_has_words():
    """Of pictures, videos, PDFs and limits: whatever the sources can raise, by kind."""
    errors = {
        "AttachmentError": ("error", 1),
        "LimitError": ("error", 1),
        "_check_length": ("error", 0),
        "VideoError": ("reason", 1),
    }
    kinds = {f"error.pdf_{reason}" for reason in _REASONS}
    for source in Path("internvl").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            prefix, place = errors.get(getattr(getattr(node, "func", None), "id", ""), ("", 0))
            if prefix and isinstance((*node.args, None, None)[place], ast.Constant):
                kinds.add(f"{prefix}.{node.args[place].value}")
    assert len(kinds) > 25
    assert kinds <= WORDS.keys()
