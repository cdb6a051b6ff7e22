"""The same question at one tile and at many, answered one after the other, side by side.

Neither answer is part of the chat unless the visitor keeps it.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from internvl.chat import Conversation, Session, Settings, Turn, freeze
from internvl.chat.versions import with_room
from internvl.engines.base import Receipt, Text
from internvl.ui import views
from internvl.ui.answering import REDRAW_SECONDS, Answering, receipt_values, told
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

    @friendly(asks=True)
    def compare(
        self, visitor: Visitor, question: str, *values: Any, most: int = LOOKS[-1]
    ) -> Iterator[View]:
        """Both answers as they come. What is typed is asked, else the last question again.

        The second one gets at `most` so many tiles.
        """
        session, text = self.enter(visitor)
        session.limits.check_question(question)
        with session.lock:
            self.apply(session, text, values)
            asked = _asked(session, question, text)
            budgets = [min(budget, most, session.limits.tiles) for budget in LOOKS]
            sides = [Conversation(asked.system, with_tiles(asked.turns, b)) for b in budgets]
            session.compared = [side.turns[-1] for side in sides]
        titles = [text["compare.quick"], text["compare.close"].format(tiles=budgets[-1])]
        empty: View = {f"compare_{side}": {"value": text["chat.thinking"]} for side in _SIDES}
        heads: View = {
            f"compare_{side}_title": {"value": f"<h2>{title}</h2>"}
            for side, title in zip(_SIDES, titles, strict=True)
        }
        buttons: View = {f"keep_{side}": {"interactive": False} for side in _SIDES}
        shown: View = {"compare_panel": {"visible": True}, **heads, **empty, **buttons}
        yield merged(shown, views.busy(), views.notice(), views.status("thinking", text))
        for side, apart, budget in zip(_SIDES, sides, budgets, strict=True):
            settings = replace(session.settings, max_tiles=budget)
            yield from self._side(side, apart, settings, text)
        done = views.status("both", text)
        yield merged(views.idle(), done, self.left(session, text))

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
        return merged(views.no_comparison(), views.status())

    def left(self, session: Session, text: Words) -> View:
        """The comparison as it stands, whole or not: what came of its answers can be kept."""
        if not any(turn.answer for turn in session.compared):
            session.compared = []
            return views.no_comparison()
        left: View = {}
        for side, turn in zip(_SIDES, session.compared, strict=True):
            left[f"keep_{side}"] = {"interactive": bool(turn.answer)}
            if turn.receipt is None:
                ended = text["chat.stopped" if turn.answer else "export.unanswered"]
                left[f"compare_{side}"] = {"value": f"{to_markdown(turn.answer)}\n\n*{ended}*"}
        return left

    def recover(self, visitor: Visitor, error: Exception, asked: str, given: Sequence[Any]) -> View:
        """As every page's, with what came of a comparison."""
        shown = super().recover(visitor, error, asked, given)
        with contextlib.suppress(PageError):
            if asked == "compare":
                return merged(shown, self.left(*self.enter(visitor)))
        return shown

    def _side(
        self, side: str, apart: Conversation, settings: Settings, text: Words
    ) -> Iterator[View]:
        """One answer as it grows."""
        turn = apart.turns[-1]
        apart.turns[-1] = replace(turn)
        drawn = 0.0
        try:
            with closing(self.engine.stream(apart, settings)) as events:
                for event in events:
                    turn.answer += event.text if isinstance(event, Text) else ""
                    if isinstance(event, Receipt):
                        values = receipt_values(event, settings, self.about.name, turn)
                        turn.receipt = {**values, "compared": settings.max_tiles}
                    now = time.monotonic()
                    if not turn.answer:
                        yield told(event, text)
                    elif now - drawn >= REDRAW_SECONDS:
                        drawn = now
                        yield _grown(side, turn, text)
        finally:
            self.engine.forget(apart.id)
        if not turn.answer:
            raise PageError(text["error.silent"], "again")
        answered = Conversation(apart.system, [*apart.turns[:-1], turn])
        facts = " · ".join(short_facts(turn.receipt, turn, text)) if turn.receipt else ""
        below = [
            draw_figures(answered, len(answered.turns) - 1, text),
            f"*{facts}*" if facts else "",
        ]
        whole = "\n\n".join(filter(None, [to_markdown(turn.answer), *below]))
        yield {f"compare_{side}": {"value": whole}}


def _grown(side: str, turn: Turn, text: Words) -> View:
    """The answer so far on its side."""
    shown = to_markdown(without_begun(turn.answer)) or text["chat.thinking"]
    return {f"compare_{side}": {"value": shown}, **views.status("answering", text)}


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
        raise PageError(text["error.empty"], "write")
    asked = Conversation(conversation.system, turns)
    if not any(a.kind == "image" for a in asked.attachments):
        raise PageError(text["error.no_picture"], "choose")
    return asked


def _same(turn: Turn, compared: Turn) -> bool:
    """Is it the same question with the same files?"""
    files = [[str(a.path) for a in t.attachments] for t in (turn, compared)]
    return turn.question == compared.question and files[0] == files[1]
