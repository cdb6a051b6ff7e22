"""What the processes bring to one optimizer step, exchanged before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator

from internvl.training.packing import Batch


@dataclass(frozen=True)
class Shares:
    """Sums over all processes; `passes` is the most forward passes of any.

    `weight` is the sum of the loss's weights, by which every process divides. `done` counts samples
    of the stage, `places` and `unpacked` those of the rows as they are and unpacked. `stop` is set
    when any process wants to.
    """

    passes: int
    weight: float
    samples: int
    sequences: int
    tokens: int
    places: int
    unpacked: int
    done: int
    stop: bool


def agree(batches: Sequence[Batch], done: int, stop: bool, accelerator: Accelerator) -> Shares:
    """The shares of all processes together; each calls this with its own."""
    weight = sum(float(batch.weights.sum(dtype=torch.float64)) for batch in batches)
    counts = [
        sum(getattr(batch, name) for batch in batches)
        for name in ("samples", "sequences", "tokens", "places", "unpacked")
    ]
    device = accelerator.device
    precise = torch.float32 if device.type == "mps" else torch.float64  # MPS has no more
    own = torch.tensor([[len(batches), weight, *counts, done, stop]], dtype=precise, device=device)
    table = accelerator.gather(own)
    samples, sequences, tokens, places, unpacked, done, stops = map(int, table[:, 2:].sum(0))
    passes, total = int(table[:, 0].max()), float(table[:, 1].sum())
    return Shares(passes, total, samples, sequences, tokens, places, unpacked, done, bool(stops))
