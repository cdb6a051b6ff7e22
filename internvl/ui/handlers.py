"""What happens on the page: every handler takes the visitor and values and gives views.

The handlers that answer are generators, which end where they are closed: that is Stop.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from internvl.chat import LimitError, Turn, freeze
from internvl.chat.versions import with_room
from internvl.ui import drafts, views
from internvl.ui.answer_handlers import AnswerHandlers
from internvl.ui.answering import settle, start
from internvl.ui.cards import Card, make_card
from internvl.ui.compare import CompareHandlers
from internvl.ui.errors import PageError, friendly
from internvl.ui.leaving_handlers import LeavingHandlers
from internvl.ui.mend_handlers import MendHandlers
from internvl.ui.page import Visitor
from internvl.ui.views import View, merged


class Handlers(AnswerHandlers, CompareHandlers, MendHandlers, LeavingHandlers):
    """Asking, stopping and going back; with all that pages, drafts and lists of chats do."""

    @friendly(asks=True)
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
                raise PageError(text["error.empty"], "write")
            turn = Turn(question, freeze(session.draft.attachments, session.settings))
            session.conversation.turns.append(turn)
            session.draft = Turn("")
            session.save()
            cleared: View = {"question": {"value": ""}, **self.tray(session, text)}
            job = start(session, len(session.conversation.turns) - 1, turn)
        yield from self.answer(session, text, job, cleared)

    @friendly(asks=True)
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
            certain = session.settings.temperature == 0
        yield from self.answer(session, text, job, {})
        if certain and job.turn.answer in [version.answer for version in job.turn.earlier]:
            yield views.notice(Card(text["answer.same"], calm=True))

    @friendly
    def stop(self, visitor: Visitor) -> View:
        """The page after Stop, which has waited for the answer to end, but not for ever.

        A turn that goes on being answered is another tab's, and is left alone.
        """
        session, _ = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            if turns and not session.answers(turns[-1]):
                settle(session, session.conversation, turns[-1])
            session.save()
            return merged(self.settled(visitor), views.notice())

    @friendly
    def settled(self, visitor: Visitor, question: str = "") -> View:
        """What answers change on the page, as it is with none under way.

        A question that was put back comes where none is written.
        """
        session, text = self.enter(visitor)
        with session.lock:
            kept = session.draft.question
            back: View = {"question": {"value": kept}} if kept and not question else {}
            drawn = self.drawn(session, text)
            return merged(drawn, views.status(), back, self.left(session, text))

    @friendly
    def undo(self, visitor: Visitor) -> View:
        """The last question and its pictures back on the page."""
        session, text = self.enter(visitor)
        with session.lock:
            turns = session.conversation.turns
            if not turns:
                raise PageError(text["error.nothing"])
            turn = turns.pop()
            drafts.take_back(session.conversation, turn)
            session.save()
        question: View = {"question": {"value": session.draft.question}}
        again: View = {"find_text": {"value": turn.region}, "find_panel": {"visible": True}}
        found = merged(views.no_panels(), again if turn.region else {})
        return merged(self.drawn(session, text), views.status(), views.notice(), question, found)
