"""What happens on the page: every handler takes the visitor and values and gives views.

The handlers that answer are generators: closing one is Stop.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from internvl.chat import LimitError, Session, Turn, freeze
from internvl.chat.versions import with_room
from internvl.ui import drafts, views
from internvl.ui.answer_handlers import AnswerHandlers
from internvl.ui.answering import settle, start
from internvl.ui.compare import CompareHandlers
from internvl.ui.draft_handlers import DraftHandlers
from internvl.ui.errors import PageError, friendly
from internvl.ui.page import Visitor
from internvl.ui.views import View, Words, merged

STOPPING_SECONDS = 1.0
"""How long Stop waits for its own tab's answer to end."""


class Handlers(AnswerHandlers, CompareHandlers, DraftHandlers):
    """Asking, stopping, going back, and choosing a chat; with all that pages and drafts do."""

    @friendly(returns_question=True)
    def send(self, visitor: Visitor, question: str, *values: Any) -> Iterator[View]:
        """Ask, and show the answer as it comes."""
        session, text = self.enter(visitor)
        try:
            session.limits.check_question(question)
        except LimitError as error:  # it stays where it was typed: nothing of that length is kept
            yield merged(views.idle(), views.status(), views.notice(str(error)))
            return
        with session.lock:
            session.draft = replace(session.draft, question=question)
            self.apply(session, text, values)
            if not question.strip():
                raise PageError(text["error.empty"])
            turn = Turn(question, freeze(session.draft.attachments, session.settings))
            session.conversation.turns.append(turn)
            session.draft = Turn("")
            session.save()
            cleared: View = {"question": {"value": ""}, **self.tray(session, text)}
            job = start(session, len(session.conversation.turns) - 1, turn)
        yield from self.answer(session, text, job, cleared)

    @friendly(returns_question=True)
    def retry(self, visitor: Visitor, *values: Any) -> Iterator[View]:
        """Ask the last question again; its answer stays, as an earlier version of the new one."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
            if not session.conversation.turns:
                raise PageError(text["error.nothing"])
            earlier = session.conversation.turns[-1]
            position = len(session.conversation.turns) - 1
            job = start(session, position, with_room(earlier))
        yield from self.answer(session, text, job, {})

    @friendly
    def stop(self, visitor: Visitor) -> View:
        """The page after Stop. Closing the generator ends the answer, or is just about to.

        A turn that goes on being answered is another tab's, and is left alone.
        """
        session, text = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            ended = session.answered.wait_for(
                lambda: not turns or not session.answers(turns[-1]), STOPPING_SECONDS
            )
            if turns and ended:
                settle(session, session.conversation, turns[-1])
            session.save()
            typed = session.draft.question
        question: View = {"question": {"value": typed}} if typed else {}
        return merged(self.drawn(session, text), views.status(), views.notice(), question)

    @friendly
    def undo(self, visitor: Visitor) -> View:
        """The last question and its pictures back on the page."""
        session, text = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            if not turns:
                raise PageError(text["error.nothing"])
            turn = turns.pop()
            drafts.take_back(session, turn)
            session.save()
        question: View = {"question": {"value": session.draft.question}}
        found: View = {"find_text": {"value": turn.region}} if turn.region else {}
        return merged(self.drawn(session, text), views.status(), views.notice(), question, found)

    @friendly
    def new_chat(self, visitor: Visitor, system: str) -> View:
        """An empty chat; the earlier ones stay in the list."""
        session, text = self.enter(visitor)
        session.limits.check_system(system)
        with self._changing_chats(session):
            session.start_conversation(system)
        return self._chat_changed(session, text)

    @friendly
    def choose_chat(self, visitor: Visitor, conversation_id: str) -> View:
        """An earlier chat."""
        session, text = self.enter(visitor)
        try:
            with self._changing_chats(session):
                session.open_conversation(conversation_id)
        except KeyError as error:
            raise PageError(text["error.chat"]) from error
        return self._chat_changed(session, text)

    @friendly
    def delete_chat(self, visitor: Visitor) -> View:
        """The chat on the page is gone, with the files only it used."""
        session, text = self.enter(visitor)
        with self._changing_chats(session):
            session.delete_conversation(session.conversation.id)
        return self._chat_changed(session, text)

    @contextlib.contextmanager
    def _changing_chats(self, session: Session) -> Iterator[None]:
        """Holds the lock, saves, and lets the engine forget the conversations that have gone."""
        with session.lock:
            before = {conversation.id for conversation in session.conversations}
            yield
            session.save()
            gone = before - {conversation.id for conversation in session.conversations}
        for conversation_id in gone:
            self.engine.forget(conversation_id)

    def _chat_changed(self, session: Session, text: Words) -> View:
        system: View = {"system": {"value": session.conversation.system}}
        return merged(self.drawn(session, text), system, views.status(), views.notice())
