"""The same question at one tile and at many, answered one after the other, side by side.

Neither answer is part of the chat unless the visitor keeps it.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from internvl.chat import Conversation, Session, Settings, Turn, freeze
from internvl.chat.versions import with_room
from internvl.engines.base import Receipt, Text
from internvl.ui import views
from internvl.ui.answering import REDRAW_SECONDS, Answering, receipt_values
from internvl.ui.errors import PageError, friendly
from internvl.ui.figures import draw_figures
from internvl.ui.markup import to_markdown, without_begun
from internvl.ui.page import Visitor, closing
from internvl.ui.receipts import short_facts
from internvl.ui.tiles import LOOKS, with_tiles
from internvl.ui.views import View, Words, merged

_SIDES = ("first", "second")


class CompareHandlers(Answering):
    """Comparing, keeping one of the answers, and putting both away."""

    @friendly
    def compare(self, visitor: Visitor, question: str, *values: Any) -> Iterator[View]:
        """Both answers as they come. What is typed is asked, else the last question again."""
        session, text = self.enter(visitor)
        session.limits.check_question(question)
        with session.lock:
            self.apply(session, text, values)
            asked = _asked(session, question, text)
            budgets = [min(budget, session.limits.tiles) for budget in LOOKS]
            sides = [Conversation(asked.system, with_tiles(asked.turns, b)) for b in budgets]
            session.compared = [side.turns[-1] for side in sides]
        titles = [text["compare.quick"], text["compare.close"].format(tiles=budgets[-1])]
        empty: View = {f"compare_{side}": {"value": text["chat.thinking"]} for side in _SIDES}
        heads: View = {
            f"compare_{side}_title": {"value": f"<h4>{title}</h4>"}
            for side, title in zip(_SIDES, titles, strict=True)
        }
        buttons: View = {f"keep_{side}": {"interactive": False} for side in _SIDES}
        shown: View = {"compare_panel": {"visible": True}, **heads, **empty, **buttons}
        yield merged(shown, views.busy(), views.notice(), views.status("thinking", text))
        for side, apart, budget in zip(_SIDES, sides, budgets, strict=True):
            settings = replace(session.settings, max_tiles=budget)
            for drawn in self._side(apart, settings, text):
                grown: View = {f"compare_{side}": {"value": drawn}} if drawn else {}
                yield grown
        kept: View = {f"keep_{side}": {"interactive": True} for side in _SIDES}
        yield merged(views.idle(), views.status(), kept)

    @friendly
    def keep(self, visitor: Visitor, side: str) -> View:
        """One of the two answers becomes part of the chat, the other goes."""
        session, text = self.enter(visitor)
        with session.lock:
            compared = session.compared[_SIDES.index(side)] if session.compared else None
            if compared is None or not compared.answer:
                raise PageError(text["error.compared"])
            turns = session.conversation.turns
            if turns and _same(turns[-1], compared) and not session.answers(turns[-1]):
                room, answer = with_room(turns[-1]), compared.answer
                turns[-1] = replace(room, answer=answer, receipt=compared.receipt)
            else:
                turns.append(compared)
                session.draft = Turn("")
            session.compared = []
            session.save()
        cleared: View = {"question": {"value": session.draft.question}}
        return merged(self.drawn(session, text), views.notice(), views.no_comparison(), cleared)

    @friendly
    def put_away(self, visitor: Visitor) -> View:
        """No comparison is on the page."""
        session, _ = self.enter(visitor)
        with session.lock:
            session.compared = []
            session.remove_unused_files()
        return views.no_comparison()

    def _side(self, apart: Conversation, settings: Settings, text: Words) -> Iterator[str]:
        """One answer, drawn as it grows; nothing between two drawings."""
        turn = apart.turns[-1]
        apart.turns[-1] = replace(turn)
        drawn = 0.0
        try:
            with closing(self.engine.stream(apart, settings)) as events:
                for event in events:
                    now = time.monotonic()
                    turn.answer += event.text if isinstance(event, Text) else ""
                    if isinstance(event, Receipt):
                        values = receipt_values(event, settings, self.about.name, turn)
                        turn.receipt = {**values, "compared": settings.max_tiles}
                    elif now - drawn >= REDRAW_SECONDS:
                        drawn = now
                        yield to_markdown(without_begun(turn.answer))
        finally:
            self.engine.forget(apart.id)
        if not turn.answer:
            raise PageError(text["error.silent"])
        answered = Conversation(apart.system, [*apart.turns[:-1], turn])
        facts = " · ".join(short_facts(turn.receipt, turn, text)) if turn.receipt else ""
        below = [
            draw_figures(answered, len(answered.turns) - 1, text),
            f"*{facts}*" if facts else "",
        ]
        yield "\n\n".join(filter(None, [to_markdown(turn.answer), *below]))


def _asked(session: Session, question: str, text: Words) -> Conversation:
    """The chat that ends in what is typed, or else in its last question without the answer.

    Raises PageError when there is no question, or no picture in it.
    """
    conversation = session.conversation
    turns = list(conversation.turns)
    if question.strip():
        turns.append(Turn(question, freeze(session.draft.attachments, session.settings)))
    elif turns:
        last = turns[-1]
        turns[-1] = Turn(last.question, last.attachments, region=last.region)
    else:
        raise PageError(text["error.empty"])
    asked = Conversation(conversation.system, turns)
    if not any(a.kind == "image" for a in asked.attachments):
        raise PageError(text["error.no_picture"])
    return asked


def _same(turn: Turn, compared: Turn) -> bool:
    """Is it the same question with the same files?"""
    files = [[str(a.path) for a in t.attachments] for t in (turn, compared)]
    return turn.question == compared.question and files[0] == files[1]
