"""A conversation as token ids and tiles that fit into the model's context."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from internvl.chat import Attachment, Conversation, Settings, freeze, render
from internvl.engines.base import PromptTooLong
from internvl.engines.pictures import Pictures, Tile
from internvl.model import encode

if TYPE_CHECKING:
    from internvl.model import Model


@dataclass(frozen=True)
class Prompt:
    """Token ids, and the tiles whose visual tokens stand at the `<IMG_CONTEXT>` places.

    `slots` are those places in order: slot s belongs to tile s // tokens_per_tile. `content` is
    what a `Prefix` is compared with. `tile_counts` says how much of each attachment is seen,
    `sizes` how many bytes of main memory opening each takes.
    """

    ids: NDArray[np.int64]
    slots: NDArray[np.int64]
    content: NDArray[np.int64]
    tiles: list[Tile]
    attachments: list[Attachment]
    tile_counts: list[list[int]]
    sizes: list[int]

    def first_tile_after(self, place: int, tokens_per_tile: int) -> int:
        """Number of the first tile with a visual token at or after `place`."""
        return int(np.searchsorted(self.slots, place)) // tokens_per_tile

    def opening(self, tiles: Collection[Tile]) -> int:
        """The most main memory that opening takes for these tiles' pixels, in bytes.

        Pictures are opened one after the other; a video's frames wait for their turn together.
        """
        place, pictures, frames = 0, [0], 0
        for attachment, counts, size in zip(
            self.attachments, self.tile_counts, self.sizes, strict=True
        ):
            start, place = place, place + sum(counts)
            if any(tile in tiles for tile in self.tiles[start:place]):
                pictures.append(0 if attachment.kind == "video" else size)
                frames += size if attachment.kind == "video" else 0
        return max(pictures) + frames


def build_prompt(
    model: "Model", pictures: Pictures, conversation: Conversation, settings: Settings
) -> Prompt:
    """The prompt for the last turn; when the context is full the oldest pictures are given up.

    An answer that the last turn has already is the beginning of the one that is wanted.

    Raises PromptTooLong with the numbers when even that does not make it fit.
    """
    turns = [freeze(turn.attachments, settings) for turn in conversation.turns]
    attachments = [attachment for turn in turns for attachment in turn]
    earlier = len(attachments) - (len(turns[-1]) if turns else 0)
    room = min(settings.max_new_tokens, model.context_length // 8)
    pinned = {number for number, attachment in enumerate(attachments) if attachment.pinned}
    for counts in fallbacks([pictures.counts(a) for a in attachments], earlier, pinned):
        segments = render(conversation, counts, model.tokens_per_tile, go_on=True)
        ids = np.array(encode(model.tokenizer, segments)[0], dtype=np.int64)
        if len(ids) + room <= model.context_length:
            break
    if len(ids) >= model.context_length:
        visual = sum(map(sum, counts)) * model.tokens_per_tile
        raise PromptTooLong(
            f"The prompt has {len(ids):,} tokens ({visual:,} of them for pictures) and the model's "
            f"context holds {model.context_length:,}. Use fewer tiles or frames, shorten the "
            "question, or start a new chat.",
            tokens=len(ids),
            visual=visual,
            context=model.context_length,
        )
    tiles = [
        tile
        for attachment, count in zip(attachments, counts, strict=True)
        for tile in pictures.tiles(attachment, count)
    ]
    slots = np.flatnonzero(ids == model.image_token_id)
    content = ids.copy()
    content[slots] = np.repeat([tile.place() for tile in tiles], model.tokens_per_tile)
    sizes = [pictures.bytes(attachment) for attachment in attachments]
    return Prompt(ids, slots, content, tiles, attachments, counts, sizes)


def fallbacks(
    counts: list[list[int]], earlier: int, pinned: Collection[int] = ()
) -> Iterator[list[list[int]]]:
    """Tile counts from everything down: of the `earlier` attachments the oldest give way first.

    Each falls to one tile (a video to its middle frame), and then each to none; the `pinned` ones
    only after all others.

    >>> list(fallbacks([[13], [7]], earlier=1))
    [[[13], [7]], [[1], [7]], [[0], [7]]]
    >>> list(fallbacks([[13], [7], [2]], earlier=2, pinned={0}))[1:4]
    [[[13], [1], [2]], [[13], [0], [2]], [[1], [0], [2]]]
    """
    yield counts
    loose = [number for number in range(earlier) if number not in pinned]
    kept = [number for number in range(earlier) if number in pinned]
    for numbers, one in ((loose, 1), (loose, 0), (kept, 1), (kept, 0)):
        for number in numbers:
            reduced = [0] * len(counts[number])
            reduced[len(reduced) // 2] = one
            if reduced != counts[number]:
                counts = [*counts[:number], reduced, *counts[number + 1 :]]
                yield counts
