"""Carries out the next step of a card: less to read, a shorter chat, usual settings; asks again."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from internvl.chat import Session, Settings, freeze
from internvl.ui import views
from internvl.ui.cards import KEPT_TURNS, Card, Chosen, turn_asked
from internvl.ui.errors import friendly
from internvl.ui.history_handlers import HistoryHandlers
from internvl.ui.page import VALUES, Visitor
from internvl.ui.views import View, merged

FIELDS = ("question", "find_text", "chosen", "edit_text")
"""The components in which a question is written; their values come before the settings."""

_ASKED: dict[str, tuple[str, ...]] = {
    "send": ("question",),
    "retry": (),
    "go_on": ("place",),
    "find": ("find_text",),
    "ask_anew": ("chosen", "edit_text"),
    "compare": ("question",),
}
"""The handlers that ask, with what each takes before the settings."""

_BUDGETS = {"tiles": "max_tiles", "frames": "max_frames"}


class MendHandlers(HistoryHandlers):
    """What the buttons of a card do, over the handlers that ask (see `Handlers`)."""

    def mend(
        self, visitor: Visitor, step: str, number: int, asked: str, *values: Any
    ) -> Iterator[View]:
        """Take a step (see `internvl.ui.cards.Step`), and ask again if it was asked.

        `values` are those of `FIELDS`, and the settings.
        """
        written = dict(zip((*FIELDS, *VALUES), values, strict=True))
        before = self.give_way(visitor, step, number, asked, written)
        if "notice" in before:  # it failed, or nothing had been asked
            yield before
            return
        asking = self._asked_again(visitor, step, number, asked, written)
        none = shown_last = views.notice()
        _, text = self.enter(visitor)
        told = views.notice(Card(text["card.kept"].format(number=KEPT_TURNS), calm=True))
        for view in asking:
            if step == "last" and view.get("notice") == none["notice"]:
                view = merged(view, told)
            shown_last = {"notice": view.get("notice", shown_last["notice"])}
            yield merged(before, view)
            before = {}
        yield shown_last  # the event that failed may have shown its card once more when it ended

    @friendly
    def give_way(
        self, visitor: Visitor, step: str, number: int, asked: str, written: dict[str, Any]
    ) -> View:
        """Fewer tiles or frames, a shorter chat, or the usual settings.

        There is a notice unless it is asked again. What is `written` is brought in line: the turn
        that a question was about may have moved.
        """
        session, text = self.enter(visitor)
        if step in _BUDGETS:
            written[_BUDGETS[step]] = number
        elif step == "usual":
            written.update(asdict(session.limits.clamp(Settings())))
        with self._changing_chats(session):
            self.apply(session, text, [written[name] for name in VALUES])
            place = turn_asked(session, asked, written["chosen"])
            if step in ("last", "fresh") and session.conversation.turns:
                _shorten(session, KEPT_TURNS if step == "last" else 0, place)
                written["chosen"] = _last_turn(session, written["chosen"])
        notice = {} if asked else views.notice()
        return merged(self.drawn(session, text), views.settings(session), views.status(), notice)

    def _asked_again(
        self, visitor: Visitor, step: str, number: int, asked: str, written: Mapping[str, Any]
    ) -> Iterator[View]:
        """What was asked, once more, with the settings as they stand now."""
        session, _ = self.enter(visitor)
        place = turn_asked(session, asked, written["chosen"])
        if place is None and asked not in ("find", "ask_anew", "compare"):
            asked = "send"
        typed = written["question"].strip() or session.draft.question
        given = {**written, "place": str(place), "question": typed}
        shown = views.settings(session)
        now = [shown[name]["value"] for name in VALUES]
        most = {"most": number} if (asked, step) == ("compare", "tiles") else {}
        wanted = (given[name] for name in _ASKED[asked])
        asking: Iterator[View] = getattr(self, asked)(visitor, *wanted, *now, **most)
        if place is None or step not in _BUDGETS:
            return asking
        return _with_budgets(session, place, asking)


def _shorten(session: Session, turns: int, place: int | None) -> None:
    """The chat goes on from its last turns; the one that is asked once more is among them."""
    kept = turns if place is None else max(1, turns)
    session.keep_last(kept, -1 if place is None else place)


def _last_turn(session: Session, chosen: Chosen) -> Chosen:
    last = {"chat": session.conversation.id, "turn": len(session.conversation.turns) - 1}
    return chosen and {**chosen, **last}


def _with_budgets(session: Session, place: int, asking: Iterator[View]) -> Iterator[View]:
    """Ask about a turn with the budgets as they stand now; the earlier version keeps its own."""
    turn = session.conversation.turns[place]
    before = turn.attachments
    free = [replace(a, max_tiles=None, max_frames=None) for a in before]
    turn.attachments = freeze(free, session.settings)
    try:
        yield from asking
    finally:
        with session.lock:
            turn.attachments = before
            session.save()
