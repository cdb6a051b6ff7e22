"""Where the time of one prefill and one decode step goes, and what share of the machine it is.

    python -m benchmarks.profiles          # nano and the 1B shape: about 4 minutes on two cores

"Before" is the official flow (all tiles and the whole prompt), "after" the engine whose picture is
prepared (the question alone), "cold" one that knows nothing yet. Products are held against the
machine's best product of matrices, decoding against its reading of memory. Writes
benchmarks/results/profiles.json, prints Markdown.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.figures import RESULTS
from benchmarks.flows import official, ours
from benchmarks.machine import machine
from benchmarks.material import endless, nano, one_b
from benchmarks.speed import Chat, material
from internvl.engines import LocalEngine
from internvl.engines.memory import PREFILL
from internvl.model import Model

SHOWN = 6
"""Operations named of each profile, those that take the longest."""


MORE = 32
"""Tokens after the first one whose mean is one decode step."""


def top_operations(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds that each of the longest operations takes itself, and all of them."""
    work()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        work()
    rows = sorted(profiler.key_averages(), key=lambda row: row.self_cpu_time_total, reverse=True)
    found = {row.key: row.self_cpu_time_total / 1000 for row in rows[:SHOWN]}
    return {**found, "all": sum(row.self_cpu_time_total for row in rows) / 1000}


def profiles(model: Model, chat: Chat) -> Iterator[tuple[str, dict[str, float]]]:
    """One prefill, cold and before and after, and one decode step."""
    engine = LocalEngine(model)
    conversation = chat.turn(1)
    once = replace(chat.settings, max_new_tokens=1)
    yield (
        "to the first piece, cold",
        top_operations(lambda: ours(LocalEngine(model))(conversation, once)),
    )
    for name, flow in (("before", official(model)), ("after", ours(engine))):
        one, two = (
            top_operations(partial(flow, conversation, replace(chat.settings, max_new_tokens=n)))
            for n in (1, 1 + MORE)
        )
        yield f"to the first piece, {name}", one
        step = {key: (value - one.get(key, 0.0)) / MORE for key, value in two.items()}
        yield f"one more token, {name}", step


def shares(model: Model, limits: dict[str, Any]) -> dict[str, float]:
    """Of the machine's limit: products while reading a tile and a piece, memory while decoding."""
    network: Any = model.network
    config = network.config
    side = config.vision_config.image_size[0]
    pixels = torch.zeros(1, 3, side, side, dtype=model.dtype)
    piece = torch.zeros(1, PREFILL, dtype=torch.long)
    language = network.model.language_model
    known = language(piece, use_cache=True).cache
    best = limits["gemm_bf16_gflops"] * 1e9

    def decode() -> None:
        hidden = language(piece[:, :1], cache=known, use_cache=True).last_hidden_state
        network.lm_head(hidden)

    works: dict[str, Callable[[], object]] = {
        "reading a tile": partial(network.get_image_features, pixels),
        "reading 256 places": partial(language, piece),
    }
    found = {}
    for name, work in works.items():
        with FlopCounterMode(display=False) as counter:
            work()
        found[f"{name}, share of products"] = counter.get_total_flops() / seconds(work) / best
    weights = sum(p.nbytes for p in language.layers.parameters()) + network.lm_head.weight.nbytes
    rate = weights / seconds(decode) / 1e9
    found["decoding, share of memory"] = rate / limits["memory_gb_per_second"]
    return found


def seconds(work: Callable[[], object], times: int = 7) -> float:
    """The least of several."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    """Measure and write."""
    limits = machine()
    content: dict[str, Any] = {"machine": limits}
    for name, model in (("nano", nano()), ("1B shape", one_b())):
        with torch.inference_mode(), material() as (_, picture):
            found = {"shares": shares(model, limits)}
            found |= dict(profiles(endless(model), Chat(picture, 6)))
        content[name] = found
        for title, row in found.items():
            print(
                f"| {name} | {title} | " + ", ".join(f"{k} {v:.3g}" for k, v in row.items()) + " |"
            )
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "profiles.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
