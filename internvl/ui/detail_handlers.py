"""How closely the model looks: named stops, the order of pictures, the cost, and making it fit."""

import tempfile
from bisect import bisect_left
from dataclasses import replace
from pathlib import Path
from typing import Any

from internvl.chat import Conversation, Session, Settings, Turn, freeze
from internvl.engines.base import EngineError
from internvl.preprocessing import AttachmentError
from internvl.ui import drafts, views
from internvl.ui.cards import Card
from internvl.ui.costs import draw_cost, fits
from internvl.ui.errors import PageError, friendly
from internvl.ui.looks import Looker, Size, shares
from internvl.ui.page import Page, Visitor, check_budgets, request
from internvl.ui.tiles import count_tiles, crop
from internvl.ui.views import View, Words, merged


class DetailHandlers(Page):
    """Budgets that buttons set, and what they cost."""

    @friendly
    def fit(self, visitor: Visitor) -> View:
        """The largest budgets with which all that is on the page fits."""
        session, text = self.enter(visitor)
        budgets = _smaller(session)
        # In halves: each number of frames that is tried is decoded.
        number = bisect_left(budgets, True, key=lambda b: not self._fits(session, *b)) - 1
        if number >= 0:
            tiles, frames = budgets[number]
            told = text["cost.changed"].format(tiles=tiles, frames=frames)
            changed = self._budget(session, text, max_tiles=tiles, max_frames=frames)
            return merged(changed, views.notice(Card(told, calm=True)))
        step = "fresh" if session.conversation.turns else ""
        raise PageError(text["cost.hopeless"], step)

    @friendly
    def pin(self, visitor: Visitor, name: str) -> View:
        """An attachment of an earlier question, by its number, is the last to give way, or not."""
        session, text = self.enter(visitor)
        with session.lock:
            number = int(name) if name.isdecimal() else len(session.conversation.attachments)
            turns = session.conversation.turns
            for turn in turns:
                if number < len(turn.attachments):
                    attachments = list(turn.attachments)
                    pinned = not attachments[number].pinned
                    attachments[number] = replace(attachments[number], pinned=pinned)
                    turn.attachments = tuple(attachments)
                    break
                number -= len(turn.attachments)
            session.save()
        return self.cost(session, text)

    def cost(self, session: Session, text: Words) -> View:
        """The line before sending; nothing without attachments, or before the model is there."""
        none: View = {"cost": {"value": ""}}
        ahead = self._ahead(session, session.settings)
        if self.engine.loading is not None or not ahead.attachments:
            return none
        try:
            estimate = self.engine.estimate(ahead, session.settings)
        except (EngineError, AttachmentError):  # a card says so where it matters
            return none
        return {"cost": {"value": draw_cost(estimate, ahead, text, self.about.tile_size)}}

    def drawn(self, session: Session, text: Words) -> View:
        """As every page's, with the cost of the next question."""
        return merged(super().drawn(session, text), self.cost(session, text))

    def _choose(self, session: Session, text: Words, action: str, name: str) -> View | None:
        """A stop was chosen, or a picture moved; None for any other action."""
        if action == "tiles" and name.isdecimal():
            return self._budget(session, text, max_tiles=int(name))
        if action == "part":
            return self._part(session, text, name)
        start, _, end = name.partition(":")
        if action != "move" or not (start.isdecimal() and end.isdecimal()):
            return None
        with session.lock:
            if not drafts.move(session, int(start), int(end)):
                raise PageError(text["error.unexpected"])
            session.save()
        examples = tuple(self.examples.values())
        shown = views.tray(session, text, self.about, examples, moved=int(end))
        return merged(shown, views.status(), views.notice())

    def _part(self, session: Session, text: Words, name: str) -> View:
        """A part of a picture as one more picture: "position:left:top:right:bottom", per mille."""
        try:
            position, *box = map(int, name.split(":"))
            conversation = session.conversation
            picture = conversation.draft.attachments[position]
            part = crop(picture.path, *box)
        except AttachmentError:
            raise
        except (ValueError, IndexError, TypeError) as error:
            raise PageError(text["error.part"]) from error
        stem = Path(picture.path).stem
        number = sum(Path(a.path).stem.startswith(stem) for a in session.draft.attachments)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / text["closer.file"].format(name=stem, number=number)
            part.save(file)
            with drafts.brought(session, [file], "image") as parts, session.lock:
                drafts.add_pictures(conversation, parts)
                told, budget = self._sharpened(session, part.size, text)
        return merged(
            self._budget(session, text, max_tiles=budget),
            views.pane(session),
            views.notice(Card(told, calm=True)),
        )

    def _sharpened(self, session: Session, part: Size, text: Words) -> tuple[str, int]:
        """A sentence, and the least budget from now on that shows a part on the page at 100 %."""
        pictures = sum(a.kind == "image" for a in session.draft.attachments)
        given = shares(pictures, session.limits.tiles)
        now = min(session.settings.max_tiles, len(given))
        looker = Looker(part, text, most=given[-1], tile_size=self.about.tile_size)
        share = looker.finest(given[now - 1])
        budget = max(now, given.index(share) + 1)
        if (scale := looker.scale(share)) < 1:
            return text["closer.most"].format(percent=round(scale * 100)), budget
        return text["closer.raised"].format(tiles=budget) if budget > now else "", budget

    def _budget(self, session: Session, text: Words, **budgets: Any) -> View:
        """Set budgets, on their sliders as well."""
        settings = replace(session.settings, **budgets)
        check_budgets(settings, session.limits, text)
        with session.lock:
            session.settings = settings
            session.save()
        sliders: View = {name: {"value": value} for name, value in budgets.items()}
        return merged(self.tray(session, text), sliders, views.status(), views.notice())

    def _ahead(self, session: Session, settings: Settings) -> Conversation:
        """The conversation as it would be sent with these settings."""
        conversation = session.conversation
        turn = Turn("", freeze(session.draft.attachments, settings))
        return request(conversation, len(conversation.turns), turn)

    def _tiles(self, ahead: Conversation) -> int:
        return sum(count_tiles(a, self.about.tile_size) for a in ahead.attachments)

    def _fits(self, session: Session, tiles: int, frames: int) -> bool:
        settings = replace(session.settings, max_tiles=tiles, max_frames=frames)
        ahead = self._ahead(session, settings)
        try:
            return fits(self.engine.estimate(ahead, settings), self._tiles(ahead))
        except EngineError:
            return False


def _smaller(session: Session) -> list[tuple[int, int]]:
    """Tiles and frames in the same ratio as now, from 1 up; what is not there stays."""
    now, kinds = session.settings, {a.kind for a in session.draft.attachments}
    tiles, frames = now.max_tiles, now.max_frames
    steps = tiles if "image" in kinds else frames
    return [
        (
            max(1, tiles * step // steps) if "image" in kinds else tiles,
            max(1, frames * step // steps) if "video" in kinds else frames,
        )
        for step in range(1, steps)
    ]
