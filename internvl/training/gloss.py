"""The gloss: projector and tower learn to say what labels say; or labels learn it from them.

`teach` shows projector and tower what a `LabelProjector` says. `listen` goes the other way: a fresh
one learns what the projector of a trained model says, so that labels can go on from there.
"""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from internvl.model import Model
from internvl.training.forward import visual_tokens
from internvl.training.label_projector import LabelProjector, Labels, loudness
from internvl.training.muon import new_muon
from internvl.training.network import mixed_precision
from internvl.training.optimizer import new_optimizers
from internvl.training.phases import Phase
from internvl.training.pretrain import Example, Tiles

SOFT = 0.17  # standard deviation of visual tokens for which the steps of a gloss are of a good size
TOWER_RATE = 3e-4  # learning rate of the vision tower
BATCH = 24  # tiles
GLOSS_TILES = 900_000  # the first tile to gloss with: far from those of pre-training


def gloss(model: Model, labels: LabelProjector, phase: Phase, first: int, workers: int) -> None:
    """Do what a phase begins with, on tiles from number `first` on after `GLOSS_TILES`."""
    batches = iter(DataLoader(Tiles(GLOSS_TILES + first), BATCH, num_workers=workers))
    for name, steps, lesson in (
        ("listening", phase.listen, listen),
        ("gloss", phase.gloss, teach),
        ("gloss with the tower", phase.tower_gloss, partial(teach, tower_lr=TOWER_RATE)),
    ):
        if steps:
            for step, missing in enumerate(lesson(model, labels, batches, steps)):
                if step % 20 == 0:
                    print(f"{name}: step {step} missing {missing:.3f}", flush=True)


def teach(
    model: Model,
    labels: LabelProjector,
    batches: Iterator[Example],
    steps: int,
    lr: float = 2e-3,
    tower_lr: float = 0.0,
) -> Iterator[float]:
    """Train the projector to say what labels say, yielding the share it does not yet.

    With a `tower_lr` the vision tower learns along. Loud visual tokens are learned as soft ones and
    made loud at the end.
    """
    inner: Any = model.network.model
    projector, tower = inner.multi_modal_projector, inner.vision_tower
    frozen = [p for part in (projector, tower) for p in part.parameters() if not p.requires_grad]
    optimizers = _optimizers(projector.requires_grad_(True), lr)
    if tower_lr:
        optimizers += new_optimizers(tower.requires_grad_(True), tower_lr)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for group in groups:
        group["peak"] = group.get("rate", 1.0) * group["lr"]
    first = next(batches)
    with torch.no_grad():
        scale = max(1.0, _tell(labels, first).std().item() / SOFT)
    _scale(projector.linear_2, 1 / scale)
    try:
        for step, batch in zip(range(steps), chain([first], batches), strict=False):
            for group in groups:
                group["lr"] = group["peak"] * min(1.0, (step + 1) / 20, 2 * (1 - step / steps))
            with torch.no_grad():
                wanted = _tell(labels, batch) / scale
            loss = _miss(_say(model, batch, tower_lr > 0), wanted, len(batch[0]))
            projector.zero_grad()
            tower.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            for optimizer in optimizers:
                optimizer.step()
            yield loss.item()
    finally:
        _scale(projector.linear_2, scale)
        for parameter in frozen:
            parameter.requires_grad_(False)


def listen(
    model: Model, labels: LabelProjector, batches: Iterator[Example], steps: int, lr: float = 2e-3
) -> Iterator[float]:
    """Train labels to say what the projector says, yielding the share they do not yet.

    Where the tower sees badly they learn to speak as softly as it does on average.
    """
    loud = [p for name, p in labels.named_parameters() if not name.startswith("words")]
    groups: list[dict[str, Any]] = [
        {"params": [labels.words.weight]},
        {"params": loud, "lr": lr * loudness(model)},
    ]
    optimizer = torch.optim.AdamW(groups, lr, weight_decay=0.0)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _, batch in zip(range(steps), batches, strict=False):
        with torch.no_grad():
            said = _say(model, batch, False)
        loss = _miss(_tell(labels, batch), said, len(batch[0]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        falling.step()
        yield loss.item()


def _tell(labels: LabelProjector, batch: Example) -> Tensor:
    """What labels say of a batch (tiles * tokens, hidden)."""
    device = labels.places.device
    with mixed_precision(device):
        told: Tensor = labels(Labels(batch[1].to(device), batch[3].to(device))).float()
    return told


def _miss(said: Tensor, wanted: Tensor, tiles: int) -> Tensor:
    """The share of what is wanted that is not said: 1 for all.

    A tile counts by the root of what it has to say: a page of letters would drown a few large ones.
    """
    missed = (said - wanted).square().view(tiles, -1).mean(1)
    whole = (wanted - wanted.mean(0)).square().view(tiles, -1).mean(1)
    weights = whole.clamp(min=1e-12).rsqrt()
    return (weights * missed).sum() / (weights * whole).sum()


def _say(model: Model, batch: Example, tower_learns: bool) -> Tensor:
    """The visual tokens of a batch (tiles * tokens, hidden)."""
    with mixed_precision(model.device):
        said = visual_tokens(model.network, batch[0].to(model.device), not tower_learns)
    return said


def _scale(layer: nn.Module, factor: float) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(factor)


def _optimizers(projector: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest."""
    matrices = [p for p in projector.parameters() if p.ndim == 2]
    others = [p for p in projector.parameters() if p.ndim < 2]
    return [new_muon(matrices, lr), torch.optim.AdamW(others, lr, weight_decay=0.0)]
