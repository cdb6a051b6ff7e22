"""What happens to pictures and videos on the page before they are sent."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from internvl.chat import Attachment, Conversation, Session, Turn, freeze
from internvl.engines.base import EngineError, OutOfMemory, PromptTooLong, Reading
from internvl.preprocessing import AttachmentError, parse_pages
from internvl.ui import documents, drafts, views
from internvl.ui.cards import Card, make_card
from internvl.ui.detail_handlers import DetailHandlers
from internvl.ui.errors import PageError, friendly
from internvl.ui.examples import Example
from internvl.ui.page import Visitor, closing, request
from internvl.ui.tiles import count_tiles
from internvl.ui.views import View, Words, merged


class DraftHandlers(DetailHandlers):
    """Adding, removing, trimming and reading ahead."""

    @friendly
    def add_image(self, visitor: Visitor, file: str | None) -> View:
        """One picture in place of those on the page."""
        return self._attach(visitor, [file] if file else [], only=True)

    @friendly
    def add_images(self, visitor: Visitor, files: list[str] | None) -> View:
        """More pictures on the page."""
        return self._attach(visitor, files or [])

    @friendly
    def add_video(self, visitor: Visitor, file: str | None) -> View:
        """A video on the page."""
        session, text = self.enter(visitor)
        session.uploads.update([Path(file)] if file else [])
        conversation = session.conversation
        with drafts.brought(session, [file] if file else [], "video") as videos, session.lock:
            for video in videos:
                drafts.set_video(conversation, video)
        return self._draft_changed(session, text)

    @friendly
    def touch(self, visitor: Visitor, question: str, action: str, name: str) -> View:
        """A button in the tile view: remove or move a picture, a stop, frames, an example."""
        session, text = self.enter(visitor)
        if action == "example" and name in self.examples:
            return self._try(visitor, question, self.examples[name])
        if chosen := self._choose(session, text, action, name):
            return chosen
        if action == "refused":
            drafts.refuse(name, session.limits, text)
        if action in ("leave", "bring"):
            positions = [int(part) for part in name.split(",") if part.isdecimal()]
            if not drafts.drop_frames(session, positions, action == "leave"):
                raise PageError(text["error.frame"])
        if action == "remove" and name.isdecimal():
            with session.lock:
                drafts.take_away(session, int(name))
        return self._draft_changed(session, text)

    @friendly
    def choose_pages(self, visitor: Visitor, wanted: str) -> View:
        """Other pages of the PDF in place of those on the page; none named: the first again."""
        session, text = self.enter(visitor)
        if session.document is None:
            raise PageError(text["error.document"], "choose")
        try:
            numbers = parse_pages(wanted) or None
        except ValueError as error:
            raise PageError(text["error.pages"].format(written=wanted.strip()[:40])) from error
        if numbers == sorted(documents.pages_on_page(session)):
            return {}
        conversation = session.conversation
        with (
            documents.unfolded(session, [session.document[0]], numbers) as files,
            drafts.brought(session, files, "image") as pages,
            session.lock,
        ):
            if session.conversation is conversation:
                documents.put_pages(session, pages)
        return merged(self._draft_changed(session, text), views.pane(session))

    @friendly
    def clear(self, visitor: Visitor, question: str) -> View:
        """Everything off the page, with the question of an example; one's own stays."""
        session, text = self.enter(visitor)
        with session.lock:
            drafts.take_away(session)
            asked = self._asks(session, question, "")
        return merged(self._draft_changed(session, text), asked)

    @friendly
    def change(self, visitor: Visitor, *values: Any) -> View:
        """Settings moved: keep them and draw again what the model will get."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
        return self._draft_changed(session, text)

    @friendly
    def adjust(self, visitor: Visitor, *values: Any) -> View:
        """Settings that change nothing about the pictures: keep them."""
        session, text = self.enter(visitor)
        with session.lock:
            self.apply(session, text, values)
            session.save()
        return views.notice()

    @friendly
    def trim(self, visitor: Visitor, start: float | None, end: float | None) -> View:
        """The clip's ends moved: draw the frames it gives now."""
        session, text = self.enter(visitor)
        drafts.set_clip(session, start, end)
        shown = self._draft_changed(session, text)
        for name in ("start", "end"):  # they may have moved on meanwhile
            shown[name].pop("value", None)
        return shown

    @friendly
    def keep_question(self, visitor: Visitor, question: str, shown: str) -> View:
        """Remember what has been typed for the chat that is `shown`; nothing that was just sent."""
        session, _ = self.enter(visitor)
        with session.lock:
            answered = [turn for c in session.conversations for turn in c.turns[-1:]]
            self.write(session, question, shown, answered)
            session.save()
        return {}

    def write(
        self, session: Session, question: str, shown: str, answered: Sequence[Turn] = ()
    ) -> None:
        """Keep what is typed, but for questions that are running or `answered`. Needs the lock.

        Where it is not known which chat is `shown` it is the session's. Raises LimitError.
        """
        session.limits.check_question(question)
        shown = shown or session.conversation.id  # the server was started anew, or forgot the tab
        sent = [*session.running, *answered]
        for conversation in session.conversations:
            if conversation.id == shown and all(question != turn.question for turn in sent):
                conversation.draft = replace(conversation.draft, question=question)

    @friendly
    def prepare(self, visitor: Visitor) -> Iterator[View]:
        """Let the model read what is on the page while the visitor still types.

        Ends by itself when something else is on the page, or when it is called again.
        """
        session, text = self.enter(visitor)
        with session.lock:
            session.readings += 1
            reading = session.readings
            conversation, attachments = session.conversation, self._draft(session)
        yield self.cost(session, text)
        if not attachments:
            return
        ahead = request(conversation, len(conversation.turns), Turn("", attachments))

        def on_page() -> bool:
            same = session.conversation is conversation and self._draft(session) == attachments
            return same and session.readings == reading

        read: Reading | None = None
        try:
            if (full := self._full(ahead, session, text)) and on_page():
                yield full
            with closing(self.engine.prepare(ahead, session.settings)) as events:
                for event in events:
                    if not on_page():
                        return
                    if isinstance(event, Reading):
                        if not event.total:  # there is nothing to tell yet
                            continue
                        read = event
                    yield views.status(type(event).__name__.lower(), text, event)
            if read:
                yield merged(views.status("read", text, total=read.total), self.cost(session, text))
        except (AttachmentError, EngineError):
            if on_page():  # else it concerns nobody: a file goes when it is taken off the page
                raise

    def _attach(self, visitor: Visitor, files: Sequence[str], only: bool = False) -> View:
        session, text = self.enter(visitor)
        session.uploads.update(map(Path, files))
        conversation = session.conversation
        with (
            documents.unfolded(session, files) as unfolded,
            drafts.brought(session, unfolded, "image") as pictures,
            session.lock,
        ):
            drafts.add_pictures(conversation, pictures, only)
        shown = views.pane(session) if only and len(pictures) > 1 else {}
        return merged(self._draft_changed(session, text), shown)

    def _try(self, visitor: Visitor, question: str, example: Example) -> View:
        """An example alone on the page, with its question unless the visitor wrote one.

        The embedded model reads English only: in another language the page says what is asked.
        """
        session, text = self.enter(visitor)
        meant = example.questions[text["tongue"]]
        asked = example.questions["en"] if self.about.embedded else meant
        with session.lock:
            drafts.take_away(session)
            fields = self._asks(session, question, "" if example.find else asked)
        if example.is_clip:
            shown = self.add_video(visitor, str(example.files[0]))
        else:
            shown = self._attach(visitor, [str(file) for file in example.files])
        told = text["examples.english"].format(meant=meant) if asked != meant else ""
        fields["find_text"] = {"value": asked if example.find else ""}
        fields["find_panel"] = {"visible": example.find}
        return merged(shown, fields, views.pane(session), views.notice(Card(told, calm=True)))

    def _asks(self, session: Session, question: str, asked: str) -> View:
        """What is asked in place of the `question` on the page; nothing in place of one's own."""
        if not self.is_example(question):
            return {}
        session.draft = replace(session.draft, question=asked)
        return {"question": {"value": asked}}

    def is_example(self, question: str) -> bool:
        """Is it none of the visitor's own words: nothing, or what an example asks?"""
        known = {asked for e in self.examples.values() for asked in e.questions.values()}
        return not question.strip() or question in known

    def _full(self, ahead: Conversation, session: Session, text: Words) -> View:
        """A card when the context has no room for all that would be sent; else nothing."""
        if self.engine.loading is not None:
            return {}
        try:
            seen = sum(map(sum, self.engine.estimate(ahead, session.settings).tile_counts))
        except (OutOfMemory, PromptTooLong) as error:
            return views.notice(make_card(error, text, session))
        tiles = sum(count_tiles(a, self.about.tile_size) for a in ahead.attachments)
        full = text["tray.full"].format(tiles=tiles, seen=seen)
        return views.notice(full) if seen < tiles else {}

    def _draft_changed(self, session: Session, text: Words) -> View:
        session.save()
        emptied: View = {name: {"value": None} for name in ("image", "images", "video")}
        return merged(self.tray(session, text), emptied, views.status(), views.notice())

    def _draft(self, session: Session) -> tuple[Attachment, ...]:
        """What would be sent now."""
        return freeze(session.draft.attachments, session.settings)
