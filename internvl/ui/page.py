"""The page as one visitor sees it: who the visitor is, and the views drawn from the session.

The session is the truth: nothing but the visitor's token, the question and the settings is taken
from the browser, and everything shown is drawn from the session.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import fields
from typing import Any, cast

from internvl.chat import (
    Conversation,
    LimitError,
    Limits,
    Session,
    SessionStore,
    SettingError,
    Settings,
    Turn,
)
from internvl.engines.base import Engine, Event
from internvl.ui import views
from internvl.ui.cards import make_card
from internvl.ui.errors import PageError, friendly
from internvl.ui.examples import Example
from internvl.ui.text import preferred, words
from internvl.ui.views import About, View, Words, merged

Visitor = dict[str, str] | None
"""What the browser keeps: the visitor's token and language."""

SETTINGS = tuple(field.name for field in fields(Settings))
VALUES = (*SETTINGS, "system")
"""The components whose values come with a question, in this order."""


class Page:
    """One engine and one store of sessions behind the page.

    `language` "auto" follows the browser; `problem` says why the model could not be loaded.
    """

    def __init__(
        self,
        engine: Engine,
        store: SessionStore,
        about: About,
        *,
        language: str = "auto",
        examples: Sequence[Example] = (),
        problem: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.engine = engine
        self.store = store
        self.about = about
        self.language = language
        self.problem = problem
        self.examples = {example.name: example for example in examples}

    def open(self, visitor: Visitor, languages: str) -> View:
        """The whole page for a visitor who comes or comes back."""
        visitor = dict(visitor) if isinstance(visitor, dict) else {}
        if visitor.get("language") not in ("en", "zh"):
            auto = self.language == "auto"
            visitor["language"] = preferred(languages) if auto else self.language
        try:
            self.store.open(str(visitor.get("token")))
        except ValueError:
            visitor["token"] = self.store.new_token()
        return self._everything(visitor)

    @friendly
    def speak(self, visitor: Visitor, language: str) -> View:
        """The page in another language."""
        self.enter(visitor)
        return self._everything({**(visitor or {}), "language": "zh" if language == "zh" else "en"})

    def tick(self, visitor: Visitor) -> View:
        """How far the model is loaded."""
        return self._model(_words(visitor))

    def enter(self, visitor: Visitor) -> tuple[Session, Words]:
        """The visitor's session and language. Raises PageError for a token of nobody."""
        text = _words(visitor)
        try:
            return self.store.open(str((visitor or {}).get("token"))), text
        except ValueError as error:
            raise PageError(text["error.visitor"], "reload") from error

    def apply(self, session: Session, text: Words, values: Sequence[Any]) -> None:
        """Keep the settings as they stand on the page. Raises PageError or LimitError."""
        given: dict[str, Any] = dict(zip(VALUES, values, strict=True))
        system = given.pop("system")
        if given["seed"] is not None and float(given["seed"]).is_integer():
            given["seed"] = int(given["seed"])
        try:
            settings = Settings(**given)
        except SettingError as error:
            label = text[f"{error.name}.label"]
            told = text["error.setting"].format(label=label, low=error.low, high=error.high)
            raise PageError(told, "usual") from error
        check_budgets(settings, session.limits, text)
        session.limits.check_system(system)
        session.settings = settings
        session.conversation.system = system

    def tray(self, session: Session, text: Words) -> View:
        """What goes with the next question."""
        return views.tray(session, text, self.about, tuple(self.examples.values()))

    def drawn(self, session: Session, text: Words) -> View:
        """Everything that talking changes, with nothing running."""
        return merged(
            views.chat(session, text, self.about),
            views.chats(session, text),
            self.tray(session, text),
            views.idle(),
        )

    def recover(self, visitor: Visitor, error: Exception, asked: str, given: Sequence[Any]) -> View:
        """The page after an error: everything in place, and a card about it.

        `asked` names the handler that asked, nothing for others; `given` were its values.
        """
        text = _words(visitor)
        with contextlib.suppress(PageError):
            session, _ = self.enter(visitor)
            question: View = {"question": {"value": session.draft.question}}
            chosen = given[0] if asked == "ask_anew" else None
            return merged(
                self.drawn(session, text),
                {name: {"value": None} for name in ("image", "images", "video")},
                question if asked == "send" else {},
                views.status(),
                views.notice(make_card(error, text, session, asked, chosen)),
            )
        return merged(views.idle(), views.status(), views.notice(make_card(error, text, None)))

    def _model(self, text: Words) -> View:
        return views.model(self.about, self.engine.loading, self.problem(), text)

    def _everything(self, visitor: dict[str, str]) -> View:
        session, text = self.enter(visitor)
        with session.lock:
            session.save()
        return merged(
            views.labels(text),
            {"visitor": {"value": visitor}, "language": {"value": visitor["language"]}},
            views.introduction(self.about, text, session.limits, visitor["language"]),
            views.presenter(visitor, text),
            self._model(text),
            views.settings(session),
            self.drawn(session, text),
            views.pane(session),
            {"question": {"value": session.draft.question}},
            views.status(),
            views.notice(),
        )


def check_budgets(settings: Settings, limits: Limits, text: Words) -> None:
    """Raise LimitError for more tiles or frames than the page allows."""
    for wanted, most, key in (
        (settings.max_tiles, limits.tiles, "error.tiles"),
        (settings.max_frames, limits.frames, "error.frames"),
    ):
        if wanted > most:
            raise LimitError(text[key].format(wanted=wanted, most=most))


def request(conversation: Conversation, position: int, turn: Turn) -> Conversation:
    """A conversation of its own for the engine: the turns before a position, and `turn`."""
    return Conversation(
        conversation.system, [*conversation.turns[:position], turn], conversation.id
    )


@contextlib.contextmanager
def closing(events: Iterator[Event]) -> Iterator[Iterator[Event]]:
    """Closes the engine's generator, whatever happens: that is Stop."""
    with contextlib.closing(cast(Generator[Event], events)):
        yield events


def _words(visitor: Visitor) -> Words:
    return words(str((visitor or {}).get("language")))
