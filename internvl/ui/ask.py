"""The named endpoint `/ask` for programs: one question, its files, an answer that grows.

    from gradio_client import Client, handle_file
    job = Client("http://127.0.0.1:7860").submit(
        "What is this?", [handle_file("photo.jpg")], {"max_tiles": 6}, api_name="/ask"
    )
    for text in job: ...

It keeps nothing: every call is a conversation of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from internvl.chat import (
    SYSTEM_MESSAGE,
    Attachment,
    Conversation,
    Limits,
    Settings,
    Turn,
    freeze,
)
from internvl.engines.base import Engine, Text
from internvl.ui.drafts import check_picture, kind_of
from internvl.ui.errors import EXPECTED, PageError
from internvl.ui.page import check_budgets, closing
from internvl.ui.text import words

_OWN = ("system", "start", "end")


def ask(
    engine: Engine,
    limits: Limits,
    question: str,
    files: Sequence[str] | None,
    given: Any,
) -> Iterator[str]:
    """The answer so far, each time it has grown.

    `given` holds names of Settings, and "system", "start" and "end" (seconds of a video); None
    holds nothing. Raises PageError, LimitError, EngineError or AttachmentError.
    """
    settings, own = _settings(given, limits)
    limits.check_question(question)
    if not question.strip():
        raise PageError(words("en")["error.empty"])
    attachments = [
        _attachment(file, position, limits, own) for position, file in enumerate(files or [])
    ]
    try:
        turn = Turn(question, freeze(attachments, settings))
    except ValueError as error:
        raise PageError(str(error)) from error
    conversation = Conversation(own["system"] or SYSTEM_MESSAGE, [turn])
    answer = ""
    try:
        with closing(engine.stream(conversation, settings)) as events:
            for event in events:
                answer += event.text if isinstance(event, Text) else ""
                yield answer
    finally:
        engine.forget(conversation.id)


def make_ask(engine: Engine, limits: Limits) -> None:
    """Add the endpoint to the page that is being built."""

    def answer(question: str, files: list[str] | None, settings: Any) -> Any:
        try:
            yield from ask(engine, limits, question, files, settings)
        except EXPECTED as error:
            raise gr.Error(str(error), print_exception=False) from error

    question = gr.Textbox("", label="question", visible=False)
    files = gr.File([], label="files", file_count="multiple", visible=False)
    settings = gr.JSON({}, label="settings", visible=False)
    gr.Button(visible=False).click(
        answer,
        [question, files, settings],
        gr.Textbox(label="answer", visible=False),
        api_name="ask",
        api_description="Asks one question about pictures or a video; streams the answer so far.",
        concurrency_limit=None,
    )


def _settings(given: Any, limits: Limits) -> tuple[Settings, dict[str, Any]]:
    """The settings within the page's limits, and what else was given by its name in `_OWN`."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise PageError(f'Settings are an object such as {{"max_tiles": 6}}, not {given!r}')
    own = {name: given.get(name) for name in _OWN}
    if not isinstance(own["system"], str | None):
        raise PageError(f"system must be a text, not {own['system']!r}")
    limits.check_system(own["system"] or "")
    tuned = {name: value for name, value in given.items() if name not in _OWN}
    try:
        settings = replace(limits.clamp(Settings()), **tuned)
    except (TypeError, ValueError) as error:
        raise PageError(f"These settings can't be used: {error}") from error
    check_budgets(settings, limits, words("en"))
    return settings, own


def _attachment(file: str, position: int, limits: Limits, own: Mapping[str, Any]) -> Attachment:
    limits.check_file(Path(file))
    limits.check_room(position)
    kind = kind_of(file)
    if kind == "image":
        check_picture(file, limits)
        return Attachment(file, kind)
    for name in ("start", "end"):
        if not isinstance(own[name], int | float | None) or isinstance(own[name], bool):
            raise PageError(f"{name} must be a time in seconds, not {own[name]!r}")
    return Attachment(file, kind, start=own["start"], end=own["end"])
