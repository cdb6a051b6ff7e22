"""One line about what the next question will cost, from the engine's estimate."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil, floor

from internvl.chat import Attachment, Conversation
from internvl.engines.base import Estimate
from internvl.preprocessing import AttachmentError
from internvl.ui.clips import CLIPS
from internvl.ui.frames import SMALL
from internvl.ui.html import fill
from internvl.ui.tiles import count_tiles, display_copy, titles_of

_LITTLE = 0.05  # gigabytes that would read as 0.0


def fits(estimate: Estimate, tiles: int) -> bool:
    """Whether the model sees all `tiles`, and the memory is there."""
    seen = sum(map(sum, estimate.tile_counts))
    needed, free = estimate.memory_bytes, estimate.free_bytes
    return seen >= tiles and (needed is None or free is None or needed <= free)


@dataclass(frozen=True)
class Earlier:
    """An attachment of an earlier question, and in words how much the model sees of it now.

    `source` is a small copy of a picture, `key` asks for all of it; none of one that is gone.
    """

    title: str
    seen: str
    reduced: bool
    pinned: bool
    source: str = ""
    key: str = ""


def draw_cost(
    estimate: Estimate, ahead: Conversation, text: Mapping[str, str], tile_size: int = 448
) -> str:
    """The line's HTML, with a button to make it fit when it does not, and the earlier attachments.

    `ahead` is the conversation as it would be sent.
    """
    whole = [count_tiles(attachment, tile_size) for attachment in ahead.attachments]
    earlier = list(_earlier(estimate, ahead, whole, text))
    return fill(
        "cost",
        facts=_facts(estimate, text),
        fits=fits(estimate, sum(whole)),
        earlier=earlier,
        full=any(picture.reduced for picture in earlier),
        t=text,
    )


def _earlier(
    estimate: Estimate, ahead: Conversation, whole: Sequence[int], text: Mapping[str, str]
) -> Iterator[Earlier]:
    sent = sum(len(turn.attachments) for turn in ahead.turns[:-1])
    titles = titles_of(ahead.attachments, text)
    counted = zip(ahead.attachments, titles, estimate.tile_counts, whole, strict=True)
    for attachment, title, counts, tiles in islice(counted, sent):
        video = attachment.kind == "video"
        several, one = ("earlier.frames", "earlier.frame") if video else ("cost.tiles", "cost.one")
        seen = sum(counts)
        said = text[one] if seen == 1 else text[several].format(tiles=seen)
        words = said if seen else text["earlier.none"]
        yield Earlier(title, words, seen < tiles, attachment.pinned, *_small(attachment))


def _small(attachment: Attachment) -> tuple[str, str]:
    """A small copy of a picture, and its key."""
    with contextlib.suppress(AttachmentError):
        if attachment.kind == "image":
            return display_copy(str(attachment.path), SMALL), CLIPS.key(attachment.path)
    return "", ""


def _facts(estimate: Estimate, text: Mapping[str, str]) -> list[str]:
    seen = sum(map(sum, estimate.tile_counts))
    share = 100 * estimate.prompt_tokens / estimate.context_tokens
    facts = [text["cost.one"] if seen == 1 else text["cost.tiles"].format(tiles=f"{seen:,}")]
    facts.append(_wait(estimate.seconds, text))
    facts.append(text["cost.context"].format(percent=max(1, round(share))))
    if estimate.memory_bytes is not None and estimate.free_bytes is not None:
        needed, free = (b / 1e9 for b in (estimate.memory_bytes, estimate.free_bytes))
        key = "cost.memory" if needed >= _LITTLE else "cost.little"
        facts.append(text[key].format(needed=f"{needed:.1f}", free=f"{free:.1f}"))
    return facts


def _wait(seconds: tuple[float, float] | None, text: Mapping[str, str]) -> str:
    """Both ends as measured, the range not narrowed by rounding: to 0.1 s, under a second 0.01."""
    if seconds is None:
        return text["cost.unmeasured"]
    least, most = seconds
    parts = 10 if most >= 1 else 100
    ends = {"least": floor(least * parts), "most": ceil(most * parts)}
    key = "cost.seconds" if ends["least"] else "cost.within"
    return text[key].format(**{name: f"{end / parts:g}" for name, end in ends.items()})
