"""What was said: attachments, turns and conversations, and what a person may tune.

A `Turn` is a question with its answer, so retrying is `turn.answer = ""` and undoing is
`conversation.turns.pop()`. Nothing here knows tiles, tokens or pages.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

SYSTEM_MESSAGE = (
    "你是书生·万象，英文名是InternVL，"
    "是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。"
)
"""The published default system message (OpenGVLab/InternVL, internvl_chat/conversation.py)."""


@dataclass(frozen=True)
class Attachment:
    """An uploaded picture or video.

    `start` and `end` bound a video in seconds. `max_tiles` (per picture) and `max_frames` (per
    video) are None until the attachment is sent; `freeze` then fixes them, so that a slider moved
    later changes nothing that was said before. A `pinned` one is the last to give way when the
    context is full.

    `dropped` are frames the model does not get, by their positions in the video from 0; a position
    that no sampled frame has changes nothing, so that a choice outlives a slider moved to and fro.
    """

    path: str | Path
    kind: Literal["image", "video"]
    start: float | None = None
    end: float | None = None
    max_tiles: int | None = None
    max_frames: int | None = None
    dropped: tuple[int, ...] = ()
    pinned: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dropped", tuple(self.dropped))  # JSON brings a list
        if self.kind not in ("image", "video"):
            raise ValueError(f"an attachment is an 'image' or a 'video', not {self.kind!r}")

    def kept_frames(self, sampled: Sequence[int]) -> list[int]:
        """Those of the sampled frames (positions in the video) that the model gets.

        When every one was dropped it gets them all: a video is never without a frame.

        >>> Attachment("clip.mp4", "video", dropped=(12, 37)).kept_frames([12, 62])
        [62]
        """
        return [frame for frame in sampled if frame not in self.dropped] or list(sampled)


@dataclass(frozen=True)
class Version:
    """Another answer to the same question, with its receipt."""

    answer: str
    receipt: dict[str, Any] | None = None


@dataclass
class Turn:
    """One question and its answer; the answer is empty until the model has written it.

    `receipt` is what the answer cost, as JSON values; one that was stopped has none. With `region`
    the question put to the model is the published grounding prompt for that
    description, and `question` is only what the page shows. `earlier` and `later` are the other
    versions of the answer, in the order in which they were written. `opinion` is what the visitor
    thought of the answer, kept with consent only.
    """

    question: str
    attachments: tuple[Attachment, ...] = ()
    answer: str = ""
    region: str | None = None
    receipt: dict[str, Any] | None = None
    earlier: tuple[Version, ...] = ()
    later: tuple[Version, ...] = ()
    opinion: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.attachments = tuple(self.attachments)
        self.earlier, self.later = _versions(self.earlier), _versions(self.later)
        if sum(attachment.kind == "video" for attachment in self.attachments) > 1:
            raise ValueError("a turn can carry one video at most")


def _versions(given: Iterable[Any]) -> tuple[Version, ...]:
    return tuple(v if isinstance(v, Version) else Version(**v) for v in given)


@dataclass
class Conversation:
    """A system message and the turns so far. `id` names it in the engine's caches.

    `title` is the visitor's own name for it, empty until given; `changed` the time of the last
    question in seconds since 1970, 0 when that is not known. `draft` is what has been put on the
    page for it and not been sent.
    """

    system: str = SYSTEM_MESSAGE
    turns: list[Turn] = field(default_factory=list)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    title: str = ""
    changed: float = 0.0
    draft: Turn = field(default_factory=lambda: Turn(""))

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments of all turns, oldest first."""
        return [attachment for turn in self.turns for attachment in turn.attachments]


_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "repetition_penalty": (0.1, 10.0),
    "max_new_tokens": (1, 32768),
    "max_tiles": (1, 64),
    "max_frames": (1, 512),
    "seed": (0, 2**63 - 1),
}


class SettingError(ValueError):
    """A setting, by its `name`, is outside what `low` and `high` allow, or no number."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name
        self.low, self.high = _RANGES[name]


@dataclass(frozen=True)
class Settings:
    """What a person may tune. Raises TypeError for unknown names, SettingError outside the ranges.

    `temperature` 0 is greedy. `max_tiles` is the budget of one message, shared by its pictures.
    `seed` None draws a fresh one for each answer.

    >>> Settings(max_tiles=99)
    Traceback (most recent call last):
    internvl.chat.conversation.SettingError: max_tiles must be between 1 and 64, not 99
    """

    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 1024
    max_tiles: int = 12
    max_frames: int = 16
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name == "seed":
                continue
            wanted = (int, float) if isinstance(getattr(Settings, name), float) else int
            if isinstance(value, bool) or not isinstance(value, wanted):
                kind = "a whole number" if wanted is int else "a number"
                raise SettingError(f"{name} must be {kind}, not {value!r}", name)
            if not low <= value <= high:
                raise SettingError(f"{name} must be between {low} and {high}, not {value}", name)
            if wanted is not int:  # a whole number is as good: sliders send them
                object.__setattr__(self, name, float(value))


def freeze(attachments: Iterable[Attachment], settings: Settings) -> tuple[Attachment, ...]:
    """The attachments of one message with their budgets fixed; what is fixed already stays.

    N pictures share the message's tiles: max(1, max_tiles // N) each (spec: InternVL's training
    code, internvl_chat/internvl/train/dataset.py). A frame of a video is one tile.

    >>> [a.max_tiles for a in freeze([Attachment("a.png", "image")] * 5, Settings(max_tiles=12))]
    [2, 2, 2, 2, 2]
    """
    attachments = tuple(attachments)
    pictures = sum(attachment.kind == "image" for attachment in attachments)
    share = max(1, settings.max_tiles // max(1, pictures))
    return tuple(
        replace(attachment, max_tiles=attachment.max_tiles or share)
        if attachment.kind == "image"
        else replace(attachment, max_frames=attachment.max_frames or settings.max_frames)
        for attachment in attachments
    )
