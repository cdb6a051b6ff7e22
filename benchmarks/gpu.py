"""Speed on a GPU, with decoding as CUDA graphs, against the official flow: python -m benchmarks.gpu

Writes benchmarks/results/gpu.json after every part, and prints Markdown.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import RESULTS, Figure, table
from benchmarks.flows import ours
from benchmarks.machine import machine
from benchmarks.material import nano, one_b, write_picture
from benchmarks.speed import QUESTIONS, Bench, Chat, material
from internvl.chat import Attachment, Conversation, Turn
from internvl.engines import LocalEngine
from internvl.model import Model

MODELS: tuple[tuple[str, Callable[[str], Model], float], ...] = (
    ("1B shape", one_b, 0.02),
    ("nano", nano, 0.15),
)
ROUNDS = 2


def measure(folder: Path, picture: Path) -> Iterator[list[Figure]]:
    """All figures, model by model; a round before the first one is not counted."""
    pictures = [write_picture(folder / f"{n}.png", (1344, 896), n) for n in range(8)]
    for name, load, wanted in MODELS:
        began = time.perf_counter()
        bench = Bench(name, load("cuda"), Chat(picture, 6), ("official",), graphs=True)
        loaded = Figure(f"{name}: loading and recording")
        assert bench.recording is not None
        _ = bench.recording.model
        loaded.add("ours", time.perf_counter() - began)
        first = Figure(f"{name}: the first round, another room recorded")
        began = time.perf_counter()
        bench.first_pieces(1, wanted, (2,))
        first.add("ours", time.perf_counter() - began)
        figures = bench.first_pieces(ROUNDS, wanted, (2,))
        speed = next(figure for figure in figures if figure.name.endswith("decoding"))
        speed.wanted = 2.0
        yield [loaded, first, *figures]
        plain = Figure(f"{name}: decoding with --no-cuda-graphs", "tokens/s", 1.0, True)
        plain.values["official"] = speed.values["official"]
        batch = Figure(f"{name}: 8 answers as a batch", "tokens/s", 1.0, True, "one by one")
        engine = LocalEngine(bench.model)
        ours(engine)(bench.chat.turn(1), bench.chat.settings)
        for _ in range(ROUNDS):
            plain.add("ours", ours(engine)(bench.chat.turn(1), bench.chat.settings).per_second)
        yield [plain]
        for _ in range(ROUNDS):
            _compare_batch(batch, bench, pictures)
        yield [batch]


def _compare_batch(figure: Figure, bench: Bench, pictures: list[Path]) -> None:
    """Tokens of all answers by the seconds from the first Send to the last word."""
    settings, engine = bench.chat.settings, LocalEngine(bench.model)
    conversations = [
        Conversation(turns=[Turn(QUESTIONS[0], (Attachment(path, "image", max_tiles=6),))])
        for path in pictures
    ]
    for conversation in conversations:  # pictures are known to both
        for _ in engine.prepare(conversation, settings):
            pass
    began = time.perf_counter()
    answers = engine.answer_batch(conversations, settings)
    tokens = sum(receipt.generated_tokens for _, receipt in answers)
    figure.add("ours", tokens / (time.perf_counter() - began))
    for conversation in conversations:
        engine.forget(conversation.id)
    began = time.perf_counter()
    tokens = sum(len(ours(engine)(conversation, settings).ids) for conversation in conversations)
    figure.add("one by one", tokens / (time.perf_counter() - began))


def main() -> None:
    """The command line."""
    RESULTS.mkdir(exist_ok=True)
    limits, figures = machine("cuda"), []
    with material() as (folder, picture):
        for part in measure(folder, picture):
            figures += part
            content = {"machine": limits, "figures": [figure.to_json() for figure in figures]}
            (RESULTS / "gpu.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")
            print(table(part), flush=True)


if __name__ == "__main__":
    main()
