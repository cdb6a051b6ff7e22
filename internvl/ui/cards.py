"""Errors as cards: what went wrong in the visitor's language, and the next step as a button.

The steps that change something are carried out by `internvl.ui.mend_handlers`; "choose", "write",
"chats" and "reload" by the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from internvl.chat import LimitError, Session
from internvl.engines.base import EngineError, OutOfMemory, PromptTooLong, QueueFull
from internvl.preprocessing import AttachmentError
from internvl.ui.errors import PageError

Words = Mapping[str, str]
Chosen = Mapping[str, Any] | None
"""Which turn a panel is about, and what is to be done with it; kept on the server."""

KEPT_TURNS = 2
"""The turns with which a chat that is too long goes on."""


@dataclass(frozen=True)
class Step:
    """A button of a card: what is on it, and what it does.

    `action` is "again", "tiles", "frames", "last", "fresh" or "usual", with a `number` for tiles,
    frames and turns, or one of the browser's own. `asked` is the handler that asks again
    afterwards, none when nothing had been asked yet.
    """

    label: str
    action: str
    number: int = 0
    asked: str = ""


@dataclass(frozen=True)
class Card:
    """What went wrong and what can be done about it; a `calm` one tells what went well."""

    sentence: str
    title: str = ""
    steps: tuple[Step, ...] = ()
    calm: bool = False


def make_card(
    error: Exception,
    text: Words,
    session: Session | None,
    asked: str = "",
    chosen: Chosen = None,
) -> Card:
    """The card of an error that was raised while the handler `asked`, or nothing, asked the model.

    `chosen` is the turn that "ask_anew" was about.
    """
    kind = _kind(error)
    title = text.get(f"title.{kind}", "")
    return Card(sentence(error, text), title, _steps(error, text, session, asked, chosen))


def turn_asked(session: Session, asked: str, chosen: Chosen) -> int | None:
    """The position of the turn that is asked once more; None for a new question."""
    last = len(session.conversation.turns) - 1
    place = -1
    if asked in ("retry", "go_on"):
        place = last
    elif asked == "ask_anew" and chosen and chosen["chat"] == session.conversation.id:
        place = chosen["turn"]
    return place if 0 <= place <= last else None


def _kind(error: Exception) -> str:
    kinds = {
        PageError: "page",
        PromptTooLong: "long",
        QueueFull: "queue",
        OutOfMemory: "memory",
        EngineError: "engine",
        LimitError: "limit",
        AttachmentError: "attachment",
    }
    return next((name for of, name in kinds.items() if isinstance(error, of)), "unexpected")


def sentence(error: Exception, text: Words) -> str:
    """The error in the visitor's language."""
    kind = _kind(error)
    if kind == "unexpected":
        return text["error.unexpected"]
    facts = dict(getattr(error, "facts", {}))
    if "reason" in facts and text["tongue"] != "en":  # a library's own words, or a decoder's
        facts["reason"] = text.get(f"reason.{facts.get('why')}", text["reason.other"])
    key = f"error.{getattr(error, 'kind', kind)}"
    if facts and key in text:
        return text[key].format(**facts)
    if text["tongue"] != "en" and f"{key}.plain" in text:
        return text[f"{key}.plain"]
    return str(error)


_LIMITS = {
    **dict.fromkeys(("file", "megapixels"), "choose"),
    **dict.fromkeys(("room", "chats", "said"), "chats"),
    "question": "write",
}
"""What is done about a limit, by its kind."""


def _steps(
    error: Exception, text: Words, session: Session | None, asked: str, chosen: Chosen
) -> tuple[Step, ...]:
    if isinstance(error, PageError):
        return _own(error.step, text, asked)
    if isinstance(error, LimitError):
        return _own(_LIMITS.get(error.kind, ""), text, asked)
    if isinstance(error, AttachmentError):
        return _own("choose", text, asked)
    steps: tuple[Step, ...] = ()
    if session and isinstance(error, OutOfMemory | PromptTooLong):
        place = turn_asked(session, asked, chosen)
        smaller = _smaller(session, text, asked, place)
        shorter = _shorter(session, text, asked, place)
        steps = smaller + shorter if isinstance(error, OutOfMemory) else shorter + smaller
    last = "write" if isinstance(error, PromptTooLong) else "again"
    return steps[:2] or (_own(last, text, asked) if asked else ())


def _own(step: str, text: Words, asked: str) -> tuple[Step, ...]:
    if not step:
        return ()
    key = f"step.fit.{step}"
    label = text[key] if not asked and key in text else text[f"step.{step}"]
    return (Step(label, step, asked=asked),)


def _smaller(session: Session, text: Words, asked: str, place: int | None) -> tuple[Step, ...]:
    """Half the tiles or frames for what goes with the question, while there is more than one.

    An answer goes on with what it began with; a comparison has all pictures at its own tiles.
    """
    turns = session.conversation.turns
    attachments = [*(session.draft if place is None else turns[place]).attachments]
    if asked == "compare":
        attachments += [a for a in session.conversation.attachments if a.kind == "image"]
    elif asked == "go_on":
        attachments = []
    budgets = {"tiles": session.settings.max_tiles, "frames": session.settings.max_frames}
    kinds = {"tiles": "image", "frames": "video"}
    label = "step.{}" if asked else "step.fit.{}"
    return tuple(
        Step(text[label.format(name)].format(number=most // 2), name, most // 2, asked)
        for name, most in budgets.items()
        if most > 1 and any(attachment.kind == kinds[name] for attachment in attachments)
    )


def _shorter(session: Session, text: Words, asked: str, place: int | None) -> tuple[Step, ...]:
    """The last turns only, or none, while there are earlier ones; a search needs its picture."""
    turns = len(session.conversation.turns) if place is None else place + 1
    pictured = any(attachment.kind == "image" for attachment in session.draft.attachments)
    steps = []
    if turns > KEPT_TURNS:
        label = text["step.last"].format(number=KEPT_TURNS)
        steps.append(Step(label, "last", KEPT_TURNS, asked))
    if turns > (place is not None) and (pictured or asked not in ("find", "compare")):
        steps.append(Step(text["step.fresh" if asked else "step.fit.fresh"], "fresh", 0, asked))
    return tuple(steps)
