"""The conversation as the messages of Gradio's chat box, drawn from what the server holds.

Questions are shown as they were typed, answers as Markdown without HTML (see `markup`). Buttons in
messages say by name and value what they do, since the chat box keeps no other attributes.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from internvl.chat import Attachment, Conversation, Turn
from internvl.preprocessing import AttachmentError
from internvl.ui.clips import CLIPS
from internvl.ui.figures import draw_figures
from internvl.ui.frames import strip_of
from internvl.ui.html import fill_line
from internvl.ui.links import last_video, link_frames
from internvl.ui.markup import to_markdown, without_begun
from internvl.ui.receipts import all_facts, short_facts
from internvl.ui.tiles import count_tiles, display_copy, grid_of, titles_of

Message = dict[str, str]
_THUMBNAIL = 320


def draw_chat(
    conversation: Conversation,
    text: Mapping[str, str],
    running: Sequence[Turn] = (),
    tile_size: int = 448,
) -> list[Message]:
    """The messages of a conversation; `running` turns are being answered, shown without marks.

    An answer without a receipt was stopped. Tiles have `tile_size` pixels each way.
    """
    messages, tiles = [], 0
    titles = iter(titles_of(conversation.attachments, text))
    for position, turn in enumerate(conversation.turns):
        messages.append(
            {"role": "user", "content": _asked(turn, position, titles, text, tile_size)}
        )
        tiles += sum(count_tiles(attachment, tile_size) for attachment in turn.attachments)
        video = last_video(conversation.turns[: position + 1])
        if any(turn is r for r in running):
            messages.append(draw_answer(turn, text, video=video))
        else:
            below = [
                draw_figures(conversation, position, text),
                _marks(conversation, position, tiles, text),
            ]
            marks = "\n\n".join(filter(None, below))
            messages.append(draw_answer(turn, text, marks, video))
    return messages


def draw_answer(
    turn: Turn, text: Mapping[str, str], below: str = "", video: Attachment | None = None
) -> Message:
    """The message of one answer, with what stands below it; nothing does while it is written.

    Its frames are those of `video`.
    """
    shown = turn.answer if below else without_begun(turn.answer)
    answer = link_frames(to_markdown(shown), video, text)
    answer = answer or ("" if below else text["chat.thinking"])
    return {"role": "assistant", "content": f"{answer}\n\n{below}" if below else answer}


def _marks(conversation: Conversation, position: int, tiles: int, text: Mapping[str, str]) -> str:
    """The line below an answer; `tiles` are all that were sent up to here."""
    turn = conversation.turns[position]
    receipt = turn.receipt
    marks = [] if receipt else [text["chat.stopped" if turn.answer else "chat.unanswered"]]
    cut = receipt and receipt["finish_reason"] == "length"
    facts = short_facts(receipt, turn, text) if receipt else []
    if receipt and receipt["tiles"] < tiles and "compared" not in receipt:
        marks.append(text["chat.smaller"].format(tiles=tiles))
    if receipt and cut:
        marks.append(text["answer.cut"].format(tokens=f"{receipt['generated_tokens']:,}"))
    opinion = text[f"opinion.{turn.opinion['kind']}"] if turn.opinion else ""
    return fill_line(
        "receipt",
        marks=marks,
        facts=facts[:-1] if cut else facts,
        rows=all_facts(receipt, turn, text) if receipt else [],
        answered=bool(turn.answer),
        more=turn.answer and (cut or not receipt) and turn is conversation.turns[-1],
        version=len(turn.earlier),
        versions=len(turn.earlier) + 1 + len(turn.later),
        position=position,
        opinion=opinion,
        t=text,
    )


def _asked(
    turn: Turn, position: int, titles: Iterator[str], text: Mapping[str, str], tile_size: int
) -> str:
    """A question with what was sent; its tiles have a quiet mark once it has an answer."""
    attachments = [_sent(attachment, next(titles), tile_size) for attachment in turn.attachments]
    return fill_line(
        "asked",
        question=turn.question,
        attachments=attachments,
        position=position,
        read=" read" if turn.answer else "",
        t=text,
    )


def _sent(attachment: Attachment, title: str, tile_size: int) -> dict[str, Any]:
    path = str(attachment.path)
    picture = attachment.kind == "image"
    shown = {"title": title, "name": Path(path).name, "source": "", "clip": "", "key": ""}
    with contextlib.suppress(AttachmentError):
        key = CLIPS.key(path)
        if picture:
            grid, ratio = grid_of(attachment, tile_size)
            source = display_copy(path, _THUMBNAIL)
            return {**shown, "source": source, "key": key, "grid": grid, "ratio": ratio}
        frames = strip_of(attachment).kept
        source = frames[len(frames) // 2].source
        return {**shown, "source": source, "clip": key, "grid": (len(frames), 1), "ratio": 4 / 3}
    return shown
