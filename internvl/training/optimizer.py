"""Optimizers, schedule and atomic checkpoints of the nano model's runs."""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from internvl.training.muon import new_muon

MUON_RATE = 4.0  # times AdamW's: an orthogonal update of the same size goes less far
RATES = {  # the same, of parameters by a part of their name
    "patch_embeddings": 0.1,  # a flat patch adds up thousands of equal inputs, and so their updates
    "pointer": 5.0,  # what it reads is a small part of the hidden states
}


def new_optimizers(model: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for everything else that trains."""
    matrices: list[nn.Parameter] = []
    rated: dict[float, list[nn.Parameter]] = {1.0: []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim == 2 and ".layer" in name:
            matrices.append(parameter)
        else:
            rate = next((rate for part, rate in RATES.items() if part in name), 1.0)
            rated.setdefault(rate, []).append(parameter)
    groups = [{"params": some, "rate": rate} for rate, some in rated.items() if some]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr, betas=(0.9, 0.98), weight_decay=0.01)
    ]
    if matrices:
        optimizers.append(new_muon([{"params": matrices, "rate": MUON_RATE}], lr))
    return optimizers


def schedule(optimizers: list[torch.optim.Optimizer], lr: float, step: int, done: float) -> None:
    """Warm up over 100 steps, hold, and fall to a twentieth over the last quarter.

    `done` is the fraction of the training that is over.
    """
    left = max(0.05, min(1.0, (1 - done) / 0.25))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * lr * min(1.0, (step + 1) / 100) * left


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that a kill at any moment leaves the old or the new one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    torch.save(state, partial)
    partial.replace(path)
