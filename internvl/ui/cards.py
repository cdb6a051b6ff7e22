"""Errors as cards: what went wrong in the visitor's language, and the next step as a button.

The steps that change something are carried out by `internvl.ui.mend_handlers`; "choose",
"chats" and "reload" by the browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from internvl.chat import LimitError, Session
from internvl.engines.base import EngineError, OutOfMemory, PromptTooLong, QueueFull
from internvl.preprocessing import AttachmentError
from internvl.ui.errors import PageError

Words = Mapping[str, str]

KEPT_TURNS = 2
"""The turns with which a chat that is too long goes on."""


@dataclass(frozen=True)
class Step:
    """A button of a card: what is on it, and what it does.

    `action` is "again", "tiles", "frames", "last" or "fresh", with a `number` for the middle
    three, or one of the browser's own. `asked` is the handler that asks again afterwards, none
    when nothing had been asked yet.
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


def make_card(error: Exception, text: Words, session: Session | None, asked: str = "") -> Card:
    """The card of an error that was raised while `asked` ("send", "retry" or nothing) ran."""
    kind = _kind(error)
    title = text.get(f"title.{kind}", "")
    return Card(sentence(error, text), title, _steps(error, text, session, asked))


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


def _steps(error: Exception, text: Words, session: Session | None, asked: str) -> tuple[Step, ...]:
    if isinstance(error, PageError):
        return _own(error.step, text, asked)
    if isinstance(error, LimitError):
        files = ("file", "megapixels")
        rooms = ("room", "chats", "said")
        step = "choose" if error.kind in files else "chats" if error.kind in rooms else ""
        return _own(step, text, asked)
    if isinstance(error, AttachmentError):
        return () if asked or error.kind == "clip" else _own("choose", text, asked)
    if session and isinstance(error, OutOfMemory | PromptTooLong):
        smaller = _smaller(session, text, asked)
        shorter = _shorter(session, text, asked)
        return (smaller + shorter if isinstance(error, OutOfMemory) else shorter + smaller)[:2]
    return _own("again", text, asked) if asked else ()


def _own(step: str, text: Words, asked: str) -> tuple[Step, ...]:
    return (Step(text[f"step.{step}"], step, asked=asked),) if step else ()


def _smaller(session: Session, text: Words, asked: str) -> tuple[Step, ...]:
    """Half the tiles or frames for what goes with the question, while there is more than one."""
    turns = session.conversation.turns
    again = asked == "retry" and turns
    attachments = turns[-1].attachments if again else session.draft.attachments
    budgets = {"tiles": session.settings.max_tiles, "frames": session.settings.max_frames}
    kinds = {"tiles": "image", "frames": "video"}
    label = "step.{}" if asked else "step.fit.{}"
    return tuple(
        Step(text[label.format(name)].format(number=most // 2), name, most // 2, asked)
        for name, most in budgets.items()
        if most > 1 and any(attachment.kind == kinds[name] for attachment in attachments)
    )


def _shorter(session: Session, text: Words, asked: str) -> tuple[Step, ...]:
    """The last turns only, or none, while there are earlier ones."""
    turns = len(session.conversation.turns)
    steps = []
    if turns > KEPT_TURNS:
        label = text["step.last"].format(number=KEPT_TURNS)
        steps.append(Step(label, "last", KEPT_TURNS, asked))
    if turns > (asked == "retry"):
        steps.append(Step(text["step.fresh" if asked else "step.fit.fresh"], "fresh", 0, asked))
    return tuple(steps)
