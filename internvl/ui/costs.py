"""One line about what the next question will cost, from the engine's estimate."""

from collections.abc import Mapping

from internvl.engines.base import Estimate
from internvl.ui.html import fill

SOON = 1.0
"""Seconds under which a range is not told apart."""


def fits(estimate: Estimate, tiles: int) -> bool:
    """Whether the model sees all `tiles`, and the memory is there."""
    seen = sum(map(sum, estimate.tile_counts))
    needed, free = estimate.memory_bytes, estimate.free_bytes
    return seen >= tiles and (needed is None or free is None or needed <= free)


def draw_cost(estimate: Estimate, tiles: int, text: Mapping[str, str]) -> str:
    """The line's HTML, with a button to make it fit when it does not; nothing without tiles.

    `tiles` is what the conversation would have if there were room for all.
    """
    return fill("cost", facts=_facts(estimate, text), fits=fits(estimate, tiles), t=text)


def _facts(estimate: Estimate, text: Mapping[str, str]) -> list[str]:
    seen = sum(map(sum, estimate.tile_counts))
    share = 100 * estimate.prompt_tokens / estimate.context_tokens
    facts = [text["cost.one"] if seen == 1 else text["cost.tiles"].format(tiles=f"{seen:,}")]
    facts.append(text["cost.context"].format(percent=max(1, round(share))))
    facts.append(_wait(estimate.seconds, text))
    if estimate.memory_bytes is not None and estimate.free_bytes is not None:
        needed, free = (f"{b / 1e9:.1f}" for b in (estimate.memory_bytes, estimate.free_bytes))
        facts.append(text["cost.memory"].format(needed=needed, free=free))
    return facts


def _wait(seconds: tuple[float, float] | None, text: Mapping[str, str]) -> str:
    if seconds is None:
        return text["cost.unmeasured"]
    least, most = seconds
    if most < SOON:
        return text["cost.soon"].format(most=f"{max(0.1, most):.1f}")
    return text["cost.seconds"].format(least=f"{least:.1f}", most=f"{most:.1f}")
