"""How the wait for the first piece grows with turns, tiles and frames, ours and the official flow.

    python -m benchmarks.growth            # nano: about 3 minutes on two cores

Pictures are prepared and earlier turns answered before Send, as in the app. Writes
benchmarks/results/growth.json and docs/speed-growth.png.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib import pyplot

from benchmarks.figures import RESULTS
from benchmarks.flows import Flow, official, ours
from benchmarks.machine import machine
from benchmarks.material import endless, nano, write_clip, write_picture
from benchmarks.speed import QUESTIONS, SAID, material
from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine
from internvl.model import Model
from internvl.preprocessing import choose_grid

SETTINGS = Settings(max_new_tokens=2)
PICTURE = Path("docs/speed-growth.png")
SQUARE = (2240, 2240)


@dataclass
class Series:
    """Seconds to the first piece of both flows for each size of the prompt."""

    name: str
    seconds: dict[str, dict[int, list[float]]] = field(
        default_factory=lambda: {"ours": {}, "official": {}}
    )

    def add(self, flow: str, size: int, seconds: float) -> None:
        """One round's seconds."""
        self.seconds[flow].setdefault(size, []).append(seconds)

    def medians(self, flow: str) -> dict[int, float]:
        """By size."""
        return {size: statistics.median(each) for size, each in self.seconds[flow].items()}


def conversation(attachment: Attachment, turns: int) -> Conversation:
    """A chat about one attachment whose turn number `turns` is open."""
    asked = [Turn(QUESTIONS[n % 3], (attachment,) if n == 0 else (), SAID) for n in range(turns)]
    asked[-1].answer = ""
    return Conversation(turns=asked)


def measure(model: Model, folder: Path, picture: Path, rounds: int) -> Iterator[Series]:
    """The three series."""
    flow = official(model)
    turns, tiles, frames = Series("turns"), Series("tiles"), Series("frames")
    clip = write_clip(folder / "clip.mp4", 8)
    square = write_picture(folder / "square.png", SQUARE)
    for _ in range(rounds):
        for count in range(1, 9):
            _compare(model, flow, turns, count, Attachment(picture, "image", max_tiles=6), count)
        for most in (1, 4, 9, 16):
            seen = choose_grid(*SQUARE, most).tiles
            _compare(model, flow, tiles, seen, Attachment(square, "image", max_tiles=most), 2)
        for count in (4, 8, 16, 32):
            _compare(model, flow, frames, count, Attachment(clip, "video", max_frames=count), 2)
    yield from (turns, tiles, frames)


def _compare(
    model: Model, flow: Flow, series: Series, size: int, attachment: Attachment, turns: int
) -> None:
    """One question to both; ours has had the turns before it."""
    engine = LocalEngine(model)
    asked = conversation(attachment, turns)
    if turns > 1:
        before = conversation(attachment, turns - 1)
        before.id = asked.id
        ours(engine)(before, SETTINGS)
    for _ in engine.prepare(asked, SETTINGS):
        pass
    series.add("ours", size, ours(engine)(asked, SETTINGS).first)
    series.add("official", size, flow(asked, SETTINGS).first)


def draw(series: list[Series], path: Path) -> None:
    """A plot per series, seconds on a logarithmic axis."""
    figure, plots = pyplot.subplots(1, len(series), figsize=(11, 3.4), sharey=True)
    for axes, one in zip(plots, series, strict=True):
        for name in one.seconds:
            found = one.medians(name)
            axes.plot(list(found), list(found.values()), marker="o", label=name)
        axes.set(xlabel=one.name, yscale="log")
        axes.grid(alpha=0.3)
    plots[0].set_ylabel("seconds to the first piece")
    plots[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with material() as (folder, picture):
        series = list(measure(endless(nano()), folder, picture, given.rounds))
    for one in series:
        for flow in one.seconds:
            found = ", ".join(f"{size}: {s:.3g} s" for size, s in one.medians(flow).items())
            print(f"{one.name}, {flow}: {found}")
    draw(series, PICTURE)
    content = {"machine": machine(), "series": {one.name: one.seconds for one in series}}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "growth.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
