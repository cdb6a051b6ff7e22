"""What happens on the page: every handler takes the visitor and values and gives views.

The handlers that answer are generators: closing one is Stop.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from internvl.chat import Conversation, LimitError, Session, Turn, freeze
from internvl.engines.base import Receipt, Text
from internvl.ui import drafts, views
from internvl.ui.cards import make_card
from internvl.ui.chat import draw_answer, draw_chat
from internvl.ui.errors import PageError, friendly
from internvl.ui.leaving_handlers import LeavingHandlers
from internvl.ui.links import last_video
from internvl.ui.mend_handlers import MendHandlers
from internvl.ui.page import Visitor, closing, request
from internvl.ui.views import View, Words, merged

STOPPING_SECONDS = 1.0
"""How long Stop waits for its own tab's answer to end."""


class Handlers(MendHandlers, LeavingHandlers):
    """Asking, stopping and going back; with all that pages, drafts and lists of chats do."""

    @friendly(returns_question=True)
    def send(self, visitor: Visitor, question: str, *values: Any) -> Iterator[View]:
        """Ask, and show the answer as it comes."""
        session, text = self.enter(visitor)
        try:
            session.limits.check_question(question)
        except LimitError as error:  # it stays where it was typed: nothing of that length is kept
            card = make_card(error, text, session)
            yield merged(views.idle(), views.status(), views.notice(card))
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
            answering = _start(session, turn, turn)
        yield from self._answer(session, text, answering, cleared)

    @friendly(returns_question=True)
    def retry(self, visitor: Visitor, *values: Any) -> Iterator[View]:
        """Ask the last question again; its answer stays until the first new word."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
            if not session.conversation.turns:
                raise PageError(text["error.nothing"])
            earlier = session.conversation.turns[-1]
            answering = _start(session, replace(earlier, answer="", receipt=None), earlier)
        yield from self._answer(session, text, answering, {})

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
            drafts.take_back(session, turns.pop())
            session.save()
        question: View = {"question": {"value": session.draft.question}}
        return merged(self.drawn(session, text), views.status(), views.notice(), question)

    def _answer(
        self, session: Session, text: Words, answering: "_Answering", sent: View
    ) -> Iterator[View]:
        """Answer a turn; an earlier version of it gives way at the first word."""
        asked, turn = answering.request, answering.turn
        video = last_video(asked.turns)
        try:
            messages = draw_chat(asked, text, [turn], self.about.tile_size)
            asked.turns[-1] = replace(turn)
            started = merged(sent, views.busy(), views.notice(), views.status("thinking", text))
            yield {**started, "chat": {"value": messages}}
            with closing(self.engine.stream(asked, session.settings)) as events:
                for event in events:
                    if event == Text(""):
                        yield {}
                    elif isinstance(event, Text):
                        _grow(session, answering, event.text)
                        messages = [*messages[:-1], draw_answer(turn, text, video=video)]
                        yield {"chat": {"value": messages}, **views.status("answering", text)}
                    elif isinstance(event, Receipt):
                        turn.receipt = receipt_values(event)
                    else:
                        yield views.status(type(event).__name__.lower(), text, event)
            if not turn.answer:
                raise PageError(text["error.silent"])
        finally:
            with session.lock:
                session.running = [other for other in session.running if other is not turn]
                settle(session, answering.conversation, turn)
                session.answered.notify_all()
                session.save()
        yield merged(self.drawn(session, text), views.status("answered", text))


@dataclass(frozen=True)
class _Answering:
    """A turn being answered, in place of an earlier version (or itself), and what is asked."""

    conversation: Conversation
    turn: Turn
    earlier: Turn
    request: Conversation


def _start(session: Session, turn: Turn, earlier: Turn) -> _Answering:
    """The last turn on the page is being answered from now on. Needs the lock."""
    conversation = session.conversation
    conversation.changed = time.time()
    session.running.append(turn)
    asked = request(conversation, len(conversation.turns) - 1, turn)
    return _Answering(conversation, turn, earlier, asked)


def _grow(session: Session, answering: _Answering, piece: str) -> None:
    """Add a piece; with its first one, the turn takes the place of its earlier version."""
    with session.lock:
        turns, turn = answering.conversation.turns, answering.turn
        if not turn.answer and turns and turns[-1] is answering.earlier:
            turns[-1] = turn
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
