"""Chats as files: JSON that `internvl.ui.imports` reads again, Markdown, and a web page.

Pictures are small copies; of a video a few of its frames go along, as pictures.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from internvl.chat import Attachment, Conversation, Turn
from internvl.chat.grounding import split_regions
from internvl.preprocessing import AttachmentError
from internvl.ui.frames import frame_views
from internvl.ui.history import FRAMES, clock_time, title_of
from internvl.ui.html import ASSETS, fill
from internvl.ui.tiles import display_copy, titles_of

FORMAT, VERSION = "internvl-chats", 1
EDGE = 1024
"""The most pixels of a picture's longer side in a file."""

RECEIPT: dict[str, type] = {
    "tiles": int,
    "visual_tokens": int,
    "prompt_tokens": int,
    "cached_tokens": int,
    "generated_tokens": int,
    "seconds_to_first": float,
    "tokens_per_second": float,
    "seed": int,
    "finish_reason": str,
}
"""What of a receipt goes into a file."""

ORIGIN: dict[str, type] = {"model": str, "tuned": dict}
"""And what receipts of earlier versions of this project lack."""


def as_json(conversations: Iterable[Conversation]) -> str:
    """The chats that say something, as one file."""
    chats = [_chat(conversation) for conversation in conversations if conversation.turns]
    content = {"format": FORMAT, "version": VERSION, "chats": chats}
    return json.dumps(content, ensure_ascii=False, indent=1)


def as_markdown(conversation: Conversation, text: Mapping[str, str]) -> str:
    """One chat to read and edit; pictures are named, not carried."""
    lines = [f"# {title_of(conversation, text)}", *_dated(conversation)]
    titles = iter(titles_of(conversation.attachments, text))
    for turn in conversation.turns:
        lines += [f"## {text['export.you']}"]
        lines += [f"*{next(titles)}: {Path(a.path).name}*" for a in turn.attachments]
        lines += ["\n".join(f"> {line}".rstrip() for line in turn.question.splitlines())]
        lines += [f"## {text['export.model']}"]
        lines += [_in_words(turn.answer) or f"*{text['export.unanswered']}*"]
    return "\n\n".join(lines) + "\n"


def as_page(conversation: Conversation, text: Mapping[str, str]) -> str:
    """One chat as a web page that needs nothing else; what was said can't run or load anything."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    turns = [
        {
            "question": turn.question,
            "answer": Markup(markdown.render(_in_words(turn.answer))),
            "pictures": [source for _, _, source in _pictures(turn)],
        }
        for turn in conversation.turns
    ]
    style = (ASSETS / "css" / "saved.css").read_text(encoding="utf-8")
    return fill(
        "saved",
        title=title_of(conversation, text),
        date=clock_time(conversation.changed)[:10],
        turns=turns,
        style=Markup(style),
        t=text,
    )


def file_name(title: str, ending: str) -> str:
    """A name for a file, without what a file system might not take.

    >>> file_name('What is in "a/b"?', "md")
    'What is in a b.md'
    """
    words = re.sub(r"[^\w\-]+", " ", title).split()
    return f"{' '.join(words)[:60].strip() or 'chat'}.{ending}"


def _chat(conversation: Conversation) -> dict[str, Any]:
    return {
        "title": conversation.title,
        "system": conversation.system,
        "changed": conversation.changed,
        "turns": [_turn(turn) for turn in conversation.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    receipt = turn.receipt or {}
    whole = RECEIPT.keys() <= receipt.keys()
    return {
        "question": turn.question,
        "answer": turn.answer,
        "region": turn.region,
        "receipt": {n: receipt[n] for n in (*RECEIPT, *ORIGIN) if n in receipt} if whole else None,
        "pictures": [
            {"name": name, "tiles": tiles, "data": source.partition(",")[2]}
            for name, tiles, source in _pictures(turn)
        ],
    }


def _pictures(turn: Turn) -> Iterator[tuple[str, int, str]]:
    """Name, tiles and small copy of what goes with a question, as far as it can be read."""
    for attachment in turn.attachments:
        name = Path(attachment.path).name
        try:
            sources = _copies(attachment)
        except AttachmentError:
            continue
        for source in sources:
            yield name, attachment.max_tiles or 1, source


def _copies(attachment: Attachment) -> list[str]:
    path = str(attachment.path)
    if attachment.kind == "image":
        return [display_copy(path, EDGE)]
    frames = min(FRAMES, attachment.max_frames or FRAMES)
    return [view.source for view in frame_views(path, frames, attachment.start, attachment.end)]


def _in_words(answer: str) -> str:
    """The answer with each place it points at as a label with its coordinates."""
    return "".join(map(str, split_regions(answer)))


def _dated(conversation: Conversation) -> list[str]:
    date = clock_time(conversation.changed)[:10]
    return [date] if date else []
