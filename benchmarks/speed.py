"""How soon and how fast answers come, against the official flow and the plain transformers recipe.

    python -m benchmarks.speed             # nano in full, the 1B shape at 7 tiles: under 10 minutes
    python -m benchmarks.speed --full      # every figure of both

All flows run on the same weights and take turns within each round, so that a busy machine slows
them alike; what counts is the ratio. Writes benchmarks/results/speed*.json and prints Markdown.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from benchmarks.figures import RESULTS, Figure, table
from benchmarks.flows import official, official_tiles, ours, plain
from benchmarks.machine import machine, seconds_of
from benchmarks.material import endless, nano, one_b, write_clip, write_picture
from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine, Receipt
from internvl.engines.decoding import graphs_for
from internvl.model import Model
from internvl.preprocessing import (
    frame_indices,
    load_image,
    sample_frames,
    split_into_tiles,
    tiles_to_tensor,
)

FLOWS = ("ours", "official", "plain")
QUESTIONS = ("What is in the picture?", "Which colours do you see?", "How many shapes are there?")
SAID = "There are several shapes, a red circle among them."


class Chat:
    """Conversations about one picture, the same for every flow."""

    def __init__(self, picture: Path, max_tiles: int) -> None:
        self.settings = Settings(max_new_tokens=24, max_tiles=max_tiles)
        self._picture = Attachment(picture, "image", max_tiles=max_tiles)

    def turn(self, number: int) -> Conversation:
        """A new conversation whose open question is the one with this number, from 1."""
        turns = [
            Turn(QUESTIONS[n % 3], (self._picture,) if n == 0 else (), SAID) for n in range(number)
        ]
        turns[-1].answer = ""
        return Conversation(turns=turns)


class Bench:
    """One model with the flows on it; answers never end by themselves."""

    def __init__(
        self,
        name: str,
        model: Model,
        chat: Chat,
        flows: tuple[str, ...] = FLOWS,
        graphs: bool = False,
    ) -> None:
        self.name, self.chat = name, chat
        self.model = endless(model)
        self.recording: LocalEngine | None = None
        if graphs:
            self.recording = LocalEngine(lambda _: self.model, recorder_for=graphs_for)
        made = {"official": official(self.model), "plain": plain(self.model)}
        self.others = {flow: made[flow] for flow in made if flow in flows}

    def first_pieces(self, rounds: int, wanted: float, turns: tuple[int, ...]) -> list[Figure]:
        """Seconds to the first piece, and tokens a second after it."""
        names = ["picture prepared", *(f"turn {n}" for n in turns), "after retry", "after an edit"]
        figures = {
            name: Figure(f"{self.name}: first piece, {name}", wanted=wanted) for name in names
        }
        figures["cold"] = Figure(f"{self.name}: first piece, cold", wanted=0.9)
        figures["speed"] = Figure(f"{self.name}: decoding", "tokens/s", 1.0, True)
        for _ in range(rounds):
            self._ours(figures, turns)
            for flow, ask in self.others.items():
                opening = ask(self.chat.turn(1), self.chat.settings)
                figures["speed"].add(flow, opening.per_second)
                # They keep nothing: a first question costs the same whatever was done before.
                for name in ("picture prepared", "cold", "after retry", "after an edit"):
                    figures[name].add(flow, opening.first)
                for number in turns:
                    answer = ask(self.chat.turn(number), self.chat.settings)
                    figures[f"turn {number}"].add(flow, answer.first)
        return list(figures.values())

    def _ours(self, figures: dict[str, Figure], turns: tuple[int, ...]) -> None:
        """One round of the engine, with nothing kept from the round before."""
        settings = self.chat.settings
        opening = ours(self._forgetful())(self.chat.turn(1), settings)
        figures["cold"].add("ours", opening.first)
        figures["speed"].add("ours", opening.per_second)
        engine = self._forgetful()
        ask, conversation = ours(engine), self.chat.turn(1)
        for _ in engine.prepare(conversation, settings):
            pass
        figures["picture prepared"].add("ours", ask(conversation, settings).first)
        figures["after retry"].add("ours", ask(conversation, settings).first)
        conversation.turns[-1].question = "And what is the largest shape?"
        figures["after an edit"].add("ours", ask(conversation, settings).first)
        for number in turns:
            whole = self.chat.turn(number)
            before = self.chat.turn(number - 1)
            before.id = whole.id
            ask(before, settings)
            figures[f"turn {number}"].add("ours", ask(whole, settings).first)

    def _forgetful(self) -> LocalEngine:
        """An engine with nothing kept; always the same one where its decoding is recorded."""
        if self.recording is None:
            return LocalEngine(self.model)
        self.recording._visual.clear()
        self.recording._prefixes.clear()
        return self.recording

    def visitors(self, pictures: list[Path], rounds: int, prepared: bool) -> list[Figure]:
        """All at once against one after the other: throughput, and the last one's first word."""
        crowd = f"{self.name}: {len(pictures)} visitors{', prepared' if prepared else ''}"
        total = Figure(f"{crowd}, tokens of all", "tokens/s", 0.95, True, "in a queue")
        last = Figure(f"{crowd}, last first word", wanted=1 / 3, against="in a queue")
        fair = Figure(f"{crowd}, longest / median wait", "x")
        for _ in range(rounds):
            for name, together in (("ours", len(pictures)), ("in a queue", 1)):
                firsts, tokens, seconds = self._serve(pictures, together, prepared)
                total.add(name, tokens / seconds)
                last.add(name, max(firsts))
                if together > 1:
                    fair.add(name, max(firsts) / statistics.median(firsts))
        return [total, last, fair]

    def _serve(
        self, pictures: list[Path], together: int, prepared: bool
    ) -> tuple[list[float], int, float]:
        """First words (since the start), tokens in all, seconds in all."""
        engine, settings = self._forgetful(), self.chat.settings
        conversations = [
            Conversation(turns=[Turn(QUESTIONS[0], (Attachment(path, "image", max_tiles=6),))])
            for path in pictures
        ]
        for conversation in conversations if prepared else ():
            for _ in engine.prepare(conversation, settings):
                pass
        began = time.perf_counter()

        def visit(conversation: Conversation) -> tuple[float, int]:
            came = time.perf_counter() - began
            *_, receipt = engine.stream(conversation, settings)
            assert isinstance(receipt, Receipt)
            return came + receipt.seconds_to_first, receipt.generated_tokens

        with ThreadPoolExecutor(together) as pool:
            firsts, tokens = zip(*pool.map(visit, conversations), strict=True)
        return list(firsts), sum(tokens), time.perf_counter() - began


def pixels(folder: Path, rounds: int) -> list[Figure]:
    """A large JPEG to a tensor, and frames of a clip, against the usual ways."""
    photo = write_picture(folder / "photo.jpg", (4032, 3024))
    jpeg = Figure("12-megapixel JPEG to tensor, speed", "/s", 1.5, higher=True)
    for _ in range(rounds):
        jpeg.add("ours", 1 / seconds_of(_tiles, photo))
        jpeg.add("official", 1 / seconds_of(official_tiles, photo, 12))
    clip = write_clip(folder / "clip.mp4")
    frames = Figure("16 frames of a 60 s 720p clip", wanted=1.2, against="decord")
    warm = write_clip(folder / "warm-up.mp4", 1)
    sample_frames(warm, 16)
    _decord(warm)
    for number in range(rounds):  # a clip is known by its file: each round has a fresh one
        fresh = shutil.copyfile(clip, folder / f"clip-{number}.mp4")
        frames.add("ours", seconds_of(sample_frames, fresh, 16))
        frames.add("decord", seconds_of(_decord, fresh))
    return [jpeg, frames]


def _tiles(photo: Path) -> torch.Tensor:
    return tiles_to_tensor(split_into_tiles(load_image(photo), 12))


def _decord(clip: Path) -> None:
    import decord

    reader = decord.VideoReader(str(clip))
    reader.get_batch(frame_indices(len(reader), reader.get_avg_fps(), 16)).asnumpy()


@contextmanager
def material() -> Iterator[tuple[Path, Path]]:
    """A folder, and in it a picture of 7 tiles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield folder, write_picture(folder / "seven.png", (1344, 896))


def measure(full: bool, rounds: int) -> Iterator[list[Figure]]:
    """All figures of a run, part by part."""
    with material() as (folder, picture):
        chat = Chat(picture, 6)
        small = Bench("nano", nano(), chat)
        yield small.first_pieces(rounds, 0.15, (2, 5))
        eight = [write_picture(folder / f"{n}.png", (1344, 896), n) for n in range(8)]
        yield small.visitors(eight, rounds, prepared=True) + small.visitors(eight, rounds, False)
        yield pixels(folder, rounds)
        large = Bench("1B shape", one_b(), chat, FLOWS if full else FLOWS[:2])
        yield large.first_pieces(rounds, 0.02, (2, 5) if full else (2,))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("speed-full.json" if given.full else "speed.json")
    limits = machine()
    figures: list[Figure] = []
    for part in measure(given.full, given.rounds):
        figures += part
        content = {"machine": limits, "figures": [figure.to_json() for figure in figures]}
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
