"""The pictures of docs/nano.md: how training went, and what the embedded model gets wrong.

python -m benchmarks.nano_pictures curves runs/nano/*.log --output docs/nano-everything.png
python -m benchmarks.nano_pictures failures --model assets/nano --output docs/nano-failures.png
"""

import argparse
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from PIL import Image

from internvl.model import load_model
from internvl.training.evaluate import TASKS, Item, answer_items, draw_items
from internvl.training.scores import is_right

_STEP = re.compile(r"(?:(\w+) )?step (\d+) (.*)")
_FIGURE = re.compile(r"([\w/-]+) ([\d.]+)")


def read_figures(log: Path) -> dict[str, list[tuple[int, float]]]:
    """What a log of `pretrain` or `instruct` says at each step, by "part figure"."""
    figures: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in log.read_text("utf-8").splitlines():
        if found := _STEP.match(line):
            part, step, rest = found[1] or log.stem, int(found[2]), found[3]
            for name, value in _FIGURE.findall(rest):
                figures[f"{part} {name}"].append((step, float(value)))
    return figures


def draw_curves(logs: list[Path], output: Path) -> None:
    """Left losses and what is missed or strayed, right the shares that are right, over steps."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    colours: dict[str, str] = {}
    for log in logs:
        for name, points in read_figures(log).items():
            part, _, kind = name.rpartition(" ")
            colour = colours.setdefault(part, f"C{len(colours)}")
            if kind.endswith("/s") or kind == "missing":
                continue
            axes = left if kind.endswith(("loss", "missed", "strayed")) else right
            dashes = {"missed": "--", "strayed": ":"}.get(kind, "-")
            label = name.removesuffix(" loss")
            axes.plot(*zip(*points, strict=True), dashes, color=colour, label=label)
    left.set(title="loss", xlabel="step", yscale="log")
    right.set(title="share right in training", xlabel="step", ylim=(0, 1))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(output, dpi=110)


def find_failures(folder: str, samples: int) -> Iterator[tuple[str, Item, str]]:
    """The first wrong answer of each task: task, question, answer."""
    model = load_model(folder)
    for task in TASKS:
        items = [item for item in draw_items(task, samples, seed=1) if item.scene.canvases]
        for item in items:
            [answer] = answer_items(model, [item], 12)
            if not is_right(item.asked.task, answer, item.asked.answer):
                yield task, item, answer
                break


def draw_failures(folder: str, samples: int, output: Path) -> None:
    """A picture of each failure with the question, the answer and what was right."""
    failures = list(find_failures(folder, samples))
    rows = -(-len(failures) // 3)
    figure, grid = pyplot.subplots(rows, 3, figsize=(12, 4.6 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (task, item, answer) in zip(grid.flat, failures, strict=False):
        axes.imshow(np.asarray(_beside([canvas.image for canvas in item.scene.canvases[:4]])))
        said = f"{task}: {item.asked.question or item.asked.region}\n"
        said += f"answer: {answer}\nright: {item.asked.answer}"
        lines = [part for line in said.splitlines() for part in textwrap.wrap(line[:110], 48)]
        axes.set_title("\n".join(lines), fontsize=9, loc="left")
    figure.tight_layout()
    figure.savefig(output, dpi=80)


def _beside(pictures: list[Image.Image]) -> Image.Image:
    """Pictures in one, at one height."""
    scaled = [p.resize((round(320 * p.width / p.height), 320)) for p in pictures]
    whole = Image.new("RGB", (sum(p.width for p in scaled) + 8 * (len(scaled) - 1), 320), "white")
    left = 0
    for picture in scaled:
        whole.paste(picture, (left, 0))
        left += picture.width + 8
    return whole


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("curves", "failures"))
    parser.add_argument("logs", type=Path, nargs="*", help="for curves: what the parts printed")
    parser.add_argument("--model", default="assets/nano")
    parser.add_argument("--samples", type=int, default=30, help="questions to search per task")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.what == "curves":
        draw_curves(given.logs, given.output)
    else:
        draw_failures(given.model, given.samples, given.output)


if __name__ == "__main__":
    main()
