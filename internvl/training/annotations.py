"""Samples in the official conversation format, as conversations and prompt segments.

    {"image": "a.jpg", "conversations": [
        {"from": "human", "value": "<image>\\nWhat is this?"},
        {"from": "gpt", "value": "A <ref>red bus</ref><box>[[10, 20, 300, 400]]</box>."}]}

`image` is a path or a list of paths, `video` a path; a sample may have neither. Each picture and
the video need one `<image>` (a video may say `<video>`) in a question. Where these stand before the
question's text, the prompt is written as in the app (`render`): "Image-1: ..." for several,
"Frame-1: ..." for a video. Where they stand elsewhere in the text, or are numbered otherwise, they
are put exactly there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from internvl.chat import (
    SYSTEM_MESSAGE,
    Attachment,
    Conversation,
    Segment,
    Turn,
    render,
    with_grounding,
)
from internvl.chat.template import FRAME, picture_slots

_PLACE = re.compile(r"<image>|<video>")
_LABELLED = re.compile(r"(?:Image-(\d+):\s*)?(?:<image>|<video>)")
_LEADING = re.compile(r"(?:\s*(?:Image-\d+:\s*)?(?:<image>|<video>))*\s*")


class BadSample(ValueError):
    """A sample that can't be used; the message says why."""


@dataclass(frozen=True)
class Annotation:
    """A conversation about `attachments`.

    With `inline` the turns carry no attachments: the questions still hold the official
    placeholders, in the attachments' order.
    """

    conversation: Conversation
    attachments: tuple[Attachment, ...]
    inline: bool = False

    @property
    def answers(self) -> list[str]:
        """What is learned."""
        return [turn.answer for turn in self.conversation.turns]


def read_annotation(data: Any) -> Annotation:
    """The sample in one line of an annotation file, paths as they are there.

    Raises BadSample for anything but the official format.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("conversations"), list):
        raise BadSample("no list of conversations")
    system, turns = _read_turns(data["conversations"])
    attachments = _attachments(data)
    _check_places(attachments, system, turns)
    labels = [label for turn in turns for label in _LABELLED.findall(turn.question)]
    misnamed = any(label and int(label) != number for number, label in enumerate(labels, 1))
    inline = misnamed or any(_PLACE.search(_strip_leading(turn.question)) for turn in turns)
    if not inline:
        turns = list(_attach(turns, attachments))
    return Annotation(Conversation(system=system, turns=turns), attachments, inline)


def segments(
    annotation: Annotation, tile_counts: Sequence[Sequence[int]], tokens_per_tile: int = 256
) -> Iterator[Segment]:
    """The prompt with the pictures in place; `tile_counts` as for `render`, one per attachment.

    `<ref>`, `<box>` and `<quad>` become special tokens: training texts are trusted with them.
    """
    places = _inline_pictures(annotation, tile_counts, tokens_per_tile)
    counts = [] if annotation.inline else tile_counts
    for segment in render(annotation.conversation, counts, tokens_per_tile):
        if segment.markup:
            yield segment
            continue
        texts = _PLACE.split(segment.text) if annotation.inline else [segment.text]
        for number, text in enumerate(texts):
            if number:
                yield from next(places)
            yield from with_grounding(text, segment.learn)


def _inline_pictures(
    annotation: Annotation, tile_counts: Sequence[Sequence[int]], tokens_per_tile: int
) -> Iterator[list[Segment]]:
    """What stands for each placeholder: one picture, or all frames of a video."""
    for attachment, counts in zip(annotation.attachments, tile_counts, strict=True):
        pieces: list[Segment] = []
        for frame, tiles in enumerate(counts, 1):
            if attachment.kind == "video":
                label = "\n" * (frame > 1) + FRAME.format(frame)
                pieces.append(Segment(label, False, False))
            pieces.append(Segment(picture_slots(tiles * tokens_per_tile), False, True))
        yield pieces


def _read_turns(messages: list[Any]) -> tuple[str, list[Turn]]:
    """The system message and the turns; human and gpt must take turns, gpt comes last."""
    pairs = [_message(message) for message in messages]
    system = SYSTEM_MESSAGE
    if pairs and pairs[0][0] == "system":
        system = pairs.pop(0)[1]
    speakers = [speaker for speaker, _ in pairs]
    if not pairs or speakers != ["human", "gpt"] * (len(pairs) // 2):
        raise BadSample(f"speakers should be human, gpt, human, gpt, ... but are {speakers}")
    texts = [text for _, text in pairs]
    turns = [Turn(q, answer=a) for q, a in zip(texts[::2], texts[1::2], strict=True)]
    if not turns[-1].answer:
        raise BadSample("the last answer is empty")
    return system, turns


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, Mapping):
        raise BadSample("a message is no object with `from` and `value`")
    speaker, text = message.get("from"), message.get("value")
    if not isinstance(speaker, str) or not isinstance(text, str):
        raise BadSample("a message lacks `from` or `value`, or they are no text")
    return speaker, text


def _attachments(data: Mapping[str, Any]) -> tuple[Attachment, ...]:
    images = data.get("image") or []
    images = [images] if isinstance(images, str) else images
    video = data.get("video")
    if not isinstance(images, list) or not all(isinstance(path, str) for path in images):
        raise BadSample("`image` should be a path or a list of paths")
    if video is not None and not isinstance(video, str):
        raise BadSample("`video` should be a path")
    if video and images:
        raise BadSample("a sample has pictures or a video, not both")
    pictures = [Attachment(path, "image") for path in images]
    return (Attachment(video, "video"),) if video else tuple(pictures)


def _check_places(attachments: Sequence[Attachment], system: str, turns: Sequence[Turn]) -> None:
    for text in (system, *(turn.answer for turn in turns)):
        if _PLACE.search(text):
            raise BadSample("<image> and <video> may stand in questions only")
    places = [place for turn in turns for place in _PLACE.findall(turn.question)]
    if "<video>" in places and not any(a.kind == "video" for a in attachments):
        raise BadSample("<video> in the text, but no video")
    if len(places) != len(attachments):
        raise BadSample(f"{len(places)} <image> in the text for {len(attachments)} attachments")


def _strip_leading(question: str) -> str:
    found = _LEADING.match(question)
    return question[found.end() :] if found and _PLACE.search(found[0]) else question


def _attach(turns: Sequence[Turn], attachments: Sequence[Attachment]) -> Iterator[Turn]:
    """The turns with their own attachments instead of placeholders."""
    remaining = iter(attachments)
    for turn in turns:
        own = tuple(next(remaining) for _ in _PLACE.findall(turn.question))
        yield Turn(_strip_leading(turn.question), own, turn.answer)
