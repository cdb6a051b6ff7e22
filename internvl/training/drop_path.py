"""Stochastic depth in the vision tower: whole branches of a layer are left out at random.

The native layers don't have it, so hooks put it behind each layer's attention and MLP; they act in
training mode only and are gone afterwards. The rate rises from 0 at the first layer to its full
value at the last, as in the official vision tower.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def drop_path(vision_tower: nn.Module, rate: float) -> Iterator[None]:
    """While this is open, training passes leave out branches, each tile on its own."""
    tower: Any = vision_tower
    layers = tower.encoder.layer
    rates = torch.linspace(0, rate, len(layers)).tolist()
    with ExitStack() as stack:
        for layer, own in zip(layers, rates, strict=True):
            if own:
                for branch in (layer.attention, layer.mlp):
                    handle = branch.register_forward_hook(partial(_drop, own))
                    stack.callback(handle.remove)
        yield


def _drop(rate: float, branch: nn.Module, inputs: Any, output: Any) -> Any:
    """A hook that keeps a tile's branch with probability 1 - rate, scaled up to the same mean."""
    if not branch.training:
        return None
    if isinstance(output, tuple):
        return (_keep(output[0], rate), *output[1:])
    return _keep(output, rate)


def _keep(hidden: Tensor, rate: float) -> Tensor:
    kept = hidden.new_empty(len(hidden), 1, 1).bernoulli_(1 - rate)
    return hidden * (kept / (1 - rate))
