"""How soon and how fast answers come, against the official flow and the plain transformers recipe.

    python -m benchmarks.speed             # nano in full, the 1B shape at 7 tiles: under 10 minutes
    python -m benchmarks.speed --full      # every figure of both

All flows run on the same weights and take turns within each round, so that a busy machine slows
them alike; what counts is the ratio. Writes benchmarks/results/speed-*.json and prints Markdown.
"""

import argparse
import json
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.flows import Flow, official, official_tiles, ours, plain
from benchmarks.material import nano, one_b, write_clip, write_picture
from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine, Text
from internvl.model import Model
from internvl.preprocessing import (
    frame_indices,
    load_image,
    sample_frames,
    split_into_tiles,
    tiles_to_tensor,
)

RESULTS = Path(__file__).parent / "results"
QUESTIONS = ("What is in the picture?", "Which colours do you see?", "How many shapes are there?")
SAID = "There are several shapes, a red circle among them."


@dataclass
class Figure:
    """One comparison: a number per round for each flow, and the ratio that is aimed at.

    The ratio is ours / the other's; `wanted` is its upper bound, or its lower one with `higher`.
    """

    name: str
    unit: str = "s"
    wanted: float | None = None
    higher: bool = False
    against: str = "official"
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, flow: str, value: float) -> None:
        """One round's number."""
        self.values.setdefault(flow, []).append(value)

    def ratios(self) -> list[float]:
        """Ours over the other's, round by round."""
        pairs = zip(self.values.get("ours", []), self.values.get(self.against, []), strict=True)
        return [own / other for own, other in pairs]

    def row(self) -> str:
        """A line of the table."""
        medians = {flow: statistics.median(values) for flow, values in self.values.items()}
        cells = [f"{medians[f]:.3g} {self.unit}" if f in medians else "" for f in _FLOWS]
        ratios = self.ratios()
        if not ratios:
            return f"| {self.name} | {' | '.join(cells)} | | | |"
        middle = statistics.median(ratios)
        sign = "≥" if self.higher else "≤"
        reached = middle >= (self.wanted or 0) if self.higher else middle <= (self.wanted or 0)
        wanted = f"{sign} {self.wanted:g}" if self.wanted else ""
        verdict = "" if self.wanted is None else "reached" if reached else "**missed**"
        spread = f"{middle:.3g} ({min(ratios):.3g}-{max(ratios):.3g})"
        return f"| {self.name} | {' | '.join(cells)} | {spread} | {wanted} | {verdict} |"


_FLOWS = ("ours", "official", "plain")


class Chat:
    """Conversations about one picture, the same for every flow."""

    def __init__(self, picture: Path, max_tiles: int) -> None:
        self.settings = Settings(max_new_tokens=24, max_tiles=max_tiles)
        self._picture = Attachment(picture, "image", max_tiles=max_tiles)

    def turn(self, number: int, question: str = "") -> Conversation:
        """A new conversation whose open question is the one with this number, from 1."""
        turns = [
            Turn(QUESTIONS[n % 3], (self._picture,) if n == 0 else (), SAID) for n in range(number)
        ]
        turns[-1].answer = ""
        turns[-1].question = question or turns[-1].question
        return Conversation(turns=turns)


class Bench:
    """One model with the flows on it."""

    def __init__(self, name: str, model: Model, chat: Chat, flows: tuple[str, ...]) -> None:
        self.name, self.model, self.chat = name, model, chat
        self.engine = LocalEngine(model)
        made: dict[str, Flow] = {
            "ours": ours(self.engine),
            "official": official(model),
            "plain": plain(model),
        }
        self.flows = {flow: made[flow] for flow in _FLOWS if flow in flows}

    def first_pieces(self, rounds: int, wanted: float, turns: tuple[int, ...]) -> list[Figure]:
        """Seconds to the first piece: prepared, cold, on later turns, after retry and edit."""
        prepared = Figure(f"{self.name}: first piece, picture prepared", wanted=wanted)
        cold = Figure(f"{self.name}: first piece, cold", wanted=0.9)
        speed = Figure(f"{self.name}: decoding", "tokens/s", 1.0, higher=True, against="plain")
        later = {n: Figure(f"{self.name}: first piece, turn {n}", wanted=wanted) for n in turns}
        again = Figure(f"{self.name}: first piece after retry", wanted=wanted)
        edited = Figure(f"{self.name}: first piece after an edit", wanted=wanted)
        for _ in range(rounds):
            for flow, ask in self.flows.items():
                self._forget()
                opening = ask(self.chat.turn(1), self.chat.settings)
                cold.add(flow, opening.first)
                speed.add(flow, opening.per_second)
                if flow == "ours":
                    self._forget()
                    self._prepare(conversation := self.chat.turn(1))
                    prepared.add(flow, ask(conversation, self.chat.settings).first)
                    again.add(flow, ask(conversation, self.chat.settings).first)
                    conversation.turns[-1].question = "And what is the largest shape?"
                    edited.add(flow, ask(conversation, self.chat.settings).first)
                else:  # they keep nothing: every first question is a cold one
                    for figure in (prepared, again, edited):
                        figure.add(flow, opening.first)
                for number, figure in later.items():
                    at_turn = self._at_turn if flow == "ours" else self.chat.turn
                    figure.add(flow, ask(at_turn(number), self.chat.settings).first)
        return [prepared, cold, *later.values(), again, edited, speed]

    def _forget(self) -> None:
        self.engine._visual.clear()
        self.engine._prefixes.clear()

    def _prepare(self, conversation: Conversation) -> None:
        for _ in self.engine.prepare(conversation, self.chat.settings):
            pass

    def _at_turn(self, number: int) -> Conversation:
        """The conversation before its question is sent, the turns before it answered here."""
        self._forget()
        conversation = self.chat.turn(number)
        before = Conversation(id=conversation.id, turns=list(conversation.turns[:-1]))
        before.turns[-1] = Turn(before.turns[-1].question, before.turns[-1].attachments)
        for _ in self.engine.stream(before, self.chat.settings):
            pass
        return conversation

    def visitors(self, pictures: list[Path], rounds: int) -> list[Figure]:
        """Eight at once against one after the other: throughput, and the last one's first word."""
        total = Figure(
            f"{self.name}: {len(pictures)} visitors, tokens of all",
            "tokens/s", 0.95, higher=True, against="queue",
        )  # fmt: skip
        last = Figure(
            f"{self.name}: {len(pictures)} visitors, last first word", wanted=1 / 3, against="queue"
        )
        fair = Figure(f"{self.name}: {len(pictures)} visitors, longest / median wait", "x")
        for _ in range(rounds):
            for name, together in (("ours", True), ("queue", False)):
                self._forget()
                firsts, tokens, seconds = self._serve(pictures, together)
                total.add(name, tokens / seconds)
                last.add(name, max(firsts))
                if together:
                    fair.add(name, max(firsts) / statistics.median(firsts))
        return [total, last, fair]

    def _serve(self, pictures: list[Path], together: bool) -> tuple[list[float], int, float]:
        """First words (since the start), tokens in all, seconds in all."""
        began = time.perf_counter()
        firsts: list[float] = []
        tokens: list[int] = []

        def visit(picture: Path) -> None:
            attachment = Attachment(picture, "image", max_tiles=6)
            conversation = Conversation(turns=[Turn(QUESTIONS[0], (attachment,))])
            first = 0.0
            for event in self.engine.stream(conversation, self.chat.settings):
                if isinstance(event, Text) and not first:
                    first = time.perf_counter() - began
            firsts.append(first)
            tokens.append(event.generated_tokens)  # type: ignore[union-attr]

        threads = [threading.Thread(target=visit, args=(picture,)) for picture in pictures]
        for thread in threads:
            thread.start()
            if not together:
                thread.join()
        for thread in threads:
            thread.join()
        return firsts, sum(tokens), time.perf_counter() - began


def pixels(folder: Path, rounds: int) -> list[Figure]:
    """A large JPEG to a tensor, and frames of a clip, against the usual ways."""
    photo = write_picture(folder / "photo.jpg", (4032, 3024))
    jpeg = Figure("12-megapixel JPEG to tensor, speed", "/s", 1.5, higher=True)
    for _ in range(rounds):
        for flow, make in (("ours", _tiles), ("official", lambda p: official_tiles(p, 12))):
            jpeg.add(flow, 1 / _seconds(lambda make=make: make(photo)))  # type: ignore[misc]
    clip = write_clip(folder / "clip.mp4")
    frames = Figure("16 frames of a 60 s 720p clip", wanted=1.2, against="decord")
    sample_frames(clip, 16)
    for _ in range(rounds):
        frames.add("ours", _seconds(lambda: sample_frames(clip, 16)))
        frames.add("decord", _seconds(lambda: _decord(clip)))
    return [jpeg, frames]


def _tiles(photo: Path) -> torch.Tensor:
    return tiles_to_tensor(split_into_tiles(load_image(photo), 12))


def _decord(clip: Path) -> None:
    import decord

    reader = decord.VideoReader(str(clip), num_threads=1)
    reader.get_batch(frame_indices(len(reader), reader.get_avg_fps(), 16)).asnumpy()


def machine() -> dict[str, Any]:
    """What this is measured on, and what it can do at best: products, and reading of memory."""
    left = torch.randn(2048, 2048, dtype=torch.bfloat16)
    seconds = min(_seconds(lambda: left @ left) for _ in range(5))
    matrix = torch.randn(64, 1024, 8192, dtype=torch.bfloat16)
    vector = torch.randn(8192, 1, dtype=torch.bfloat16)
    reading = min(_seconds(lambda: matrix @ vector) for _ in range(5))
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("torch", "transformers", "pillow")},
        "gemm_bf16_gflops": 2 * 2048**3 / seconds / 1e9,
        "memory_gb_per_second": matrix.nbytes / reading / 1e9,
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _material() -> Iterator[tuple[Path, Path]]:
    """A folder, and in it a picture of 7 tiles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder, write_picture(folder / "seven.png", (1344, 896))


def measure(full: bool, rounds: int) -> list[Figure]:
    """All figures of a run."""
    with _material() as (folder, picture):
        chat = Chat(picture, 6)
        small = Bench("nano", nano(), chat, _FLOWS)
        found = small.first_pieces(rounds, 0.15, (2, 5))
        eight = [write_picture(folder / f"{n}.png", (1344, 896), n) for n in range(8)]
        found += small.visitors(eight, rounds) + pixels(folder, rounds)
        del small
        turns = (2, 5) if full else (2,)
        flows = _FLOWS if full else ("ours", "official")
        large = Bench("1B shape", one_b(), chat, flows)
        return found + large.first_pieces(rounds, 0.02, turns)


def table(figures: list[Figure]) -> str:
    """Markdown: medians of each flow, and the ratio with its spread over the rounds."""
    lines = [
        f"| figure | {' | '.join(_FLOWS)} | ratio (spread) | aim | |",
        "|---|" + "---|" * (len(_FLOWS) + 3),
    ]
    return "\n".join(lines + [figure.row() for figure in figures])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    limits = machine()
    figures = measure(given.full, given.rounds)
    RESULTS.mkdir(exist_ok=True)
    plain_values = [{**figure.__dict__, "ratios": figure.ratios()} for figure in figures]
    content = {"machine": limits, "rounds": given.rounds, "figures": plain_values}
    name = "speed-full.json" if given.full else "speed.json"
    (RESULTS / name).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
