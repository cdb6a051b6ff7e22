"""What every engine offers: the protocol, its events and its errors.

    EngineError                 something the visitor can read, with what to do next
    ├── PromptTooLong           more tokens than the model's context
    ├── QueueFull               too many visitors are waiting already
    └── OutOfMemory             this machine has no room for the request

An engine takes a conversation, never tokens or tiles, and never changes it. `stream` and `prepare`
are plain generators: closing one is Stop, and `next()` never blocks longer than one tile, one
piece of the prompt, one token, or 0.2 s of waiting.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from internvl.chat import Conversation, Settings


class EngineError(Exception):
    """The request can't be answered; the message says why and what to do.

    `facts` are the numbers of the message by name, for a page in another language.
    """

    def __init__(self, message: str = "", **facts: float) -> None:
        super().__init__(message)
        self.facts = facts


class PromptTooLong(EngineError):
    """The prompt has more `tokens`, `visual` of them for pictures, than the `context` holds."""


class QueueFull(EngineError):
    """Too many `questions` are being answered or waiting."""


class OutOfMemory(EngineError):
    """There is no memory for the request: it takes `needed` GB and `free` are, where known."""


@dataclass(frozen=True)
class Loading:
    """The model is still being loaded; `fraction` runs from 0 to 1."""

    fraction: float


@dataclass(frozen=True)
class Waiting:
    """Others come first; `place` 1 is next. At 0 nobody is before, and a clip is being opened.

    `seconds` is how long the line has taken per place lately, times the place; None before this
    machine has answered anyone.
    """

    place: int
    seconds: float | None = None


@dataclass(frozen=True)
class Reading:
    """`done` of `total` tiles are visual tokens now; the language model reads when all are.

    Tiles that the kept prefix covers don't count: the last of the `total` is the prompt's last.
    The total is 0 while a long prompt without new pictures is read, or a reading of the same
    conversation gives way.
    """

    done: int
    total: int


@dataclass(frozen=True)
class Text:
    """The next piece of the answer; empty while a character is not whole yet."""

    text: str


@dataclass(frozen=True)
class Receipt:
    """What an answer cost and why it ended.

    `tiles` and `visual_tokens` count every picture in the prompt, `cached_tokens` the part of the
    prompt that was not computed again. `seconds_to_first` runs from the call to the first token.
    `finish_reason` is "stop" (the model ended its answer) or "length" (it was cut off).
    """

    tiles: int
    visual_tokens: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    token_ids: list[int]
    seconds_to_first: float
    tokens_per_second: float
    seed: int
    finish_reason: Literal["stop", "length"]


Event = Loading | Waiting | Reading | Text | Receipt


@dataclass(frozen=True)
class Estimate:
    """What a conversation would cost, before anything is computed.

    `tile_counts` has one list per attachment over all turns with one number per picture or frame,
    as the model will see them: when the context is full the oldest pictures fall to one tile and
    then to none (0).

    `seconds` are the least and the most to the first word, by the speed this machine has shown, or
    None before it has shown any. `memory_bytes` is what answering needs beside the model,
    `free_bytes` what is free for it, where they are known.
    """

    tile_counts: list[list[int]]
    visual_tokens: int
    prompt_tokens: int
    context_tokens: int
    seconds: tuple[float, float] | None = None
    memory_bytes: int | None = None
    free_bytes: int | None = None


class Engine(Protocol):
    """Answers conversations."""

    @property
    def loading(self) -> float | None:
        """The fraction of the model that is loaded, or None when there is nothing to wait for."""

    def estimate(self, conversation: Conversation, settings: Settings) -> Estimate:
        """The cost of the conversation as it stands. Raises PromptTooLong."""

    def prepare(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """Read the pictures of the last turn ahead, yielding `Reading` after each tile."""

    def stream(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """Answer the last turn: `Waiting` and `Reading` first, then `Text`, last a `Receipt`.

        When the last turn has an answer already, go on from where it ends; only what is new comes.
        """

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: Settings
    ) -> list[tuple[str, Receipt]]:
        """Answer the last turn of each conversation at once."""

    def forget(self, conversation_id: str) -> None:
        """Drop what is kept for a conversation."""
