"""How an answer comes to be: asked of the engine, growing in the session, drawn on the page."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from internvl.chat import Attachment, Conversation, Session, Settings, Turn
from internvl.engines.base import Event, Receipt, Text
from internvl.ui import drafts, views
from internvl.ui.chat import draw_answer, draw_chat
from internvl.ui.errors import PageError
from internvl.ui.links import last_video
from internvl.ui.page import Page, closing, request
from internvl.ui.views import View, Words, merged

REDRAW_SECONDS = 0.05
"""The least time between two drawings of a growing answer; the page shows all pieces in between."""


@dataclass(frozen=True)
class Job:
    """A turn to be answered, the turns it takes the place of at its first word, what is asked.

    A new turn takes no one's place: it is in the conversation from the start.
    """

    conversation: Conversation
    turn: Turn
    replaces: list[Turn]
    request: Conversation


def start(session: Session, position: int, turn: Turn) -> Job:
    """The turn is being answered from now on, at a position of the chat. Needs the lock."""
    conversation = session.conversation
    conversation.changed = time.time()
    session.running.append(turn)
    own = any(turn is other for other in conversation.turns)
    replaces = [] if own else conversation.turns[position:]
    return Job(conversation, turn, replaces, request(conversation, position, turn))


def settle(session: Session, conversation: Conversation, turn: Turn) -> bool:
    """Put an unanswered turn's question back into the draft; is there anything to put back?"""
    turns = conversation.turns
    kept = any(conversation is c for c in session.conversations)
    if turn.answer or not kept or not turns or turns[-1] is not turn:
        return False
    turns.pop()
    drafts.take_back(conversation, turn)
    return True


def receipt_values(receipt: Receipt, settings: Settings, model: str, turn: Turn) -> dict[str, Any]:
    """What of a receipt is kept with the turn: with the model's name and what was tuned.

    An answer that was continued counts all its tokens, from the first question on.
    """
    values = {name: value for name, value in asdict(receipt).items() if name != "token_ids"}
    before = turn.receipt or {}
    if before:
        values["generated_tokens"] += before["generated_tokens"]
        values["seconds_to_first"] = before["seconds_to_first"]
    tuned = {
        field.name: getattr(settings, field.name)
        for field in fields(settings)
        if getattr(settings, field.name) != field.default and field.name != "seed"
    }
    return {**values, "model": model, "tuned": tuned, "parts": before.get("parts", 0) + 1}


def told(event: Event, text: Words) -> View:
    """The line about what the engine does before an answer begins to grow.

    From then on conversations take turns word by word, and nobody stands in line.
    """
    if isinstance(event, Text | Receipt):
        return {}
    return views.status(type(event).__name__.lower(), text, event)


class Answering(Page):
    """Answers a job, view by view."""

    def answer(self, session: Session, text: Words, job: Job, sent: View) -> Iterator[View]:
        """The page while a turn is answered, from `sent` to all that has changed at the end."""
        asked, turn = job.request, job.turn
        asked.turns[-1] = replace(turn)
        began = replace(turn)
        try:
            video = last_video(asked.turns)
            messages = draw_chat(asked, text, [asked.turns[-1]], self.about.tile_size)
            started = merged(sent, views.busy(), views.notice(), views.status("thinking", text))
            yield {**started, "chat": {"value": messages}, "cost": {"value": ""}}
            drawn = 0.0
            with closing(self.engine.stream(asked, session.settings)) as events:
                for event in events:
                    if isinstance(event, Receipt):
                        turn.receipt = receipt_values(
                            event, session.settings, self.about.name, began
                        )
                    elif isinstance(event, Text):
                        _grow(session, job, event.text)
                    now = time.monotonic()
                    if turn.answer == began.answer:
                        yield told(event, text)
                    elif now - drawn >= REDRAW_SECONDS:
                        first, drawn = not drawn, now
                        yield self._grown(messages, turn, text, first, video)
            if not turn.answer:
                raise PageError(text["error.silent"], "again")
        finally:
            with session.lock:
                session.running = [other for other in session.running if other is not turn]
                settle(session, job.conversation, turn)
                session.save()
        yield merged(self.drawn(session, text), views.status("answered", text))

    def _grown(
        self, messages: list[Any], turn: Turn, text: Words, first: bool, video: Attachment | None
    ) -> View:
        """The answer so far in the place of the last message."""
        said = views.status("answering", text) if first else {}
        return {"chat": {"value": [*messages[:-1], draw_answer(turn, text, video=video)]}, **said}


def _grow(session: Session, job: Job, piece: str) -> None:
    """Add a piece; with its first one, the turn takes the place of those it replaces."""
    if not piece:
        return
    with session.lock:
        turns, turn = job.conversation.turns, job.turn
        places = [n for n, other in enumerate(turns) if any(other is r for r in job.replaces)]
        if places:
            turns[:] = [other for n, other in enumerate(turns) if n not in places[1:]]
            turns[places[0]] = turn
        turn.receipt = None
        turn.answer += piece
