import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from internvl.chat import Attachment, LimitError, Limits, SessionStore, Settings, Turn


@pytest.fixture
def store(tmp_path):
    return SessionStore(tmp_path / "sessions", Limits(upload_bytes=1000, files=3))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"pixels")
    return path


def test_a_reload_finds_everything_again(store, picture):
    token = store.new_token()
    session = store.open(token)
    attachment = Attachment(session.add_file(picture), "image", max_tiles=6)
    session.conversation.turns.append(Turn("What?", (attachment,), "A cat."))
    session.conversation.system = "Be brief."
    session.settings = Settings(temperature=0.5, seed=3)
    session.draft = Turn("next", (Attachment(attachment.path, "video", 1.0, 2.5),))
    session.save()
    again = SessionStore(store.folder, store.limits).open(token)
    assert again == session
    assert again.conversation.turns[0].attachments[0].path.read_bytes() == b"pixels"


def test_two_tabs_share_a_session_and_visitors_do_not(store):
    token = store.new_token()
    assert store.open(token) is store.open(token)
    other = store.open(store.new_token())
    mine = store.open(token)
    mine.conversation.turns.append(Turn("secret"))
    mine.settings = Settings(max_tiles=2)
    assert other.conversation.turns == [] and other.settings == Settings()
    assert other.folder != mine.folder


def test_many_visitors_at_once_get_their_own_session(store):
    tokens = [store.new_token() for _ in range(20)] * 3
    with ThreadPoolExecutor(10) as pool:
        sessions = list(pool.map(store.open, tokens))
    assert len({session.id for session in sessions}) == 20
    assert all(sessions[n] is sessions[n + 20] for n in range(40))


@pytest.mark.parametrize("token", ["", "../../etc", "g" * 32, "A" * 32, "0" * 31])
def test_only_tokens_open_sessions(store, token):
    with pytest.raises(ValueError, match="32 hexadecimal"):
        store.open(token)


def test_the_folder_does_not_tell_the_token(store):
    token = store.new_token()
    session = store.open(token)
    session.save()
    assert token not in str(session.folder)
    assert token not in (session.folder / "session.json").read_text()
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_the_same_content_is_stored_once_under_a_safe_name(store, picture, tmp_path):
    session = store.open(store.new_token())
    first = session.add_file(picture)
    assert session.add_file(picture) == first
    assert first.name == "photo.png"
    nasty = session.add_file(picture, name="../../..\n/.passwd\u202e.png")
    assert nasty.parent == first.parent
    assert nasty.name == "passwd.png"


@pytest.mark.parametrize("name", ["收据" * 60 + ".png", "😀" * 90 + ".jpeg", "a" * 300])
def test_long_names_fit_the_file_system(store, picture, name):
    kept = store.open(store.new_token()).add_file(picture, name)
    assert len(kept.name.encode()) <= 200
    assert kept.exists() and kept.suffix == Path(name).suffix


def test_limits_are_said_with_their_numbers(store, tmp_path):
    session = store.open(store.new_token())
    large = tmp_path / "large.png"
    large.write_bytes(b"x" * 1001)
    with pytest.raises(LimitError, match=r"large\.png has 0 MB"):
        session.add_file(large)
    for number in range(3):
        small = tmp_path / f"{number}.png"
        small.write_bytes(bytes([number]))
        stored = session.add_file(small)
        stored.with_name(".partial").write_bytes(b"of a copy that was cut off")
    large.write_bytes(b"new")
    with pytest.raises(LimitError, match="holds 3 files already"):
        session.add_file(large)
    assert session.add_file(small).name == "2.png"
    with pytest.raises(LimitError, match="8,001 characters; 8,000 is the most"):
        Limits().check_question("x" * 8001)


def test_deleting_removes_the_files(store, picture):
    token = store.new_token()
    session = store.open(token)
    session.add_file(picture)
    session.save()
    store.delete(session)
    assert not session.folder.exists()
    assert store.open(token).conversation.turns == []


def test_expired_sessions_go_with_their_files(store, picture):
    old, new, unsaved = (store.open(store.new_token()) for _ in range(3))
    for session in (old, new):
        session.add_file(picture)
        session.save()
    new.used = later = old.used + store.limits.session_seconds + 1
    assert [s.id for s in store.remove_expired(later)] == [old.id, unsaved.id]
    assert not old.folder.exists() and new.folder.exists()
    assert store.remove_expired(later) == []


def test_a_folder_without_a_session_goes_by_its_age(store):
    orphan, young = store.folder / ("0" * 32), store.folder / ("1" * 32)
    for folder in (orphan, young):
        (folder / "files" / "ab").mkdir(parents=True)
        (folder / "files" / "ab" / "photo.png").write_bytes(b"pixels")
    age = orphan.stat().st_mtime - store.limits.session_seconds - 60
    os.utime(orphan, (age, age))
    assert [s.id for s in store.remove_expired()] == [orphan.name]
    assert not orphan.exists() and young.exists()


def test_a_session_that_is_opened_meanwhile_stays(store, monkeypatch):
    token = store.new_token()
    session = store.open(token)
    session.save()
    session.used = 0.0
    listed = store._all

    def opened_meanwhile():
        found = listed()
        store.open(token)
        return found

    monkeypatch.setattr(store, "_all", opened_meanwhile)
    assert store.remove_expired() == []
    assert store.open(token) is session and session.folder.exists()


def test_settings_are_kept_within_the_limits(store):
    token = store.new_token()
    session = store.open(token)
    session.settings = Settings(max_tiles=20, max_frames=40, seed=3)
    session.save()
    smaller = SessionStore(store.folder, Limits(tiles=4, frames=8))
    assert smaller.open(token).settings == Settings(max_tiles=4, max_frames=8, seed=3)
    fresh = smaller.open(smaller.new_token()).settings
    assert (fresh.max_tiles, fresh.max_frames) == (4, 8)


def test_chats_are_kept_opened_and_deleted(store, picture):
    session = store.open(store.new_token())
    first = session.conversation
    first.turns.append(Turn("one", (Attachment(session.add_file(picture), "image"),), "1"))
    second = session.start_conversation("Be brief.")
    assert session.conversation is second and second.system == "Be brief."
    session.start_conversation("Other.")
    assert second not in session.conversations
    session.open_conversation(first.id)
    assert session.conversation is first and session.conversations == [first]
    path = first.turns[0].attachments[0].path
    session.delete_conversation(first.id)
    assert not path.exists() and session.conversation.turns == []
    with pytest.raises(KeyError):
        session.open_conversation(first.id)


def test_an_unreadable_session_is_put_aside_and_not_lost(store):
    token = store.new_token()
    session = store.open(token)
    session.save()
    (session.folder / "session.json").write_text('{"conversations": 3')
    again = SessionStore(store.folder, store.limits).open(token)
    assert again.conversation.turns == []
    assert (session.folder / "unreadable.json").read_text() == '{"conversations": 3'


def test_a_crash_while_saving_leaves_the_version_before(store, monkeypatch):
    session = store.open(store.new_token())
    session.save()
    before = (session.folder / "session.json").read_text()
    session.conversation.turns.append(Turn("lost?"))
    session.draft = Turn("x", (Attachment("/elsewhere/a.png", "image"),))
    with pytest.raises(ValueError):
        session.save()
    assert (session.folder / "session.json").read_text() == before


def test_titles_and_times_are_kept_and_older_files_have_none(store):
    token = store.new_token()
    session = store.open(token)
    session.conversation.title, session.conversation.changed = "Mine", 12.5
    session.save()
    saved = session.folder / "session.json"
    again = SessionStore(store.folder).open(token).conversation
    assert (again.title, again.changed) == ("Mine", 12.5)
    content = json.loads(saved.read_text())
    for name in ("title", "changed"):
        del content["conversations"][0][name]
    saved.write_text(json.dumps(content))
    older = SessionStore(store.folder).open(token).conversation
    assert (older.title, older.changed, older.id) == ("", 0.0, again.id)


def test_the_last_turns_go_on_and_the_whole_stays(store):
    session = store.open(store.new_token())
    whole = session.conversation
    whole.turns += [Turn(f"q{n}", answer=f"a{n}") for n in range(5)]
    last = session.keep_last(2)
    assert session.conversations == [whole, last] and session.conversation is last
    assert [turn.question for turn in last.turns] == ["q3", "q4"]
    last.turns[0].answer = "changed"
    assert whole.turns[3].answer == "a3" and len(whole.turns) == 5
    assert last.id != whole.id


def test_nothing_is_written_once_everything_is_deleted(store, picture):
    session = store.open(token := store.new_token())
    session.add_file(picture)
    session.save()
    store.delete(session)
    session.save()
    with pytest.raises(FileNotFoundError):
        session.add_file(picture)
    assert not session.folder.exists()
    assert store.open(token) is not session


def test_chats_have_a_limit(tmp_path):
    store = SessionStore(tmp_path / "s", Limits(chats=2))
    session = store.open(store.new_token())
    session.conversation.turns.append(Turn("a", answer="b"))
    session.start_conversation("").turns.append(Turn("c", answer="d"))
    for grow in (lambda: session.start_conversation(""), lambda: session.keep_last(1)):
        with pytest.raises(LimitError, match="3 chats are more than this page keeps; 2"):
            grow()
    assert len(session.conversations) == 2
