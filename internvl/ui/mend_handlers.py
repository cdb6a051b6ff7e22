"""Carries out the next step of a card: less to read, or a shorter chat, and asking again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from internvl.chat import Session, freeze
from internvl.ui import drafts, views
from internvl.ui.cards import KEPT_TURNS, Card
from internvl.ui.errors import friendly
from internvl.ui.history_handlers import HistoryHandlers
from internvl.ui.page import VALUES, Visitor
from internvl.ui.views import View, merged

_BUDGETS = {"tiles": "max_tiles", "frames": "max_frames"}


class MendHandlers(HistoryHandlers):
    """What the buttons of a card do, over the `send` and `retry` of the page."""

    def send(self, visitor: Visitor, question: str, *values: Any) -> Iterator[View]:
        """Ask (see `Handlers`)."""
        raise NotImplementedError

    def retry(self, visitor: Visitor, *values: Any) -> Iterator[View]:
        """Ask the last question again (see `Handlers`)."""
        raise NotImplementedError

    def mend(
        self, visitor: Visitor, step: str, number: int, asked: str, question: str, *values: Any
    ) -> Iterator[View]:
        """Take a step (see `internvl.ui.cards.Step`), and ask again if it was asked."""
        before = self.give_way(visitor, step, number, asked, *values)
        if "notice" in before:  # it failed, or nothing had been asked
            yield before
            return
        session, text = self.enter(visitor)
        shown = views.settings(session)
        now = [shown[name]["value"] for name in VALUES]
        if asked == "retry" and session.conversation.turns:
            asking = self._retried(visitor, session, step, now)
        else:
            asking = self.send(visitor, question.strip() or session.draft.question, *now)
        none = shown_last = views.notice()
        told = views.notice(Card(text["card.kept"].format(number=KEPT_TURNS), calm=True))
        for view in asking:
            if step == "last" and view.get("notice") == none["notice"]:
                view = merged(view, told)
            shown_last = {"notice": view.get("notice", shown_last["notice"])}
            yield merged(before, view)
            before = {}
        yield shown_last  # the event that failed may have shown its card once more when it ended

    @friendly
    def give_way(self, visitor: Visitor, step: str, number: int, asked: str, *values: Any) -> View:
        """Fewer tiles or frames, or a shorter chat; with a notice unless it is asked again."""
        session, text = self.enter(visitor)
        given = dict(zip(VALUES, values, strict=True))
        if step in _BUDGETS:
            given[_BUDGETS[step]] = number
        turns = session.conversation.turns
        with self._changing_chats(session):
            self.apply(session, text, list(given.values()))
            if step == "last" and turns:
                session.keep_last(KEPT_TURNS)
            elif step == "fresh" and turns:
                session.start_conversation(session.conversation.system)
                if asked == "retry":
                    drafts.take_back(session, replace(turns[-1]))
        notice = {} if asked else views.notice()
        return merged(self.drawn(session, text), views.settings(session), views.status(), notice)

    def _retried(
        self, visitor: Visitor, session: Session, step: str, values: Sequence[Any]
    ) -> Iterator[View]:
        """Retry with the budgets as they stand now; the earlier version keeps its own."""
        turn = session.conversation.turns[-1]
        before = turn.attachments
        if step in _BUDGETS:
            free = [replace(a, max_tiles=None, max_frames=None) for a in before]
            turn.attachments = freeze(free, session.settings)
        try:
            yield from self.retry(visitor, *values)
        finally:
            with session.lock:
                turn.attachments = before
                session.save()
