"""Pre-train the vision tower: every patch predicts what was drawn under it.

python -m internvl.training.pretrain --output runs/nano/tower --steps 2000

Continues where it stopped when the output folder has a checkpoint; a run may be killed at any time.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset

from internvl.preprocessing import compress, normalise
from internvl.training.cells import CellHead, cell_loss, cut_regions, label_cells
from internvl.training.geometry import Geometry, new_tower
from internvl.training.network import mixed_precision, open_model
from internvl.training.optimizer import new_optimizers, save_atomically, schedule
from internvl.training.preparation import JPEG_QUALITY, JPEG_SHARE
from internvl.training.scenes import draw

MIXTURE = {
    "crowd": 4.0,
    "single": 0.5,
    "objects": 2.0,
    "text": 3.5,
    "strings": 3.5,
    "documents": 1.0,
    "charts": 1.0,
    "photo": 0.7,
}
HEAD_FIRST = 300  # steps
WHITENING_TILES = 10**6  # the first tile to whiten with: far from those of the training

Example = tuple[Tensor, Tensor, Tensor, Tensor]


class Tiles(IterableDataset[Example]):
    """Single tiles `(3, 448, 448)` uint8, each with its `Targets`."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def __iter__(self) -> Iterator[Example]:
        info = torch.utils.data.get_worker_info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        number = self.first + start
        while True:
            yield draw_tile(number, "train")
            number += step


def draw_tile(number: int, split: str) -> Example:
    """The tile with this number."""
    rng = random.Random(f"{split} tile {number}")
    kind = rng.choices(list(MIXTURE), list(MIXTURE.values()))[0]
    canvas = rng.choice(draw(kind, number, split, seed=1).canvases)
    fine = rng.random() < (0.9 if kind == "documents" else 0.3)
    region = rng.choice(cut_regions(canvas.size, rng.choice((6, 12, 12)) if fine else 1))
    tile = canvas.image.resize((448, 448), Image.Resampling.BICUBIC, box=region)
    if rng.random() < JPEG_SHARE:
        tile = compress(tile, rng.randint(*JPEG_QUALITY))
    targets = label_cells(canvas.marks, region)
    pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1)
    classes, offsets, edges = map(torch.from_numpy, targets)
    return pixels, classes, offsets, edges


def whiten(tower: nn.Module, pixels: Tensor, least: float = 0.01) -> None:
    """Let the patch embedding start as the whitened main components of drawn patches.

    Raw pixels of a patch are nearly equal, so that a fresh embedding sees brightness and little
    else; from whitened ones shapes and letters are learned several times sooner. `pixels` are tiles
    `(tiles, 3, 448, 448)` uint8 with more patches than a patch has values; `least` is added to each
    component's variance, so that those without content are not blown up.
    """
    projection = cast(Any, tower).embeddings.patch_embeddings.projection
    size, width = projection.kernel_size[0], projection.out_channels
    patches = F.unfold(normalise(pixels), size, stride=size).transpose(1, 2).flatten(0, 1)
    mean = patches.mean(0)
    patches = patches - mean
    variances, directions = torch.linalg.eigh(patches.T @ patches / len(patches))
    weight = (directions[:, -width:] / (variances[-width:] + least).sqrt()).T
    with torch.no_grad():
        projection.weight.copy_(weight.view_as(projection.weight))
        projection.bias.copy_(-weight @ mean)


@dataclass
class Progress:
    """Running means for the log."""

    began: float
    values: dict[str, float]

    def update(self, new: dict[str, float]) -> None:
        """Fold in one step's figures; missing ones (NaN) change nothing."""
        for name, value in new.items():
            if value == value:
                self.values[name] = 0.97 * self.values.get(name, value) + 0.03 * value

    def minutes(self) -> float:
        """How long it has been."""
        return (time.monotonic() - self.began) / 60

    def line(self, step: int, done: int) -> str:
        """One line of the log."""
        rate = done / (60 * self.minutes())
        figures = " ".join(f"{name} {value:.3f}" for name, value in self.values.items())
        return f"step {step} {figures} tiles/s {rate:.1f}"


class TowerTraining:
    """Dense supervision of a vision tower, which it changes in place.

    For `head_first` steps the fresh head learns alone, so that it doesn't spoil a trained tower.
    """

    def __init__(
        self,
        tower: nn.Module,
        patch_size: int,
        lr: float,
        device: str = "cpu",
        head_first: int = 0,
    ) -> None:
        width = cast(Any, tower).config.hidden_size
        head = CellHead(width, patch_size).to(device)
        self.both = nn.ModuleDict({"tower": tower, "head": head})
        self.lr, self.device, self.head_first = lr, device, head_first
        self.step, self.minutes = 0, 0.0
        self.optimizers = new_optimizers(self.both, lr)

    def learn(self, batch: Example, done: float) -> dict[str, float]:
        """One step on a batch of tiles; `done` is the fraction of the training that is over."""
        pixels, *targets = (tensor.to(self.device) for tensor in batch)
        alone = self.step < self.head_first
        schedule(self.optimizers, self.lr, self.step - (0 if alone else self.head_first), done)
        with mixed_precision(self.device):
            with torch.set_grad_enabled(not alone):
                patches = self.both["tower"](normalise(pixels)).last_hidden_state[:, 1:]
            predicted = self.both["head"](patches)
        loss, right = cell_loss(predicted, *targets)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.both.parameters(), 2.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        return {"loss": loss.item(), **right}

    def state(self) -> dict[str, Any]:
        """Weights, optimizers and how many steps and minutes it took."""
        return {
            "model": self.both.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "head_first": self.head_first,
            "minutes": self.minutes,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a `state`."""
        self.both.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.minutes = state["step"], state["minutes"]
        self.head_first = state["head_first"]


def train(
    training: TowerTraining, output: Path, steps: int, minutes: float, batch: int, workers: int
) -> None:
    """Train up to `steps` steps, for `minutes` at most, both of all runs; saves `tower.pt`."""
    path = output / "tower.pt"
    if path.exists():
        training.restore(torch.load(path, "cpu", weights_only=True))
    prefetch = 2 if workers else None
    tiles = Tiles(training.step * batch)
    loader = iter(DataLoader(tiles, batch, num_workers=workers, prefetch_factor=prefetch))
    progress, first = Progress(time.monotonic(), {}), training.step
    before = training.minutes
    while (over := max(training.step / steps, training.minutes / minutes)) < 1:
        training.minutes = before + progress.minutes()
        progress.update(training.learn(next(loader), over))
        if training.step % 20 == 0:
            print(progress.line(training.step, (training.step - first) * batch), flush=True)
        if training.step % 100 == 0:
            save_atomically(training.state(), path)
    save_atomically(training.state(), path)


def new_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="go on from a checkpoint folder's vision tower")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=1e9, help="at most")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--patch-size", type=int, default=28, choices=(14, 28))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    return parser


def main() -> None:
    """The command line."""
    arguments = new_parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    tower = new_tower(Geometry(patch_size=arguments.patch_size)).to(arguments.device)
    if arguments.start:
        trained = open_model(arguments.start).network.model.vision_tower.state_dict()
        tower.load_state_dict(trained, strict=False)  # it has no norm after the last layer
    else:
        whiten(tower, next(iter(DataLoader(Tiles(WHITENING_TILES), 64)))[0].to(arguments.device))
    head_first = HEAD_FIRST if arguments.start else 0
    training = TowerTraining(
        tower, arguments.patch_size, arguments.lr, arguments.device, head_first
    )
    limits = arguments.steps, max(arguments.minutes, 1e-9)
    train(training, arguments.output, *limits, arguments.batch, arguments.workers)


if __name__ == "__main__":
    main()
