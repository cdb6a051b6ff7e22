"""The list of chats as HTML: titles, times, and what can be done with each."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from internvl.chat import Conversation, Session, Turn
from internvl.ui.html import fill

_TITLE = 48
_WORDS = 60_000
"""Characters of a chat's different words that are searched: far more than people write."""

FRAMES = 8
"""Frames of a video that go into a file of chats."""


def title_of(conversation: Conversation, text: Mapping[str, str]) -> str:
    """The visitor's own title, else the beginning of the first question, asked or written.

    >>> title_of(Conversation(title="Receipts"), {})
    'Receipts'
    """
    if conversation.title:
        return conversation.title
    first = conversation.turns[0] if conversation.turns else conversation.draft
    question = " ".join(first.question.split())
    if not question and not conversation.turns:
        return text["chats.untitled"]
    return question if len(question) <= _TITLE else f"{question[: _TITLE - 1]}…"


def draw_history(session: Session, text: Mapping[str, str]) -> str:
    """The list, the chat opened last first."""
    rows = [_row(c, text) for c in reversed(session.conversations)]
    return fill(
        "history",
        title=rows[0]["title"],
        rows=rows,
        t=text,
        longest=session.limits.title_characters,
        frames=FRAMES,
    )


def _row(conversation: Conversation, text: Mapping[str, str]) -> dict[str, Any]:
    title = title_of(conversation, text)
    said = " ".join([title, *map(_searched, conversation.turns)])
    moment = clock_time(conversation.changed)
    return {
        "id": conversation.id,
        "title": title,
        "words": " ".join(dict.fromkeys(said.lower().split()))[:_WORDS],
        "moment": moment,
        "date": moment[:10],
        "said": bool(conversation.turns),
    }


def _searched(turn: Turn) -> str:
    """What a visitor may remember of a turn: the question, the files' names, the answer."""
    names = " ".join(Path(attachment.path).stem for attachment in turn.attachments)
    return f"{turn.question} {names} {turn.answer}"


def clock_time(seconds: float) -> str:
    """The moment that many seconds after 1970 as an ISO time in UTC; nothing for 0.

    >>> clock_time(86400)
    '1970-01-02T00:00:00+00:00'
    """
    if not seconds:
        return ""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="seconds")
