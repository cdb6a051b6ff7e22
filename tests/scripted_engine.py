"""An engine without a model: it answers what it was told to, one piece per permission."""

import contextlib
import threading
from collections.abc import Iterator, Sequence

from internvl.chat import Conversation, Settings
from internvl.engines.base import Estimate, Event, Reading, Receipt, Text
from internvl.preprocessing import choose_grid, image_size, sample_frames


class ScriptedEngine:
    """Implements internvl.engines.base.Engine.

    `answers` are lists of events or of texts; the last one repeats. What it was asked is kept in
    `asked` and `prepared`. With `stepping`, each event waits for `step()`.
    """

    def __init__(self, *answers: Sequence[str | Event | Exception], stepping: bool = False):
        self.answers = list(answers) or [["An answer."]]
        self.asked: list[tuple[Conversation, Settings]] = []
        self.prepared: list[tuple[Conversation, Settings]] = []
        self.forgotten: list[str] = []
        self.closed = 0
        self.loading: float | None = None
        self.stepping = stepping
        self.steps = threading.Semaphore(0)

    def step(self, count: int = 1) -> None:
        self.steps.release(count)

    def tile_counts(self, conversation: Conversation) -> list[list[int]]:
        """By the real preprocessor, with the budgets of the attachments as they came."""
        counts = []
        for attachment in conversation.attachments:
            if attachment.kind == "image":
                grid = choose_grid(*image_size(attachment.path), attachment.max_tiles)
                counts.append([grid.tiles])
            else:
                clip = (attachment.max_frames, attachment.start, attachment.end)
                sampled = [frame.index for frame in sample_frames(attachment.path, *clip)]
                counts.append([1] * len(attachment.kept_frames(sampled)))
        return counts

    def estimate(self, conversation: Conversation, settings: Settings) -> Estimate:
        counts = self.tile_counts(conversation)
        tokens = 256 * sum(map(sum, counts))
        return Estimate(counts, tokens, tokens + 40, 16384)

    def prepare(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        self.prepared.append((conversation, settings))
        tiles = sum(map(sum, self.tile_counts(conversation)))
        for done in range(1, tiles + 1):
            yield Reading(done, tiles)

    def stream(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        self.asked.append((conversation, settings))
        script = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        finished = False
        try:
            for piece in script:
                while self.stepping and not self.steps.acquire(timeout=0.05):
                    yield Text("")
                if isinstance(piece, Exception):
                    raise piece
                yield Text(piece) if isinstance(piece, str) else piece
            yield self.receipt(conversation, settings)
            finished = True
        finally:
            self.closed += not finished

    def receipt(self, conversation: Conversation, settings: Settings) -> Receipt:
        tiles = sum(map(sum, self.tile_counts(conversation)))
        return Receipt(
            tiles=tiles,
            visual_tokens=256 * tiles,
            prompt_tokens=256 * tiles + 40,
            cached_tokens=0,
            generated_tokens=3,
            token_ids=[1, 2, 3],
            seconds_to_first=0.42,
            tokens_per_second=21.0,
            seed=7 if settings.seed is None else settings.seed,
            finish_reason="stop",
        )

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: Settings
    ) -> list[tuple[str, Receipt]]:
        return [("An answer.", self.receipt(c, settings)) for c in conversations]

    def forget(self, conversation_id: str) -> None:
        self.forgotten.append(conversation_id)

    def release(self) -> None:
        """Let everything that waits go on."""
        with contextlib.suppress(ValueError):
            self.stepping = False
            self.step(1000)
