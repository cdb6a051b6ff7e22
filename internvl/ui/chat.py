"""The conversation as the messages of Gradio's chat box, drawn from what the server holds.

Questions are shown as they were typed. Answers are Markdown without HTML: every `<` of the model is
text, in code as well, and pictures from elsewhere are not fetched.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from internvl.chat import Attachment, Conversation, Turn
from internvl.preprocessing import AttachmentError
from internvl.ui.clips import CLIPS
from internvl.ui.frames import strip_of
from internvl.ui.html import fill_line
from internvl.ui.links import last_video, link_frames
from internvl.ui.tiles import count_tiles, display_copy

Message = dict[str, str]
_THUMBNAIL = 320
_FENCE = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[^`\n]*(?:\n(.*?)(?:^[ \t]*\2[`~]*[ \t]*$|\Z)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def draw_chat(
    conversation: Conversation,
    text: Mapping[str, str],
    running: Sequence[Turn] = (),
    tile_size: int = 448,
) -> list[Message]:
    """The messages of a conversation; `running` turns are being answered, shown without marks.

    An answer without a receipt was stopped. Tiles have `tile_size` pixels each way.
    """
    messages, pictures, tiles = [], 0, 0
    for place, turn in enumerate(conversation.turns, 1):
        messages.append({"role": "user", "content": _asked(turn, pictures, text)})
        pictures += sum(attachment.kind == "image" for attachment in turn.attachments)
        tiles += sum(count_tiles(attachment, tile_size) for attachment in turn.attachments)
        video = last_video(conversation.turns[:place])
        if any(turn is r for r in running):
            messages.append(draw_answer(turn, text, video=video))
        else:
            messages.append(draw_answer(turn, text, _marks(turn, tiles, text), video))
    return messages


def draw_answer(
    turn: Turn, text: Mapping[str, str], below: str = "", video: Attachment | None = None
) -> Message:
    """The message of one answer, with a line below it; its frames are those of `video`."""
    answer = link_frames(to_markdown(turn.answer), video, text) or (
        "" if below else text["chat.thinking"]
    )
    return {"role": "assistant", "content": f"{answer}\n\n{below}" if below else answer}


def to_markdown(answer: str) -> str:
    """The answer as Markdown in which nothing the model wrote is HTML.

    A block of code that is not closed ends with the answer.

    >>> to_markdown("<ref>a cat</ref> is **here**")
    '&lt;ref>a cat&lt;/ref> is **here**'
    """
    pieces, position = [], 0
    for match in _FENCE.finditer(answer):
        pieces.append(_prose(answer[position : match.start()]))
        indent, code = match[1], match[3] or ""
        code = re.sub(f"^[ \t]{{0,{len(indent)}}}", "", code, flags=re.MULTILINE)
        pieces.append(f"\n{indent}<pre><code>{_as_entities(code)}</code></pre>\n\n")
        position = match.end()
    return "".join([*pieces, _prose(answer[position:])])


def receipt_facts(receipt: Mapping[str, Any], text: Mapping[str, str]) -> list[str]:
    """What the line under an answer says."""
    values = {
        **{k: f"{v:,}" for k, v in receipt.items() if isinstance(v, int) and k != "seed"},
        "seconds": f"{receipt['seconds_to_first']:.1f}",
        "speed": f"{receipt['tokens_per_second']:.1f}",
        "seed": str(receipt["seed"]),
    }
    pictures = ["tiles", "tokens"] if receipt["tiles"] else []
    parts = [*pictures, "first", "speed", "seed", receipt["finish_reason"]]
    facts = [text[f"receipt.{part}"].format(**values) for part in parts]
    return [text["tray.one"], *facts[1:]] if receipt["tiles"] == 1 else facts


def _marks(turn: Turn, tiles: int, text: Mapping[str, str]) -> str:
    """The line below an answer; `tiles` are all that were sent up to here."""
    receipt = turn.receipt
    facts = receipt_facts(receipt, text) if receipt else []
    marks = [] if receipt else [text["chat.stopped" if turn.answer else "chat.unanswered"]]
    if receipt and receipt["tiles"] < tiles:
        marks.append(text["chat.smaller"].format(tiles=tiles))
    return fill_line("receipt", marks=marks, facts=facts, copy=bool(turn.answer), t=text)


def _asked(turn: Turn, earlier: int, text: Mapping[str, str]) -> str:
    attachments = []
    for attachment in turn.attachments:
        earlier += attachment.kind == "image"
        attachments.append(_sent(attachment, earlier, text))
    return fill_line("asked", question=turn.question, attachments=attachments, t=text)


def _sent(attachment: Attachment, number: int, text: Mapping[str, str]) -> dict[str, str]:
    path = str(attachment.path)
    picture = attachment.kind == "image"
    title = text["tray.picture"].format(number=number) if picture else text["tray.video"]
    try:
        if picture:
            return {"title": title, "source": display_copy(path, _THUMBNAIL), "clip": ""}
        frames = strip_of(attachment).kept
    except AttachmentError:
        return {"title": title, "source": "", "clip": ""}
    source = frames[len(frames) // 2].source
    return {"title": title, "source": source, "clip": CLIPS.key(path)}


def _prose(markdown: str) -> str:
    pieces: Sequence[str] = _CODE.split(markdown)
    prose = [
        html.escape(piece, quote=False).replace("&gt;", ">").replace("![", "&#33;[")
        for piece in pieces[::3]
    ]
    code = [f"<code>{_as_entities(piece)}</code>" for piece in pieces[2::3]]
    return "".join(a + b for a, b in zip(prose, [*code, ""], strict=True))


def _as_entities(code: str) -> str:
    """Code that Markdown and HTML leave alone, on one line."""
    return "".join(c if c.isalnum() else f"&#{ord(c)};" for c in code)
