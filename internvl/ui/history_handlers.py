"""What happens to chats as a whole: choosing, naming, deleting, and carrying them as files."""

import base64
import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from internvl.chat import Attachment, Conversation, Limits, Session
from internvl.preprocessing import AttachmentError, load_image
from internvl.ui import drafts, exports, views
from internvl.ui.cards import Card
from internvl.ui.draft_handlers import DraftHandlers
from internvl.ui.errors import PageError, friendly
from internvl.ui.history import title_of
from internvl.ui.html import fill
from internvl.ui.imports import Chat, FileProblem, Picture, read_chats
from internvl.ui.page import Visitor
from internvl.ui.views import View, Words, merged

_KINDS = {"json": "application/json", "markdown": "text/markdown", "html": "text/html"}
_ENDINGS = {"json": "json", "markdown": "md", "html": "html"}


class HistoryHandlers(DraftHandlers):
    """The list of chats, and their files."""

    @friendly
    def new_chat(self, visitor: Visitor, question: str, shown: str, system: str) -> View:
        """An empty chat; the earlier ones stay in the list, with what was written for them."""
        session, text = self.enter(visitor)
        session.limits.check_system(system)
        with self._changing_chats(session, question, shown):
            session.start_conversation(system)
        return self._chat_changed(session, text)

    @friendly
    def choose_chat(
        self, visitor: Visitor, question: str, shown: str, conversation_id: str
    ) -> View:
        """An earlier chat, with what was written for it."""
        session, text = self.enter(visitor)
        with self._changing_chats(session, question, shown):
            _find(session, conversation_id, text)
            session.open_conversation(conversation_id)
        return self._chat_changed(session, text)

    @friendly
    def rename_chat(self, visitor: Visitor, conversation_id: str, title: str) -> View:
        """Another title for a chat; an empty one leaves it to the first question."""
        session, text = self.enter(visitor)
        session.limits.check_title(title)
        with session.lock:
            _find(session, conversation_id, text).title = " ".join(title.split())
            session.save()
        return merged(views.chats(session, text), views.notice())

    @friendly
    def delete_chat(self, visitor: Visitor, shown: str, conversation_id: str) -> View:
        """A chat is gone, with what was written for it and the files only it used."""
        session, text = self.enter(visitor)
        with self._changing_chats(session):
            _find(session, conversation_id, text)
            session.delete_conversation(conversation_id)
        changed = self._chat_changed(session, text)
        if shown == session.conversation.id:  # what is typed there is still being written
            del changed["question"], changed["find_text"]
        return changed

    @friendly
    def save_chats(self, visitor: Visitor, form: str, conversation_id: str) -> View:
        """One chat as "markdown" or "html", or all as "json", handed to the browser."""
        session, text = self.enter(visitor)
        with session.lock:  # opening pictures takes time: copies are written without the lock
            asked = session.conversations
            if form != "json":
                asked = [_find(session, conversation_id, text)]
            chats = [replace(chat, turns=[replace(t) for t in chat.turns]) for chat in asked]
        if form == "json":
            title, content = text["export.title"], exports.as_json(chats)
        else:
            title = title_of(chats[0], text)
            write = exports.as_page if form == "html" else exports.as_markdown
            content = write(chats[0], text)
        sent = fill(
            "download",
            file=exports.file_name(title, _ENDINGS.get(form, "md")),
            kind=_KINDS.get(form, "text/markdown"),
            content=base64.b64encode(content.encode()).decode(),
            key=secrets.token_hex(4),
        )
        return {"download": {"value": sent}, **views.notice()}

    @friendly
    def bring_chats(self, visitor: Visitor, file: str | None) -> View:
        """The chats of a file, added to the list; all of them or, if anything is wrong, none."""
        session, text = self.enter(visitor)
        if not file:
            return {}
        try:
            with tempfile.TemporaryDirectory() as folder:
                chats = read_chats(Path(file), session.limits)
                files = _write(chats, Path(folder), session.limits)
                with drafts.brought(session, files, "image") as pictures, session.lock:
                    session.limits.check_chats(len(session.conversations) + len(chats))
                    brought = _filled(chats, pictures)
                    session.limits.check_said(_characters([*session.conversations, *brought]))
                    session.conversations[-1:-1] = brought
                    session.save()
        except FileProblem as problem:
            raise PageError(problem.told(text)) from problem
        finally:
            Path(file).unlink(missing_ok=True)
        number = len(chats)
        told = text["chats.one" if number == 1 else "chats.brought"].format(number=number)
        emptied: View = {"imported": {"value": None}}
        return merged(views.chats(session, text), emptied, views.notice(Card(told, calm=True)))

    @contextlib.contextmanager
    def _changing_chats(
        self, session: Session, question: str = "", shown: str = ""
    ) -> Iterator[None]:
        """Holds the lock, saves, and lets the engine forget the conversations that have gone.

        A `question` on the page stays with the chat that is `shown` there; an empty field leaves a
        question that an answer under way has just given back. Raises LimitError.
        """
        with session.lock:
            if question:
                self.write(session, question, shown)
            before = {conversation.id for conversation in session.conversations}
            yield
            session.compared = []
            session.save()
            gone = before - {conversation.id for conversation in session.conversations}
        for conversation_id in gone:
            self.engine.forget(conversation_id)

    def _chat_changed(self, session: Session, text: Words) -> View:
        written, system = session.draft.question, session.conversation.system
        fields = {"system": system, "question": written, "find_text": ""}
        shown: View = {name: {"value": value} for name, value in fields.items()}
        none = merged(views.status(), views.notice(), views.no_panels(), views.no_comparison())
        pane = views.pane(session) if session.draft.attachments else {}
        return merged(self.drawn(session, text), shown, none, pane)


def _find(session: Session, conversation_id: str, text: Words) -> Conversation:
    """One of the session's conversations. Raises PageError when it is not there."""
    for conversation in session.conversations:
        if conversation.id == conversation_id:
            return conversation
    raise PageError(text["error.chat"], "reload")


def _characters(conversations: Sequence[Conversation]) -> int:
    return sum(len(t.question) + len(t.answer) for c in conversations for t in c.turns)


def _write(chats: Sequence[Chat], folder: Path, limits: Limits) -> list[Path]:
    """The pictures of the chats as files, each opened once. Raises FileProblem, LimitError."""
    files = []
    for number, picture in enumerate(_pictures(chats)):
        place = folder / str(number)
        place.mkdir()
        files.append(place / picture.name)
        files[-1].write_bytes(picture.content)
        try:
            drafts.check_picture(files[-1], limits)
            load_image(files[-1])
        except AttachmentError as error:
            raise FileProblem("picture", picture.place) from error
    return files


def _pictures(chats: Sequence[Chat]) -> Iterator[Picture]:
    for chat in chats:
        for pictures in chat.pictures:
            yield from pictures


def _filled(chats: Sequence[Chat], attachments: Sequence[Attachment]) -> list[Conversation]:
    """The conversations with the session's copies of their pictures."""
    paths = iter(attachments)
    for chat in chats:
        for turn, pictures in zip(chat.conversation.turns, chat.pictures, strict=True):
            turn.attachments = tuple(
                Attachment(next(paths).path, "image", max_tiles=picture.tiles)
                for picture in pictures
            )
    return [chat.conversation for chat in chats]
