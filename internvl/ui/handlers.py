"""What happens on the page: every handler takes the visitor and values and gives views.

The handlers that answer are generators: closing one is Stop.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from internvl.chat import Conversation, Session, Turn, freeze
from internvl.engines.base import Receipt, Text
from internvl.ui import drafts, views
from internvl.ui.chat import draw_answer, draw_chat
from internvl.ui.draft_handlers import DraftHandlers
from internvl.ui.errors import PageError, friendly
from internvl.ui.page import Visitor, closing, request
from internvl.ui.views import View, Words, merged


class Handlers(DraftHandlers):
    """Asking, stopping, going back, and choosing a chat; with all that pages and drafts do."""

    @friendly(returns_question=True)
    def send(self, visitor: Visitor, question: str, *values: Any) -> Iterator[View]:
        """Ask, and show the answer as it comes."""
        session, text = self.enter(visitor)
        with session.lock:
            session.draft = replace(session.draft, question=question)
            self.apply(session, text, values)
            session.limits.check_question(question)
            if not question.strip():
                raise PageError(text["error.empty"])
            turn = Turn(question, freeze(session.draft.attachments, session.settings))
            session.conversation.turns.append(turn)
            session.draft = Turn("")
            session.save()
            cleared: View = {"question": {"value": ""}, **self.tray(session, text)}
            position = len(session.conversation.turns) - 1
        yield from self._answer(session, text, turn, position, cleared)

    @friendly(returns_question=True)
    def retry(self, visitor: Visitor, *values: Any) -> Iterator[View]:
        """Ask the last question again; its answer stays until the first new word."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
            if not session.conversation.turns:
                raise PageError(text["error.nothing"])
            position = len(session.conversation.turns) - 1
            turn = replace(session.conversation.turns[-1], answer="", receipt=None)
        yield from self._answer(session, text, turn, position, {})

    @friendly
    def stop(self, visitor: Visitor) -> View:
        """The page after Stop. Closing the generator has ended the answer."""
        session, text = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            back = bool(turns) and settle(session, session.conversation, turns[-1])
            session.save()
            question: View = {"question": {"value": session.draft.question}} if back else {}
            return merged(self.drawn(session, text), views.status(), views.notice(), question)

    @friendly
    def undo(self, visitor: Visitor) -> View:
        """The last question and its pictures back on the page."""
        session, text = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            if not turns:
                raise PageError(text["error.nothing"])
            drafts.take_back(session, turns.pop())
            session.save()
            question: View = {"question": {"value": session.draft.question}}
            return merged(self.drawn(session, text), views.status(), views.notice(), question)

    @friendly
    def new_chat(self, visitor: Visitor, system: str) -> View:
        """An empty chat; the earlier ones stay in the list."""
        session, text = self.enter(visitor)
        with session.lock:
            session.start_conversation(system)
            return self._chat_changed(session, text)

    @friendly
    def choose_chat(self, visitor: Visitor, conversation_id: str) -> View:
        """An earlier chat."""
        session, text = self.enter(visitor)
        with session.lock:
            try:
                session.open_conversation(conversation_id)
            except KeyError as error:
                raise PageError(text["error.chat"]) from error
            return self._chat_changed(session, text)

    @friendly
    def delete_chat(self, visitor: Visitor) -> View:
        """The chat on the page is gone, with the files only it used."""
        session, text = self.enter(visitor)
        with session.lock:
            gone = session.conversation.id
            session.delete_conversation(gone)
            self.engine.forget(gone)
            return self._chat_changed(session, text)

    def _chat_changed(self, session: Session, text: Words) -> View:
        session.save()
        system: View = {"system": {"value": session.conversation.system}}
        return merged(self.drawn(session, text), system, views.status(), views.notice())

    def _answer(
        self, session: Session, text: Words, turn: Turn, position: int, sent: View
    ) -> Iterator[View]:
        """Answer `turn`; an earlier version of it gives way at the first word."""
        conversation = session.conversation
        asked = request(conversation, position, turn)
        messages = draw_chat(asked, text, running=turn)
        started = merged(sent, views.busy(), views.notice(), views.status("thinking", text))
        asked.turns[-1] = replace(turn)
        try:
            yield {**started, "chat": {"value": messages}}
            with closing(self.engine.stream(asked, session.settings)) as events:
                for event in events:
                    if event == Text(""):
                        yield {}
                    elif isinstance(event, Text):
                        self._grow(session, conversation, turn, position, event.text)
                        messages = [*messages[:-1], draw_answer(turn, text)]
                        yield {"chat": {"value": messages}, **views.status("answering", text)}
                    elif isinstance(event, Receipt):
                        turn.receipt = receipt_values(event)
                    else:
                        yield views.status(type(event).__name__.lower(), text, event)
            if not turn.answer:
                raise PageError(text["error.silent"])
        finally:
            with session.lock:
                settle(session, conversation, turn)
                session.save()
        yield merged(self.drawn(session, text), views.status("answered", text))

    def _grow(
        self, session: Session, conversation: Conversation, turn: Turn, position: int, piece: str
    ) -> None:
        """Add a piece; with its first one, `turn` takes the place of an earlier version."""
        with session.lock:
            last = position == len(conversation.turns) - 1
            if not turn.answer and last and conversation.turns[-1].question == turn.question:
                conversation.turns[-1] = turn
            turn.answer += piece


def settle(session: Session, conversation: Conversation, turn: Turn) -> bool:
    """Put an unanswered turn's question back on the page; is there anything to put back?"""
    turns = conversation.turns
    kept = any(conversation is c for c in session.conversations)
    if turn.answer or not kept or not turns or turns[-1] is not turn:
        return False
    turns.pop()
    drafts.take_back(session, turn)
    return True


def receipt_values(receipt: Receipt) -> dict[str, Any]:
    """What of a receipt is kept with the turn."""
    return {name: value for name, value in asdict(receipt).items() if name != "token_ids"}
