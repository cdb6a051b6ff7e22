"""Train the nano model on conversations about scenes, phase by phase.

python -m internvl.training.instruct --output runs/nano/model --phase language --minutes 10

The language model first reads scenes in words ("language") and as visual tokens made from labels
("labels"). Then the fresh projector is warmed up (stage 1), for a while with the tower (stage 1.5);
it learns together with the language model while the tower is frozen, and at last everything trains
(stage 2). A run may be killed at any time and continues from its last checkpoint, with scenes not
drawn yet. Only a gloss that is stopped begins anew.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from internvl.model import Model
from internvl.training.batches import Batch, Batches
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry
from internvl.training.gloss import gloss
from internvl.training.label_projector import new_label_projector
from internvl.training.looking import keep_room
from internvl.training.network import save_whole
from internvl.training.optimizer import new_optimizers, save_atomically, schedule
from internvl.training.phases import PHASES, Phase
from internvl.training.pointing import Pointer
from internvl.training.starts import begin, build, join_tower


class Run:
    """One phase of training with its checkpoint, `phase-<name>.pt` in the output folder."""

    def __init__(
        self,
        model: Model,
        phase: Phase,
        output: Path,
        helpers: dict[str, dict[str, Tensor]] | None = None,
        first: int = 0,
    ) -> None:
        self.model, self.phase = model, phase
        self.path = output / f"phase-{phase.name}.pt"
        self.step, self.drawn = 0, first
        self.minutes = 0.0
        for name, parameter in model.network.named_parameters():
            trains = any(f"{part}." in name for part in phase.trains)
            parameter.requires_grad_(trains)
        self.keeps_room = "language_model" in phase.trains
        if self.keeps_room:
            keep_room(model.network)
        self.labels = None
        learners = nn.ModuleDict({"network": model.network})
        if phase.mixture.labels or phase.glosses:
            self.labels = new_label_projector(model)
            if phase.mixture.labels and not phase.keep_labels:
                learners["labels"] = self.labels
        self.pointer = Pointer(model).to(model.device) if phase.pointing else None
        if self.pointer:
            learners["pointer"] = self.pointer
        self._take(helpers or {})
        self.optimizers = new_optimizers(learners, phase.lr)
        self.average = self._weights() if phase.average else None
        if self.path.exists():
            self._restore()

    def train(self, minutes: float, workers: int, tokens: int, tiles: int) -> None:
        """Train until the phase or its time, of all runs together, is over, and save.

        The learning rate has fallen by then, whichever comes first.
        """
        if self.labels and self.phase.glosses and not self.path.exists():
            gloss(self.model, self.labels, self.phase, self.drawn, workers)
            self.average = self._weights() if self.average else None
            self.save()
        if self.labels and self.phase.keep_labels:
            self.labels.requires_grad_(False)
        before, done, first = self.minutes, 0, self.step
        began = time.monotonic() - 60 * before
        mean: dict[str, float] = {}
        for drawn, batch in self._batches(workers, tokens, tiles):
            self.minutes = (time.monotonic() - began) / 60
            over = max(self.step / self.phase.steps, self.minutes / minutes)
            if over >= 1:
                break
            figures = self._learn(batch, over)
            self._fold_in()
            self.step, self.drawn = self.step + 1, max(self.drawn, drawn)
            done += len(batch.ids)
            keep = min(0.97, 1 - 1 / (self.step - first))
            for name, value in figures.items():
                if value == value:
                    mean[name] = keep * mean.get(name, value) + (1 - keep) * value
            if self.step % 20 == 0:
                text = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
                rate = done / (60 * (self.minutes - before))
                name = self.phase.name
                print(f"{name} step {self.step} {text} samples/s {rate:.1f}", flush=True)
            if self.step % 100 == 0:
                self.save()
        self.save()

    def save(self) -> None:
        """Write weights, optimizers and the place in the data."""
        state: dict[str, Any] = {
            "network": self.model.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "drawn": self.drawn,
            "minutes": self.minutes,
        }
        own = {name: helper.state_dict() for name, helper in self._helpers()}
        state["helpers"] = self.handed_on | own
        if self.average:
            state["average"] = self.average
        save_atomically(state, self.path)

    def export(self, folder: Path) -> None:
        """Write the checkpoint folder in one step, in bf16, of the running mean if there is one."""
        if self.average:
            self.model.network.load_state_dict(self.average)
        torch.nn.Module.to(self.model.network, torch.bfloat16)
        save_whole(self.model, folder)

    def _weights(self) -> dict[str, Tensor]:
        state = self.model.network.state_dict()
        return {name: tensor.detach().clone() for name, tensor in state.items()}

    def _fold_in(self) -> None:
        """Move the running mean on by one step."""
        if self.average:
            keep = min(self.phase.average, self.step / (self.step + 1))
            for name, tensor in self.model.network.state_dict().items():
                self.average[name].lerp_(tensor, 1 - keep)

    def _learn(self, batch: Batch, over: float) -> dict[str, float]:
        schedule(self.optimizers, self.phase.lr, self.step, over)
        frozen, labelled = "vision_tower" not in self.phase.trains, self.phase.mixture.labels
        projector = self.labels if labelled else None
        losses = batch_loss(self.model, batch, frozen, projector, self.pointer)
        loss, figures = losses.loss, {"loss": losses.loss.item(), "right": losses.right.item()}
        for name, more, weight in (
            ("missed", losses.missed, self.phase.pointing),
            ("strayed", losses.strayed, self.phase.looking),
        ):
            if more is not None:
                loss, figures[name] = loss + weight * more, more.item()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        trained = [p for group in self.optimizers for g in group.param_groups for p in g["params"]]
        nn.utils.clip_grad_norm_(trained, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.keeps_room:
            keep_room(self.model.network)
        return figures

    def _helpers(self) -> list[tuple[str, nn.Module]]:
        """What trains along and is no part of the model, by name."""
        named = (("labels", self.labels), ("pointer", self.pointer))
        return [(name, helper) for name, helper in named if helper is not None]

    def _take(self, states: dict[str, dict[str, Tensor]]) -> None:
        """Take over helpers, and keep for later phases those that this one has no use for."""
        self.handed_on = states
        for name, helper in self._helpers():
            if name in states:
                helper.load_state_dict(states[name])

    def _batches(self, workers: int, tokens: int, tiles: int) -> Iterator[tuple[int, Batch]]:
        model, mixture = self.model, self.phase.mixture
        data = Batches(mixture, model.tokenizer, model.tokens_per_tile, self.drawn, tokens, tiles)
        options: Any = {"num_workers": workers, "prefetch_factor": 4} if workers else {}
        return iter(DataLoader(data, None, pin_memory=model.device.type == "cuda", **options))

    def _restore(self) -> None:
        state = torch.load(self.path, "cpu", weights_only=True)
        self.model.network.load_state_dict(state["network"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._take(state["helpers"])
        self.step, self.drawn, self.minutes = (state[key] for key in ("step", "drawn", "minutes"))
        if average := state.get("average"):
            self.average = {key: tensor.to(self.model.device) for key, tensor in average.items()}


def new_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--phase", choices=PHASES, required=True)
    parser.add_argument("--start", type=Path, help="an earlier phase's .pt, or a checkpoint folder")
    parser.add_argument("--tower", type=Path, help="a pre-trained vision tower")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--patch-size", type=int, default=28, choices=(14, 28))
    parser.add_argument("--downsample-ratio", type=float, default=0.5, choices=(0.5, 1.0))
    parser.add_argument("--minutes", type=float, default=1e9, help="at most; 0 only writes --save")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--first", type=int, default=0, help="first sample, unseen in earlier runs")
    parser.add_argument("--listen", type=int, help="steps; for a start without labels")
    for name in ("--steps", "--gloss", "--tower-gloss"):
        parser.add_argument(name, type=int)
    parser.add_argument("--keep-labels", action="store_true", default=None, help="see Phase")
    parser.add_argument("--tokens", type=int, default=6000)
    parser.add_argument("--tiles", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--save", type=Path, help="write the checkpoint folder here at the end")
    return parser


def main() -> None:
    """The command line."""
    parser = new_parser()
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    arguments.output.mkdir(parents=True, exist_ok=True)
    geometry = Geometry(arguments.patch_size, downsample_ratio=arguments.downsample_ratio)
    if arguments.steps == 0:
        parser.error("--steps is at least 1; --minutes 0 trains nothing")
    model = build(geometry, arguments.tokenizer, arguments.device)
    helpers: dict[str, dict[str, Tensor]] = {}
    if arguments.start:
        helpers = begin(model, arguments.start)
    if arguments.listen and "labels" in helpers:
        parser.error(f"{arguments.start} has a label projector: leave out --listen")
    if arguments.tower:
        join_tower(model, arguments.tower)
    given = ("steps", "lr", "listen", "gloss", "tower_gloss", "keep_labels")
    changes = {key: value for key in given if (value := getattr(arguments, key)) is not None}
    phase = replace(PHASES[arguments.phase], **changes)
    run = Run(model, phase, arguments.output, helpers, arguments.first)
    if arguments.minutes > 0:
        run.train(arguments.minutes, arguments.workers, arguments.tokens, arguments.tiles)
    if arguments.save:
        run.export(arguments.save)


if __name__ == "__main__":
    main()
