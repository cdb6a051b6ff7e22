"""A conversation as the prompt InternVL 2.5 was trained on (internvl_chat/conversation.py:390).

The prompt is a list of segments. Markup (`<|im_start|>`, `<img>`, `<ref>` ...) becomes token ids by
name; everything else is plain text, and whatever a person types is never markup. Of the answers,
which the model wrote, the grounding tags are markup again, as they were when it wrote them.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from internvl.chat.conversation import Attachment, Conversation, Turn

REGION_PROMPT = "Please provide the bounding box coordinate of the region this sentence describes: "
FRAME = "Frame-{}: "

_GROUNDING = re.compile(r"(</?(?:ref|box|quad)>)")


class Segment(NamedTuple):
    """A piece of the prompt: is it learned in training, is it markup (special tokens only)?"""

    text: str
    learn: bool
    markup: bool


def render(
    conversation: Conversation,
    tile_counts: Sequence[Sequence[int]],
    tokens_per_tile: int = 256,
    go_on: bool = False,
) -> list[Segment]:
    """The conversation as prompt segments; their joined text is the official prompt.

    `tile_counts` has one list per attachment over all turns, with one number per picture or frame
    (the thumbnail counts; 0 leaves a picture out, its number stays taken). The assistant's text
    and its `<|im_end|>` are learned. Only a last turn with an empty answer stays open, or with
    `go_on` any last turn, so that its answer can be continued. Raises ValueError when `tile_counts`
    does not match the attachments.
    """
    attachments = len(conversation.attachments)
    if len(tile_counts) != attachments:
        raise ValueError(
            f"{attachments} attachments in the conversation, {len(tile_counts)} in tile_counts"
        )
    segments = [*_opening("system"), _typed(conversation.system), *_CLOSING]
    remaining = iter(tile_counts)
    pictures = 0
    for turn in conversation.turns:
        segments += _opening("user")
        total = pictures + sum(attachment.kind == "image" for attachment in turn.attachments)
        for attachment in turn.attachments:
            pictures += attachment.kind == "image"
            segments += _attachment(attachment, next(remaining), pictures, total, tokens_per_tile)
        segments += [*_question(turn), *_CLOSING, *_opening("assistant")]
        last = turn is conversation.turns[-1]
        segments += with_grounding(turn.answer, True)
        if not last or (turn.answer and not go_on):
            segments += [_END_LEARNED, _typed("\n")]
    return segments


def with_grounding(text: str, learn: bool) -> list[Segment]:
    """A text that is trusted with `<ref>`, `<box>` and `<quad>`: these are markup, nothing else is.

    >>> [segment.text for segment in with_grounding("The <ref>cup</ref>", True) if segment.markup]
    ['<ref>', '</ref>']
    """
    parts = enumerate(_GROUNDING.split(text))
    return [Segment(part, learn, number % 2 == 1) for number, part in parts if part]


def picture_slots(tokens: int) -> str:
    """The markup in which the visual tokens of a picture or frame take their places."""
    return f"<img>{'<IMG_CONTEXT>' * tokens}</img>"


def _typed(text: str) -> Segment:
    return Segment(text, False, False)


def _markup(text: str) -> Segment:
    return Segment(text, False, True)


def _opening(role: str) -> list[Segment]:
    return [_markup("<|im_start|>"), _typed(f"{role}\n")]


_CLOSING = [_markup("<|im_end|>"), _typed("\n")]
_END_LEARNED = Segment("<|im_end|>", True, True)


def _question(turn: Turn) -> list[Segment]:
    if turn.region is None:
        return [_typed(turn.question)]
    return [_typed(REGION_PROMPT), _markup("<ref>"), _typed(turn.region), _markup("</ref>")]


def _attachment(
    attachment: Attachment, counts: Sequence[int], number: int, total: int, tokens_per_tile: int
) -> list[Segment]:
    """One line per picture or frame that is still seen, ending in a newline."""
    segments = []
    for frame, tiles in enumerate(counts, 1):
        if not tiles:
            continue
        if attachment.kind == "video":
            segments.append(_typed(FRAME.format(frame)))
        elif total > 1:
            segments.append(_typed(f"Image-{number}: "))
        segments += [_markup(picture_slots(tiles * tokens_per_tile)), _typed("\n")]
    return segments
