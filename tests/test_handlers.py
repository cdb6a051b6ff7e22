"""The page's handlers over a scripted engine: what a visitor does, and what the engine gets."""

import dataclasses
import logging
import re
import threading
from pathlib import Path

import pytest
from PIL import Image
from scripted_engine import ScriptedEngine

from internvl.chat import SYSTEM_MESSAGE, Limits, SessionStore, Settings, Turn
from internvl.engines.base import Loading, QueueFull, Reading, Text, Waiting
from internvl.engines.pictures import content_digest
from internvl.ui import answering, drafts, frames
from internvl.ui.handlers import Handlers
from internvl.ui.markup import to_markdown
from internvl.ui.page import VALUES
from internvl.ui.text import words
from internvl.ui.views import About, merged


def values(**changed):
    """What the page's sliders send."""
    shown = {**dataclasses.asdict(Settings()), "system": SYSTEM_MESSAGE, **changed}
    return [shown[name] for name in VALUES]


def ask(handlers, visitor, question="What is this?", **changed):
    """The page after an answer."""
    return merged(*handlers.send(visitor, question, *values(**changed)))


def chat_text(view):
    return "\n".join(message["content"] for message in view["chat"]["value"])


def restarted(handlers, store):
    """The same page after the server has been started again."""
    return Handlers(handlers.engine, SessionStore(store.folder, store.limits), handlers.about)


def test_a_visitor_comes_back_to_the_same_session(handlers, visitor, session):
    again = handlers.open(visitor, "en")["visitor"]["value"]
    assert again == visitor
    assert len(visitor["token"]) == 32


@pytest.mark.parametrize(
    "kept",
    [None, {}, {"token": "../" * 10 + "ab"}, {"token": 7, "language": "<b>"}, "junk", [1, 2]],
)
def test_whoever_has_no_token_gets_one(handlers, kept):
    fresh = handlers.open(kept, "zh-CN")["visitor"]["value"]
    assert len(fresh["token"]) == 32
    assert fresh["language"] == "zh"


def test_two_visitors_are_apart(handlers, visitor, session, store, tall):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, max_tiles=3)
    other = handlers.open(None, "en")["visitor"]["value"]
    second = store.open(other["token"])
    assert second.conversation.turns == []
    assert second.settings == Settings()
    assert session.settings.max_tiles == 3
    assert not list(second.folder.glob("files/*"))
    assert chat_text(handlers.open(other, "en")) == ""


def test_the_engine_gets_exactly_what_the_page_showed(handlers, visitor, engine, tall, wide):
    handlers.add_images(visitor, [str(tall), str(wide)])
    handlers.change(visitor, *values(max_tiles=13))
    list(handlers.prepare(visitor))
    ask(handlers, visitor, "Compare them.", max_tiles=13)
    prepared, asked = engine.prepared[0][0], engine.asked[0][0]
    assert prepared.turns[-1].attachments == asked.turns[-1].attachments
    assert prepared.id == asked.id
    budgets = [(a.path.name, a.kind, a.max_tiles) for a in asked.turns[-1].attachments]
    assert budgets == [(tall.name, "image", 6), (wide.name, "image", 6)]
    assert asked.turns[-1].question == "Compare them."
    for attachment, original in zip(asked.turns[-1].attachments, (tall, wide), strict=True):
        assert attachment.path.read_bytes() == original.read_bytes()
        assert attachment.path != original


def test_reading_ahead_ends_when_something_else_is_on_the_page(handlers, visitor, tall, wide):
    handlers.add_image(visitor, str(tall))
    for change in (
        lambda: handlers.change(visitor, *values(max_tiles=3)),
        lambda: handlers.add_images(visitor, [str(wide)]),
        lambda: ask(handlers, visitor),
    ):
        reading = handlers.prepare(visitor)
        assert " tiles" in next(reading)["cost"]["value"]
        assert "1 of" in next(reading)["status"]["value"]
        change()
        assert list(reading) == []


def test_reading_ahead_again_ends_the_reading_before(handlers, visitor, tall):
    handlers.add_image(visitor, str(tall))
    before, after = handlers.prepare(visitor), handlers.prepare(visitor)
    for reading in (before, after):
        assert " tiles" in next(reading)["cost"]["value"]
        assert "1 of" in next(reading)["status"]["value"]
    assert list(before) == []
    assert "seen it all" in list(after)[-1]["status"]["value"]


def test_a_full_context_is_said_before_sending(handlers, visitor, engine, tall):
    handlers.add_image(visitor, str(tall))
    assert "notice" not in merged(*handlers.prepare(visitor))
    engine.tile_counts = lambda conversation: [[1]]
    assert "of 7 tiles the model will see 1" in str(merged(*handlers.prepare(visitor))["notice"])
    engine.loading = 0.5
    assert "notice" not in merged(*handlers.prepare(visitor))


def test_a_sent_picture_leaves_the_page_and_is_not_sent_again(handlers, visitor, engine, tall):
    handlers.add_image(visitor, str(tall))
    view = ask(handlers, visitor)
    assert "sheet" not in view["tray"]["value"]
    assert "Picture" in chat_text(view) and "Image-1" not in chat_text(view)
    assert f'<span class="name">{tall.name}</span>' in chat_text(view)
    ask(handlers, visitor, "And now?")
    second = engine.asked[1][0]
    assert [len(turn.attachments) for turn in second.turns] == [1, 0]
    assert second.turns[0].answer == "A photo of a tower."
    assert second.turns[1].answer == ""


def test_a_question_without_a_picture(handlers, visitor, engine):
    view = ask(handlers, visitor, "Hello?")
    assert engine.asked[0][0].attachments == []
    assert "A photo of a tower." in chat_text(view)
    assert "visual tokens" not in chat_text(view)


def test_the_answer_grows_while_stop_stands_where_send_was(handlers, visitor, monkeypatch):
    monkeypatch.setattr(answering, "REDRAW_SECONDS", 0.0)
    views = list(handlers.send(visitor, "What?", *values()))
    answers = [v["chat"]["value"][-1]["content"] for v in views if "chat" in v]
    assert answers[:5] == ["…", "A ", "A photo ", "A photo of a ", "A photo of a tower."]
    assert "21.0 tokens/s" in answers[-1]
    assert "seed 7" in answers[-1]
    busy = views[0]
    assert (busy["send"]["visible"], busy["stop"]["visible"]) == (False, True)
    idle = merged(*views)
    assert (idle["send"]["visible"], idle["stop"]["visible"]) == (True, False)


def test_stop_keeps_the_part_that_came(handlers, visitor, engine, session, store, monkeypatch):
    monkeypatch.setattr(answering, "REDRAW_SECONDS", 0.0)
    answer = handlers.send(visitor, "What?", *values())
    for view in answer:
        if "A photo" in str(view.get("chat")):
            break
    answer.close()
    assert engine.closed == 1
    view = handlers.stop(visitor)
    assert session.conversation.turns[0].answer.strip() == "A photo"
    assert "stopped" in chat_text(view)
    assert view["send"]["visible"]
    reopened = restarted(handlers, store).open(visitor, "en")
    assert "A photo" in chat_text(reopened)


def test_stop_before_the_first_word_gives_the_question_back(handlers, visitor, session, tall):
    handlers.add_image(visitor, str(tall))
    answering = handlers.send(visitor, "What?", *values())
    assert next(answering)["stop"]["visible"]
    answering.close()
    assert session.conversation.turns == []
    assert session.draft.question == "What?"
    assert session.draft.attachments[0].max_tiles is None
    assert tall.name in handlers.open(visitor, "en")["tray"]["value"]


def test_a_chat_deleted_while_it_is_answered_stays_deleted(handlers, visitor, session, tall):
    handlers.add_image(visitor, str(tall))
    answering = handlers.send(visitor, "What?", *values())
    next(answering)
    handlers.delete_chat(visitor, "", session.conversation.id)
    answering.close()
    assert session.draft.question == ""
    assert session.draft.attachments == ()
    assert [c.turns for c in session.conversations] == [[]]


@pytest.mark.parametrize(
    "failure", [QueueFull("32 visitors are waiting; please try again soon."), RuntimeError("boom")]
)
def test_an_error_loses_nothing(handlers, visitor, session, engine, tall, failure, caplog):
    engine.answers = [[failure]]
    handlers.add_image(visitor, str(tall))
    with caplog.at_level(logging.ERROR):
        view = ask(handlers, visitor, "What?")
    expected = isinstance(failure, QueueFull)
    sentence = "32 visitors are waiting" if expected else "Something went wrong"
    assert sentence in view["notice"]["value"]
    assert "boom" not in str(view)
    assert ("boom" in caplog.text) is not expected
    assert view["question"]["value"] == "What?"
    assert tall.name in view["tray"]["value"]
    assert view["send"]["visible"]
    assert session.conversation.turns == []
    engine.answers = [["Fine."]]
    assert "Fine." in chat_text(ask(handlers, visitor, "What?"))


def test_an_error_in_the_middle_keeps_the_part_that_came(handlers, visitor, session, engine):
    engine.answers = [["Half ", QueueFull("enough")]]
    view = ask(handlers, visitor)
    assert "enough" in view["notice"]["value"]
    assert session.conversation.turns[0].answer == "Half "


@pytest.mark.parametrize(
    ("question", "changed", "sentence"),
    [
        (" ", {}, "write a question"),
        ("x" * 501, {}, "501 characters; 500 is the most"),
        ("Hi", {"seed": -1}, "Seed must be a number from 0 to"),
        ("Hi", {"temperature": 9}, "Temperature must be a number from 0 to 2"),
        ("Hi", {"max_tiles": 60}, "60 tiles are more than this page allows; 24"),
        ("Hi", {"max_frames": 65}, "65 frames are more than this page allows; 64"),
        ("Hi", {"temperature": None}, "Temperature must be a number from 0 to 2"),
        ("Hi", {"system": "x" * 301}, "system message has 301 characters; 300 is the most"),
    ],
)
def test_limits_are_said_in_words(handlers, visitor, engine, session, question, changed, sentence):
    view = ask(handlers, visitor, question, **changed)
    assert sentence in view["notice"]["value"]
    assert view.get("question", {"value": question})["value"] == question
    assert len(session.draft.question) <= 500
    assert engine.asked == []
    assert session.settings == Settings()


def test_what_is_kept_has_its_length_limited(handlers, visitor, session):
    assert (
        "501 characters"
        in handlers.keep_question(visitor, "x" * 501, session.conversation.id)["notice"]["value"]
    )
    assert "301 characters" in handlers.new_chat(visitor, "", "", "x" * 301)["notice"]["value"]
    assert session.draft.question == ""
    assert session.conversation.system == SYSTEM_MESSAGE


def test_small_limits_are_where_the_page_starts(tmp_path, engine, tall):
    limits = Limits(tiles=4, frames=3)
    handlers = Handlers(engine, SessionStore(tmp_path / "s", limits), About("nano"))
    view = handlers.open(None, "en")
    assert (view["max_tiles"]["value"], view["max_frames"]["value"]) == (4, 3)
    visitor = view["visitor"]["value"]
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, max_tiles=view["max_tiles"]["value"], max_frames=3)
    assert engine.asked[0][0].attachments[0].max_tiles == 4


def test_replaced_files_are_deleted(tmp_path, engine, clip):
    limits = Limits(files=2)
    handlers = Handlers(engine, store := SessionStore(tmp_path / "s", limits), About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    session = store.open(visitor["token"])
    for shade in range(5):
        Image.new("L", (9, 9), shade).save(tmp_path / "grey.png")
        view = handlers.add_image(visitor, str(tmp_path / "grey.png"))
        assert "sentence" not in view["notice"]["value"]
        assert len(session.draft.attachments) == 1
        assert len(list(session.folder.glob("files/*/*"))) == 1
    handlers.clear(visitor, "")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes() + bytes(1))
    for video in (copy, clip):
        handlers.add_video(visitor, str(video))
        assert [a.path.name for a in session.draft.attachments] == [video.name]
        assert len(list(session.folder.glob("files/*/*"))) == 1


def test_decoding_does_not_hold_the_session(handlers, visitor, session, clip, monkeypatch):
    free = []

    def decoding(*clip):
        def probe():
            if session.lock.acquire(blocking=False):
                session.lock.release()
                free.append(True)

        thread = threading.Thread(target=probe)
        thread.start()
        thread.join()
        return (frames.FrameView("", 0.0, 0, bytes(3072)),)

    monkeypatch.setattr(drafts, "frame_views", decoding)
    monkeypatch.setattr(frames, "frame_views", decoding)
    for handle in (
        lambda: handlers.add_video(visitor, str(clip)),
        lambda: handlers.change(visitor, *values(max_frames=3)),
        lambda: handlers.trim(visitor, 0.2, 1.0),
    ):
        free.clear()
        handle()
        assert free
    assert (session.draft.attachments[0].start, session.draft.attachments[0].end) == (0.2, 1.0)


def test_stop_in_one_tab_leaves_the_answer_of_another(handlers, visitor, session):
    other = handlers.send(visitor, "The other tab's?", *values())
    next(other)
    handlers.stop(visitor)
    assert [turn.question for turn in session.conversation.turns] == ["The other tab's?"]
    view = merged(*other)
    assert session.conversation.turns[0].answer == "A photo of a tower."
    assert session.running == []
    assert "A photo of a tower." in chat_text(view)


def test_what_was_sent_is_not_kept_as_typed(handlers, visitor, session):
    ask(handlers, visitor, "Sent?")
    handlers.keep_question(
        visitor, "Sent?", session.conversation.id
    )  # the field was left when Send was pressed
    assert session.draft.question == ""
    handlers.keep_question(visitor, "Typed", session.conversation.id)
    assert session.draft.question == "Typed"


def test_the_same_question_in_two_tabs_is_two_turns(handlers, visitor, session, engine):
    engine.answers = [["One."], ["Two."]]
    first = handlers.send(visitor, "What?", *values())
    next(first)
    second = handlers.send(visitor, "What?", *values())
    next(second)
    list(second)
    list(first)
    assert [turn.answer for turn in session.conversation.turns] == ["Two.", "One."]


def test_files_that_cannot_be_used_are_refused_by_name(handlers, visitor, session, tmp_path, tall):
    handlers.add_image(visitor, str(tall))
    fake = tmp_path / "fake.png"
    fake.write_text("no picture")
    view = handlers.add_images(visitor, [str(fake)])
    assert "fake.png" in view["notice"]["value"]
    assert tall.name in view["tray"]["value"]
    assert len(list(session.folder.glob("files/*"))) == 1
    video = handlers.add_video(visitor, str(fake))
    assert "fake.png" in video["notice"]["value"]


def test_limits_of_files(tmp_path, engine, tall):
    limits = Limits(files=1, pixels=10_000, upload_bytes=10_000_000)
    handlers = Handlers(engine, SessionStore(tmp_path / "s", limits), About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    assert "million pixels" in handlers.add_image(visitor, str(tall))["notice"]["value"]
    small = tmp_path / "small.png"
    for colour in ("red", "blue"):
        Image.new("RGB", (9, 9), colour).save(small)
        view = handlers.add_images(visitor, [str(small)])
    assert "1 files already" in view["notice"]["value"]


def test_retry_replaces_the_answer_at_its_first_word(handlers, visitor, session, engine):
    ask(handlers, visitor)
    engine.answers = [[QueueFull("full")]]
    failed = merged(*handlers.retry(visitor, *values()))
    assert session.conversation.turns[0].answer == "A photo of a tower."
    assert "full" in failed["notice"]["value"]
    engine.answers = [["Another."]]
    again = merged(*handlers.retry(visitor, *values(seed=5.0)))
    assert session.conversation.turns[0].answer == "Another."
    assert len(session.conversation.turns) == 1
    assert engine.asked[-1][0].turns[-1].answer == ""
    assert "seed 5" in chat_text(again)


@pytest.mark.parametrize(("temperature", "told"), [(0.0, True), (0.7, False)])
def test_the_same_answer_once_more_is_explained(handlers, visitor, engine, temperature, told):
    engine.answers = [["A tower."], ["A tower."], ["A bridge."], ["A tower."]]
    views = [ask(handlers, visitor, temperature=temperature)]
    for _ in range(3):
        views.append(merged(*handlers.retry(visitor, *values(temperature=temperature))))
    hints = ["at temperature 0" in view["notice"]["value"] for view in views]
    assert hints == [False, told, False, told]


def test_undo_gives_question_and_picture_back(handlers, visitor, session, tall):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "What?")
    view = handlers.undo(visitor)
    assert view["question"]["value"] == "What?"
    assert tall.name in view["tray"]["value"]
    assert view["chat"]["value"] == []
    assert "no question" in handlers.undo(visitor)["notice"]["value"]


def test_chats_can_be_left_opened_and_deleted(handlers, visitor, session, engine, tall):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "First?")
    first = session.conversation.id
    assert chat_text(handlers.new_chat(visitor, "", "", "Be brief.")) == ""
    view = ask(handlers, visitor, "Second?", system="Be brief.")
    titles = re.findall(r'class="title">([^<]*)<', view["chats"]["value"])
    assert titles == ["Second?", "First?"]
    assert engine.asked[-1][0].system == "Be brief."
    view = handlers.choose_chat(visitor, "", "", first)
    assert "First?" in chat_text(view)
    assert view["system"]["value"] == SYSTEM_MESSAGE
    view = handlers.delete_chat(visitor, "", first)
    assert engine.forgotten == [first]
    assert "Second?" in chat_text(view)
    handlers.new_chat(visitor, "", "", "")
    empty = session.conversation.id
    handlers.new_chat(visitor, "", "", "")
    assert engine.forgotten == [first, empty]
    assert not list(session.folder.glob("files/*/*"))
    assert "no longer here" in handlers.choose_chat(visitor, "", "", first)["notice"]["value"]


def test_each_chat_keeps_what_was_written_for_it(
    handlers, visitor, session, store, engine, tall, wide
):
    ask(handlers, visitor, "First?")
    first = session.conversation
    handlers.add_image(visitor, str(tall))
    view = handlers.new_chat(visitor, "Half typ", first.id, SYSTEM_MESSAGE)
    assert "sheet" not in view["tray"]["value"] and view["question"]["value"] == ""
    handlers.add_images(visitor, [str(wide), str(tall)])
    handlers.keep_question(visitor, "Both?", session.conversation.id)
    second = session.conversation
    view = handlers.choose_chat(visitor, "Both? ", second.id, first.id)
    assert view["question"]["value"] == "Half typ"
    assert tall.name in view["tray"]["value"] and wide.name not in view["tray"]["value"]
    assert "Both?" in view["chats"]["value"]  # it has not been asked, and is kept
    restarted(handlers, store).keep_question(visitor, "Both of them?", second.id)  # another tab
    view = restarted(handlers, store).choose_chat(visitor, "Half typ", first.id, second.id)
    assert view["question"]["value"] == "Both of them?"
    assert view["panes"]["selected"] == "images"
    assert wide.name in view["tray"]["value"]
    page = restarted(handlers, store)
    view = page.delete_chat(visitor, second.id, first.id)
    # They are on the page, perhaps with more than was kept.
    assert "question" not in view and "find_text" not in view
    assert page.choose_chat(visitor, "", second.id, second.id)["find_text"] == {"value": ""}
    assert page.open(visitor, "en")["question"]["value"] == "Both of them?"


def test_words_stay_where_the_shown_chat_is_not_known(handlers, visitor, session):
    ask(handlers, visitor, "First?")
    first = session.conversation
    handlers.new_chat(visitor, "Typed", "", SYSTEM_MESSAGE)
    assert first.draft.question == "Typed"


def test_the_same_words_can_be_written_again(handlers, visitor, session):
    ask(handlers, visitor, "What?")
    first = session.conversation.id
    handlers.new_chat(visitor, "What?", first, SYSTEM_MESSAGE)
    view = handlers.choose_chat(visitor, "", session.conversation.id, first)
    assert view["question"]["value"] == "What?"


def test_a_file_stays_with_the_chat_it_was_chosen_in(
    handlers, visitor, session, tall, wide, monkeypatch
):
    ask(handlers, visitor, "First?")
    first = session.conversation
    handlers.add_image(visitor, str(wide))
    handlers.new_chat(visitor, "", first.id, SYSTEM_MESSAGE)
    second = session.conversation
    handlers.keep_question(visitor, "Second?", second.id)
    opened = drafts._open

    def opening(attachment, owner):
        handlers.choose_chat(visitor, "Second?", second.id, first.id)
        opened(attachment, owner)

    monkeypatch.setattr(drafts, "_open", opening)
    handlers.add_image(visitor, str(tall))
    names = [[a.path.name for a in c.draft.attachments] for c in (first, second)]
    assert names == [[wide.name], [tall.name]]
    assert len(list(session.folder.glob("files/*/*"))) == 2


@pytest.mark.parametrize("ends_first", [False, True])
def test_a_question_without_an_answer_goes_back_to_its_own_chat(
    handlers, visitor, session, tall, ends_first
):
    ask(handlers, visitor, "First?")
    first = session.conversation
    handlers.add_image(visitor, str(tall))
    answering = handlers.send(visitor, "What?", *values())
    next(answering)
    if ends_first:
        answering.close()
    handlers.new_chat(visitor, "", first.id, SYSTEM_MESSAGE)
    answering.close()
    assert session.draft == Turn("")
    assert (first.draft.question, len(first.draft.attachments)) == ("What?", 1)


def test_a_question_that_was_put_back_comes_into_an_empty_field_only(handlers, visitor, session):
    answering = handlers.send(visitor, "What?", *values())
    next(answering)
    handlers.stop(visitor)  # the answer does not end in time
    answering.close()
    assert handlers.settled(visitor, "")["question"] == {"value": "What?"}
    assert "question" not in handlers.settled(visitor, "Somethi")
    assert handlers.settled(visitor)["send"] == {"visible": True}


def test_everything_is_there_after_a_restart(handlers, visitor, session, store, tall, wide):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "What?", temperature=0.5)
    handlers.add_image(visitor, str(wide))
    handlers.keep_question(visitor, "And thi", session.conversation.id)
    view = restarted(handlers, store).open(visitor, "en")
    assert "A photo of a tower." in chat_text(view)
    assert "began after 0.4 s" in chat_text(view)
    assert wide.name in view["tray"]["value"]
    assert "Image-2" in view["tray"]["value"]
    assert view["question"]["value"] == "And thi"
    assert view["temperature"]["value"] == 0.5


def test_what_is_on_the_page_can_be_taken_away(handlers, visitor, session, tall, wide):
    handlers.add_images(visitor, [str(tall), str(wide)])
    view = handlers.touch(visitor, "", "remove", "0")
    assert wide.name in view["tray"]["value"]
    assert tall.name not in view["tray"]["value"]
    assert "sheet" not in handlers.clear(visitor, "")["tray"]["value"]
    assert session.draft.attachments == ()
    for action, name in (("remove", "99"), ("example", "/etc/passwd"), ("other", "x")):
        assert "sheet" not in handlers.touch(visitor, "", action, name)["tray"]["value"]


def test_a_forged_visitor_is_asked_to_reload(handlers):
    for forged in (None, {"token": "0" * 31}, {"token": "../../etc"}):
        assert "reload" in handlers.add_image(forged, "x.png")["notice"]["value"]
        assert "reload" in ask(handlers, forged)["notice"]["value"]


def test_the_page_speaks_chinese(handlers, visitor):
    view = handlers.speak(visitor, "zh")
    assert view["send"]["value"] == "发送"
    assert view["visitor"]["value"] == {**visitor, "language": "zh"}
    assert "请先写一个问题" in ask(handlers, view["visitor"]["value"], " ")["notice"]["value"]


def test_what_goes_on_is_said(handlers, visitor, engine):
    engine.answers = [[Loading(0.43), Waiting(2), Reading(3, 7), Text(""), "Yes."]]
    said = [v["status"]["value"] for v in handlers.send(visitor, "So?", *values()) if "status" in v]
    for sentence in ("43 %", "number 2 in line", "3 of 7 tiles", "The answer is ready."):
        assert any(sentence in status for status in said)


def test_loading_and_failing_are_shown(handlers, visitor, engine):
    engine.loading = 0.25
    view = handlers.tick(visitor)
    assert "25 %" in view["model"]["value"]
    assert view["timer"]["active"]
    engine.loading = None
    handlers.problem = lambda: "there is no <model>"
    view = handlers.tick(visitor)
    assert "there is no &lt;model&gt;" in view["model"]["value"]
    assert not view["timer"]["active"]


def test_the_model_is_introduced_honestly(engine, store):
    nano = Handlers(engine, store, About("nano", embedded=True)).open(None, "en")
    assert "OpenGVLab/InternVL2_5-1B" in nano["about"]["value"]
    assert "does not know photos" in nano["about"]["value"]
    big = Handlers(engine, store, About("InternVL2_5-1B", "MIT")).open(None, "en")
    assert "licence: MIT" in big["about"]["value"]


def test_neither_typed_nor_written_text_becomes_html(handlers, visitor, session, engine, tall):
    evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](http://x/y.png)"
    engine.answers = [[evil, "\n```html\n<b>x</b>\n\n```\n`<i>`\n", "```\n<u>open"]]
    view = ask(handlers, visitor, f"{evil}\n\n<div>*a*</div>")
    asked, answered = (message["content"] for message in view["chat"]["value"])
    for content in (asked, answered):
        for tag in ("<script", "<img", "<b>x", "<i>", "<u>"):
            assert tag not in content
    assert "![" not in answered
    assert "\n" not in asked
    assert "*a*" in asked


def test_answers_stay_readable_markdown():
    box = to_markdown("<ref>a & b</ref><box>[[1, 2, 3]]</box>")
    assert box == "&lt;ref>a &amp; b&lt;/ref>&lt;box>[[1, 2, 3]]&lt;/box>"
    assert to_markdown("**x** `a<b`") == "**x** <code>a&#60;b</code>"
    assert to_markdown("```\na\n\nb\n```\nc").count("<pre>") == 1
    assert "\n" not in to_markdown("```\na\n\nb\n```").strip()


@pytest.mark.parametrize("answer", ["1. so:\n   ```py\n   a\n     b\n   ```\n2. c", "~~~\na\n~~~"])
def test_code_is_a_block_in_a_list_too(answer):
    drawn = to_markdown(answer)
    assert drawn.count("<pre><code>a") == drawn.count("</code></pre>") == 1
    assert "`" not in drawn
    if "py" in answer:
        assert "\n   <pre><code>a&#10;&#32;&#32;b&#10;</code></pre>" in drawn
        assert drawn.endswith("2. c")


@pytest.mark.parametrize("answer", ["```", "x\n```py", "```py\na", "- x\n  ```\n  a", "~~~\na"])
def test_code_that_is_cut_off_is_closed(answer):
    drawn = to_markdown(answer)
    assert drawn.endswith("</code></pre>\n\n")
    assert "```" not in drawn and "~~~" not in drawn


def test_an_empty_answer_is_said(handlers, visitor, session):
    handlers.engine.answers = [[]]
    view = ask(handlers, visitor, "What?")
    assert "no answer" in view["notice"]["value"]
    assert view["question"]["value"] == "What?"


def test_pictures_left_out_of_a_full_context_are_mentioned(handlers, visitor, engine, tall):
    handlers.add_image(visitor, str(tall))
    engine.tile_counts = lambda conversation: [[1]]
    assert "oldest of 7 tiles were left out" in chat_text(ask(handlers, visitor))


def test_an_engine_error_while_reading_ahead_is_shown(handlers, visitor, tall):
    class Failing(ScriptedEngine):
        def prepare(self, conversation, settings):
            raise QueueFull("too many")
            yield

    handlers.engine = Failing()
    handlers.add_image(visitor, str(tall))
    view = merged(*handlers.prepare(visitor))
    assert "too many" in view["notice"]["value"]


@pytest.mark.parametrize("engine_fails", [False, True], ids=["its file is gone", "engine"])
def test_reading_ahead_says_nothing_of_what_was_taken_off_the_page(
    handlers, visitor, session, tall, engine_fails
):
    class Slow(ScriptedEngine):
        def prepare(self, conversation, settings):
            yield Reading(0, 2)
            if engine_fails:
                raise QueueFull("too many")
            content_digest(conversation.turns[-1].attachments[0].path)

    handlers.engine = Slow()
    for taken in (False, True):
        handlers.add_image(visitor, str(tall))
        reading = handlers.prepare(visitor)
        next(view for view in reading if "status" in view)
        if taken:
            handlers.clear(visitor, "")
        else:
            Path(session.draft.attachments[0].path).unlink()
        assert ("notice" in merged(*reading)) is not taken


def test_a_part_of_a_picture_says_what_is_wrong_with_it(handlers, visitor, session, tall):
    handlers.add_image(visitor, str(tall))
    handlers.touch(visitor, "", "part", "0:0:0:500:500")
    assert len(session.draft.attachments) == 2
    wrong = handlers.touch(visitor, "", "part", "0:500:0:500:900")
    assert words("en")["error.part"] in wrong["notice"]["value"]
    Path(session.draft.attachments[0].path).unlink()
    gone = handlers.touch(visitor, "", "part", "0:0:0:500:500")
    assert "is not there any more" in gone["notice"]["value"]
    assert len(session.draft.attachments) == 2


def test_a_pin_that_is_none_changes_nothing(handlers, visitor, session, tall):
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor)
    for name in ("7", "-1", "one"):
        handlers.pin(visitor, name)
        assert not session.conversation.attachments[0].pinned
    handlers.pin(visitor, "0")
    assert session.conversation.attachments[0].pinned
