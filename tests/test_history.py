"""Chats as a whole: titles, files in and out, deleting everything, presenter mode."""

import base64
import html
import json
import re

import pytest
from PIL import Image
from test_handlers import ask, chat_text, restarted, values

from internvl.chat import Limits, SessionStore
from internvl.ui.examples import Example
from internvl.ui.exports import ORIGIN, RECEIPT, file_name
from internvl.ui.handlers import Handlers
from internvl.ui.imports import FileProblem, read_chats
from internvl.ui.text import words
from internvl.ui.views import About, merged


def titles(view):
    return re.findall(r'class="title">([^<]*)<', view["chats"]["value"])


def handed(view):
    """The name and the text of the file that a view hands over."""
    drawn = view["download"]["value"]
    content = re.search(r'data-content="([^"]*)"', drawn)[1]
    return re.search(r'data-name="([^"]*)"', drawn)[1], base64.b64decode(content).decode()


@pytest.fixture
def talked(handlers, visitor, session, tall):
    """Two chats: one about a picture, one without."""
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor, "What is <this>?", top_p=0.5)
    handlers.rename_chat(visitor, session.conversation.id, "The tower")
    handlers.new_chat(visitor, "", "", "Be brief.")
    ask(handlers, visitor, "And without?", system="Be brief.", top_p=0.5)
    return session


@pytest.fixture
def bring(handlers, visitor, tmp_path):
    """A function that brings in a file of chats."""

    def of(content, visitor=visitor):
        file = tmp_path / "chats.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        view = handlers.bring_chats(visitor, str(file))
        assert not file.exists()
        return view

    return of


def exported(handlers, visitor):
    return json.loads(handed(handlers.save_chats(visitor, "json", ""))[1])


def test_a_chat_is_named_by_its_visitor_or_its_first_question(handlers, visitor, talked, store):
    assert titles(handlers.open(visitor, "en")) == ["And without?", "The tower"]
    first = talked.conversations[0].id
    assert titles(handlers.rename_chat(visitor, first, "  A   new\nname ")) == [
        "And without?",
        "A new name",
    ]
    assert titles(restarted(handlers, store).open(visitor, "en"))[1] == "A new name"
    assert titles(handlers.rename_chat(visitor, first, ""))[1] == "What is &lt;this&gt;?"
    assert "121 characters" in handlers.rename_chat(visitor, first, "x" * 121)["notice"]["value"]
    assert "no longer here" in handlers.rename_chat(visitor, "x", "y")["notice"]["value"]
    evil = handlers.rename_chat(visitor, first, '"><script>')["chats"]["value"]
    assert "<script" not in evil


def test_the_list_has_times_and_words_to_search(handlers, visitor, talked, tall):
    drawn = handlers.open(visitor, "en")["chats"]["value"]
    assert len(re.findall(r'<time datetime="20\d\d-\d\d-\d\dT', drawn)) == 2
    assert f'data-words="the tower what is &lt;this&gt;? {tall.stem} a photo of tower."' in drawn


def test_a_file_brings_everything_to_another_visitor(handlers, visitor, talked, store, bring):
    name, content = handed(handlers.save_chats(visitor, "json", ""))
    assert name == "Chats with InternVL.json"
    other = handlers.open(None, "en")["visitor"]["value"]
    view = bring(content, other)
    assert "2 chats were added" in view["notice"]["value"]
    assert titles(view) == ["Nothing asked yet", "And without?", "The tower"]
    session = store.open(other["token"])
    for ours, theirs in zip(talked.conversations, session.conversations, strict=False):
        assert ours.id != theirs.id
        assert (ours.title, ours.system, ours.changed) == (
            theirs.title,
            theirs.system,
            theirs.changed,
        )
        for a, b in zip(ours.turns, theirs.turns, strict=True):
            assert (a.question, a.answer) == (b.question, b.answer)
            kept = {name: a.receipt[name] for name in (*RECEIPT, *ORIGIN)}
            assert b.receipt == kept
            assert (kept["model"], kept["tuned"]) == ("nano", {"top_p": 0.5})
    (picture,) = session.conversations[0].turns[0].attachments
    assert picture.max_tiles == 12
    assert Image.open(picture.path).size == (377, 600)
    assert session.folder in picture.path.parents
    shown = handlers.choose_chat(other, "", "", session.conversations[0].id)
    assert "A photo of a tower." in chat_text(shown)
    assert [c["title"] for c in exported(handlers, other)["chats"]] == ["", "The tower"]


def test_what_was_said_late_in_a_long_chat_is_found(handlers, visitor, engine):
    engine.answers = [["word " * 3000 + "needle."], ["Yes."]]
    ask(handlers, visitor, "Long?")
    drawn = ask(handlers, visitor, "And haystack?")["chats"]["value"]
    assert 'data-words="long? word needle. and haystack? yes."' in drawn


def test_a_file_of_an_earlier_version_is_read(handlers, visitor, session, bring, tall):
    data = base64.b64encode(tall.read_bytes()).decode()
    view = bring(chat_file(picture={"data": data}))
    assert "1 chat was added" in view["notice"]["value"]
    assert "model" not in session.conversations[0].turns[0].receipt


def test_places_are_saved_in_words(handlers, visitor, session, engine):
    engine.answers = [["I see <ref>the cup</ref><box>[[1, 2, 300, 400]]</box>."]]
    ask(handlers, visitor)
    for form in ("markdown", "html"):
        _, content = handed(handlers.save_chats(visitor, form, session.conversation.id))
        assert "I see the cup [[1, 2, 300, 400]]." in content


def test_of_a_video_a_few_frames_go_along_as_pictures(engine, tmp_path, clip):
    handlers = Handlers(engine, SessionStore(tmp_path / "s"), About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    handlers.add_video(visitor, str(clip))
    ask(handlers, visitor, "What moves?")
    content = exported(handlers, visitor)
    assert len(content["chats"][0]["turns"][0]["pictures"]) == 8
    file = tmp_path / "chats.json"
    file.write_text(json.dumps(content))
    assert "1 chat was added" in handlers.bring_chats(visitor, str(file))["notice"]["value"]


def chat_file(**changed):
    """A file with one chat of one turn with one picture; `changed` are fields by their name."""
    picture = {"name": "a.png", "tiles": 1, "data": "AAAA"}
    receipt = {
        **{"tiles": 1, "visual_tokens": 256, "prompt_tokens": 1, "cached_tokens": 0},
        **{"generated_tokens": 1, "seconds_to_first": 0.5, "tokens_per_second": 1.0},
        **{"seed": 1, "finish_reason": "stop"},
    }
    turn = {"question": "q", "answer": "a", "region": None, "receipt": receipt, "pictures": []}
    chat = {"title": "", "system": "", "changed": 1.0, "turns": []}
    content = {"format": "internvl-chats", "version": 1, "chats": []}
    levels = {"file": content, "chat": chat, "turn": turn, "picture": picture, "receipt": receipt}
    for place, fields in changed.items():
        levels[place].update(fields)
    turn["pictures"] = turn["pictures"] or [picture]
    chat["turns"] = chat["turns"] or [turn]
    content["chats"] = content["chats"] or [chat]
    return content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("no json", "no file of chats saved by this page"),
        ("[" * 100_000, "no file of chats"),
        ("[]", "no file of chats"),
        ({"format": "other"}, "no file of chats"),
        ({"format": "internvl-chats", "version": 2, "chats": []}, "of a version"),
        ({"format": "internvl-chats", "version": 1, "chats": []}, "There are no chats"),
        (chat_file(file={"token": "x"}), "the file has a field “token”"),
        (chat_file(chat={"id": "x"}), "chat 1 has a field “id”"),
        (chat_file(turn={"path": "/etc/passwd"}), "turn 1 of chat 1 has a field “path”"),
        (chat_file(receipt={"evil": 1}), "has a field “evil”"),
        (chat_file(receipt={"tiles": "1"}), "“tiles” in turn 1 of chat 1"),
        (chat_file(receipt={"finish_reason": "x"}), "“finish_reason” in"),
        (chat_file(receipt={"seed": -1}), "“seed” in"),
        (chat_file(receipt={"seed": True}), "“seed” in"),
        (chat_file(receipt={"model": 1}), "“model” in"),
        (chat_file(receipt={"model": "x" * 201}), "“model” in"),
        (chat_file(receipt={"tuned": {"evil": 1}}), "“tuned” in"),
        (chat_file(receipt={"tuned": {"top_p": "<b>"}}), "“tuned” in"),
        (chat_file(turn={"question": 3}), "“question” in turn 1 of chat 1"),
        (chat_file(turn={"answer": None}), "“answer” in turn 1 of chat 1"),
        (chat_file(turn={"question": "x" * 501}), "501 characters; 500 is the most"),
        (chat_file(turn={"question": "\ud800"}), "no file of chats"),
        (chat_file(chat={"title": "x" * 121}), "121 characters; 120 is the most"),
        (chat_file(chat={"system": "x" * 301}), "301 characters; 300 is the most"),
        (chat_file(chat={"changed": 1e300}), "“changed” in chat 1"),
        (chat_file(chat={"changed": -1}), "“changed” in chat 1"),
        ('{"format": "internvl-chats", "version": NaN}', "no file of chats"),
        (chat_file(picture={"name": "../../a.png"}), "“name” in turn 1 of chat 1"),
        (chat_file(picture={"name": "C:\\a.png"}), "“name” in turn 1 of chat 1"),
        (chat_file(picture={"name": ".hidden"}), "“name” in turn 1 of chat 1"),
        (chat_file(picture={"name": ""}), "“name” in turn 1 of chat 1"),
        (chat_file(picture={"tiles": 65}), "“tiles” in turn 1 of chat 1"),
        (chat_file(picture={"tiles": 1.5}), "“tiles” in turn 1 of chat 1"),
        (chat_file(picture={"data": "§"}), "a picture in turn 1 of chat 1 can't be read"),
        (chat_file(picture={"data": "AAAA"}), "a picture in turn 1 of chat 1 can't be read"),
        (chat_file(chat={"turns": [{}] * 501}), "chat 1 has 501 turns, and 500 is the most"),
        (chat_file(turn={"pictures": [{}] * 65}), "has 65 pictures, and 64 is the most"),
        (chat_file(file={"chats": [{}] * 201}), "the file has 201 chats, and 200 is the most"),
        (chat_file(file={"chats": [3]}), "no file of chats"),
    ],
)
def test_a_file_that_is_wrong_is_one_sentence_and_nothing_is_lost(
    handlers, visitor, talked, bring, content, sentence
):
    before = (talked.folder / "session.json").read_text()
    files = sorted(talked.folder.glob("files/*/*"))
    view = bring(content)
    assert sentence in html.unescape(view["notice"]["value"])
    assert len(talked.conversations) == 2
    assert (talked.folder / "session.json").read_text() == before
    assert sorted(talked.folder.glob("files/*/*")) == files


def test_every_reason_has_chinese_words():
    zh = words("zh")
    for kind in ("size", "unknown", "missing", "type", "picture", "many"):
        facts = {"megabytes": 1.0, "most": 2, "name": "x", "number": 3, "what": "turns"}
        told = FileProblem(kind, (2, 1), **facts).told(zh)
        assert re.search(r"[\u4e00-\u9fff]", told)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    file = tmp_path / "large.json"
    file.write_bytes(b" " * 2000)
    with pytest.raises(FileProblem) as error:
        read_chats(file, Limits(import_bytes=1000))
    assert error.value.kind == "size"


def test_too_many_chats_or_files_bring_nothing(engine, tmp_path, tall):
    store = SessionStore(tmp_path / "s", Limits(chats=1, files=1))
    handlers = Handlers(engine, store, About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    handlers.add_image(visitor, str(tall))
    ask(handlers, visitor)
    content = exported(handlers, visitor)
    file = tmp_path / "chats.json"
    for shade, sentence in ((None, "2 chats are more"), (9, "1 files already")):
        if shade:
            Image.new("L", (9, 9), shade).save(tmp_path / "grey.png")
            data = base64.b64encode((tmp_path / "grey.png").read_bytes()).decode()
            content["chats"][0]["turns"][0]["pictures"][0]["data"] = data
        else:
            content["chats"][0]["turns"][0]["pictures"] = []
        file.write_text(json.dumps(content))
        assert sentence in handlers.bring_chats(visitor, str(file))["notice"]["value"]
        session = store.open(visitor["token"])
        assert len(session.conversations) == 1
        assert len(list(session.folder.glob("files/*/*"))) == 1
        content = exported(handlers, visitor)


def test_a_chat_as_markdown(handlers, visitor, talked, tall):
    first = talked.conversations[0]
    name, content = handed(handlers.save_chats(visitor, "markdown", first.id))
    assert name == "The tower.md"
    assert content.startswith("# The tower\n\n20")
    assert f"*Picture: {tall.name}*" in content
    assert "## You" in content and "> What is <this>?" in content
    assert "## Model\n\nA photo of a tower." in content


def test_a_chat_as_a_page_that_needs_and_runs_nothing(handlers, visitor, engine, talked):
    engine.answers = [["**Bold** <script>alert(1)</script> ![x](http://x/y.png) [a](javascript:b)"]]
    ask(handlers, visitor, "<img src=x onerror=alert(1)>", system="Be brief.")
    name, page = handed(handlers.save_chats(visitor, "html", talked.conversation.id))
    assert name == "And without.html"
    assert "<strong>Bold</strong>" in page
    for evil in ("<script", "<img src=x", 'src="http', 'href="javascript'):
        assert evil not in page
    assert "default-src 'none'" in page
    first = handed(handlers.save_chats(visitor, "html", talked.conversations[0].id))[1]
    assert 'src="data:image/jpeg;base64,' in first
    assert not re.search(r'(?:src|href)="(?!data:)', first)


def test_names_of_files_are_tame():
    assert file_name("../../etc/passwd", "md") == "etc passwd.md"
    assert file_name("???", "md") == "chat.md"
    assert file_name("收据", "json") == "收据.json"


def test_a_chat_of_somebody_else_is_not_handed_over(handlers, visitor, talked):
    other = handlers.open(None, "en")["visitor"]["value"]
    view = handlers.save_chats(other, "markdown", talked.conversations[0].id)
    assert "no longer here" in view["notice"]["value"]
    assert "download" not in view


def test_everything_is_deleted_at_once(handlers, visitor, talked, store, engine, tall):
    folder, ids = talked.folder, [c.id for c in talked.conversations]
    answering = handlers.send(visitor, "Still running?", *values())
    next(answering)
    view = handlers.erase(visitor)
    assert view["visitor"]["value"]["token"] != visitor["token"]
    assert "Everything has been deleted" in view["notice"]["value"]
    assert (titles(view), chat_text(view)) == (["Nothing asked yet"], "")
    answering.close()
    assert not folder.exists()
    assert set(ids) <= set(engine.forgotten)
    assert chat_text(handlers.open(visitor, "en")) == ""


def test_uploads_go_with_everything(uploads, handlers, visitor, session, tall):
    from gradio.processing_utils import hash_file

    upload = uploads / hash_file(tall) / tall.name
    upload.parent.mkdir(parents=True)
    upload.write_bytes(tall.read_bytes())
    handlers.add_image(visitor, str(upload))
    handlers.erase(visitor)
    assert not upload.exists()


def test_uploads_that_were_taken_off_the_page_go_too(uploads, engine, store, tall, wide):
    example = Example("one", [wide], {"en": "One"}, {"en": "What?", "zh": "?"})
    handlers = Handlers(engine, store, About("nano"), examples=[example])
    visitor, other = (handlers.open(None, "en")["visitor"]["value"] for _ in range(2))
    brought = [uploads / folder / tall.name for folder in ("one", "another")]
    for upload, person in zip(brought, (visitor, other), strict=True):
        upload.parent.mkdir(parents=True)
        upload.write_bytes(tall.read_bytes())
        handlers.add_image(person, str(upload))
    handlers.touch(visitor, "", "remove", "0")
    handlers.touch(visitor, "", "example", "one")
    handlers.erase(visitor)
    assert [upload.exists() for upload in brought] == [False, True]
    assert wide.exists()
    (kept,) = store.folder.glob("*/files/*/*")
    assert kept.parents[2] == store.open(other["token"]).folder


def test_panels_about_one_chat_do_nothing_in_another(handlers, visitor, talked, engine):
    panel = merged(*handlers.act(visitor, "edit", "0", *values()))
    chosen = panel["chosen"]["value"]
    view = handlers.choose_chat(visitor, "", "", talked.conversations[0].id)
    hidden = [view[f"{name}_panel"]["visible"] for name in ("edit", "opinion", "find", "compare")]
    assert hidden == [False] * 4
    asked = len(engine.asked)
    for view in (
        merged(*handlers.ask_anew(visitor, chosen, "Another?", *values())),
        handlers.rate(visitor, chosen, "Good.", True),
    ):
        assert "changed meanwhile" in view["notice"]["value"]
    assert len(engine.asked) == asked
    assert talked.conversation.turns[0].question == "What is <this>?"


def test_chats_have_a_size_together(engine, tmp_path):
    store = SessionStore(tmp_path / "small", Limits(said_characters=60))
    handlers = Handlers(engine, store, About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    ask(handlers, visitor, "One?")
    content = exported(handlers, visitor)
    for chats, sentence in ((2, "was added"), (3, "60 is the most")):
        file = tmp_path / "chats.json"
        file.write_text(json.dumps({**content, "chats": content["chats"] * (chats - 1)}))
        assert sentence in handlers.bring_chats(visitor, str(file))["notice"]["value"]
    assert len(store.open(visitor["token"]).conversations) == 2


def test_presenter_mode_deletes_guests_and_keeps_its_own(handlers, visitor, talked, store):
    first = handlers.present(visitor, "fresh")["visitor"]["value"]
    assert (first["own"], first["guest"]) == (visitor["token"], "yes")
    ask(handlers, first, "A guest's?")
    guest = store.open(first["token"]).folder
    second = handlers.present(first, "fresh")["visitor"]["value"]
    assert not guest.exists()
    assert second["token"] not in (first["token"], visitor["token"])
    assert second["own"] == visitor["token"]
    left = handlers.present(second, "leave")
    assert left["visitor"]["value"] == visitor
    assert titles(left) == ["And without?", "The tower"]


def test_leaving_without_a_session_of_ones_own_is_a_fresh_start(handlers):
    forged = {"language": "en", "token": "0" * 32, "guest": "yes", "own": "../x"}
    view = handlers.present(forged, "leave")
    assert set(view["visitor"]["value"]) == {"language", "token"}
    assert view["visitor"]["value"]["token"] != "0" * 32


def test_what_was_open_elsewhere_does_not_write_after_everything_is_gone(handlers, visitor):
    answering = handlers.send(visitor, "Running?", *values())
    next(answering)
    handlers.erase(visitor)
    view = merged(*answering)
    assert "A photo" in chat_text(view)
    assert chat_text(handlers.open(visitor, "en")) == ""
