"""What one does with an answer: choose a version, continue it, ask its question anew, rate it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from internvl.chat import Session, Turn, freeze
from internvl.chat.versions import choose_version
from internvl.ui import views
from internvl.ui.answering import Answering, start
from internvl.ui.cards import Chosen
from internvl.ui.errors import PageError, friendly
from internvl.ui.page import Visitor
from internvl.ui.views import View, Words, merged


class AnswerHandlers(Answering):
    """The buttons in messages, and the panels that some of them open."""

    @friendly
    def act(self, visitor: Visitor, action: str, name: str, *values: Any) -> Iterator[View]:
        """A button in a message: `name` is the turn's position, with ":" and a version's."""
        session, text = self.enter(visitor)
        place, _, version = name.partition(":")
        if action == "more":
            yield from self.go_on(visitor, place, *values)
            return
        with session.lock:
            position, turn = _turn(session, text, place)
            if action == "version" and version.isdecimal():
                _choose(turn, int(version), text)
            elif action == "unsay":
                turn.opinion = None
            session.save()
        panels = views.no_panels()
        if action == "edit":
            panels = _edit_panel(session, position, text)
        elif action in ("good", "bad"):
            panels = _opinion_panel(session, position, action, text)
        yield merged(self.drawn(session, text), views.notice(), panels)

    @friendly(asks=True)
    def ask_anew(
        self, visitor: Visitor, chosen: Chosen, question: str, *values: Any
    ) -> Iterator[View]:
        """A sent question in other words; it and what came after give way at the first new word."""
        session, text = self.enter(visitor)
        session.limits.check_question(question)
        if not question.strip():
            raise PageError(text["error.empty"], "write")
        with session.lock:
            self.apply(session, text, values)
            position, earlier = _chosen_turn(session, text, chosen)
            region = question.strip() if earlier.region else None
            shown = text["find.question"].format(what=region) if region else question
            job = start(session, position, Turn(shown, earlier.attachments, region=region))
        yield from self.answer(session, text, job, views.no_panels())

    @friendly
    def rate(self, visitor: Visitor, chosen: Chosen, reason: str, consent: bool) -> View:
        """Keep an opinion of an answer, once the visitor has agreed to that."""
        session, text = self.enter(visitor)
        session.limits.check_reason(reason)
        if not consent:
            raise PageError(text["error.consent"])
        with session.lock:
            _, turn = _chosen_turn(session, text, chosen)
            kind = "good" if (chosen or {}).get("action") == "good" else "bad"
            turn.opinion = {"kind": kind, "reason": reason.strip()}
            session.save()
        return merged(self.drawn(session, text), views.notice(), views.no_panels())

    @friendly(asks=True)
    def find(self, visitor: Visitor, what: str, *values: Any) -> Iterator[View]:
        """Ask where something is, in the words that the model was taught to answer with a box."""
        session, text = self.enter(visitor)
        what = " ".join(what.split())
        session.limits.check_question(what)
        with session.lock:
            self.apply(session, text, values)
            conversation, attached = session.conversation, session.draft.attachments
            if not what:
                raise PageError(text["error.find"], "write")
            if not any(a.kind == "image" for a in (*conversation.attachments, *attached)):
                raise PageError(text["error.no_picture"], "choose")
            question = text["find.question"].format(what=what)
            turn = Turn(question, freeze(attached, session.settings), region=what)
            conversation.turns.append(turn)
            session.draft = replace(session.draft, attachments=())
            session.save()
            sent = merged(self.tray(session, text), views.no_panels())
            job = start(session, len(conversation.turns) - 1, turn)
        yield from self.answer(session, text, job, sent)

    @friendly
    def show_find(self, visitor: Visitor) -> View:
        """The field for what is to be found."""
        self.enter(visitor)
        return merged(views.no_panels(), {"find_panel": {"visible": True}})

    @friendly
    def close_panels(self, visitor: Visitor) -> View:
        """No panel is open."""
        self.enter(visitor)
        return views.no_panels()

    @friendly(asks=True)
    def go_on(self, visitor: Visitor, place: str, *values: Any) -> Iterator[View]:
        """Go on with the last answer from where it ends."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
            position, turn = _turn(session, text, place)
            if turn is not session.conversation.turns[-1] or not turn.answer:
                raise PageError(text["error.nothing"])
            job = start(session, position, turn)
        yield from self.answer(session, text, job, views.no_panels())

    def recover(self, visitor: Visitor, error: Exception, asked: str, given: Sequence[Any]) -> View:
        """As every page's, with the panel open in which it was asked, and what was written."""
        return merged(super().recover(visitor, error, asked, given), _opened(asked, given))


def _opened(asked: str, given: Sequence[Any]) -> View:
    if asked == "find":
        return {"find_panel": {"visible": True}, "find_text": {"value": given[0]}}
    if asked == "ask_anew":
        written: View = {"chosen": {"value": given[0]}, "edit_text": {"value": given[1]}}
        return {"edit_panel": {"visible": True}, **written}
    return {}


def _turn(session: Session, text: Words, place: str) -> tuple[int, Turn]:
    """A turn of the chat by its position; none that is being answered. Raises PageError."""
    turns = session.conversation.turns
    if not place.isdecimal() or int(place) >= len(turns) or session.answers(turns[int(place)]):
        raise PageError(text["error.turn"], "reload")
    return int(place), turns[int(place)]


def _chosen_turn(session: Session, text: Words, chosen: Chosen) -> tuple[int, Turn]:
    """The turn a panel is about, unless another chat has come on the page since."""
    chosen = chosen or {}
    if chosen.get("chat") != session.conversation.id:
        raise PageError(text["error.turn"], "reload")
    return _turn(session, text, str(chosen.get("turn")))


def _choose(turn: Turn, version: int, text: Words) -> None:
    try:
        choose_version(turn, version)
    except IndexError as error:
        raise PageError(text["error.turn"], "reload") from error


def _edit_panel(session: Session, position: int, text: Words) -> View:
    turn, later = session.conversation.turns[position], session.conversation.turns[position + 1 :]
    key = "edit.alone" if not later else "edit.one" if len(later) == 1 else "edit.several"
    return {
        **views.no_panels(),
        "edit_panel": {"visible": True},
        "edit_note": {"value": text[key].format(later=len(later))},
        "edit_text": {"value": turn.region or turn.question},
        "chosen": _chosen(session, position, "edit"),
    }


def _chosen(session: Session, position: int, action: str) -> dict[str, Any]:
    chat = session.conversation.id
    return {"value": {"action": action, "turn": position, "chat": chat}}


def _opinion_panel(session: Session, position: int, action: str, text: Words) -> View:
    turn = session.conversation.turns[position]
    return {
        **views.no_panels(),
        "opinion_panel": {"visible": True},
        "opinion_note": {"value": text[f"opinion.why.{action}"]},
        "opinion_text": {"value": (turn.opinion or {}).get("reason", "")},
        "opinion_consent": {"value": False},
        "chosen": _chosen(session, position, action),
    }
