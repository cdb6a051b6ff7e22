"""The learner spread over processes: whole in one, replicated (DDP), or sharded (FSDP2).

`"shard": true` in a recipe shards without any configuration of accelerate, on GPUs and (for tests)
on CPUs alike.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from internvl.training.network import choose_precision, new_optimizer
from internvl.training.stages import Recipe, Stage


class Distribution:
    """How one stage's learner and gradients are spread over the processes of an accelerator."""

    def __init__(self, recipe: Recipe, stage: Stage, accelerator: Accelerator) -> None:
        self._recipe, self._stage, self._accelerator = recipe, stage, accelerator

    def spread(self, learner: nn.Module) -> tuple[Any, torch.optim.Optimizer]:
        """Learner and optimizer on their devices."""
        if self._recipe.shard:
            shard(learner, choose_precision(self._recipe.precision, self._accelerator.device))
            return learner, new_optimizer(learner, self._stage, self._recipe)
        optimizer = new_optimizer(learner, self._stage, self._recipe)
        learner, prepared = self._accelerator.prepare(learner, optimizer)
        return learner, prepared.optimizer

    def pass_of(self, learner: Any, last: bool) -> AbstractContextManager[None]:
        """Around a forward and backward pass: gradients are exchanged in a step's last only."""
        if self._recipe.shard:
            learner.set_requires_gradient_sync(last)
            return nullcontext()
        if last:
            return nullcontext()
        quiet: AbstractContextManager[None] = self._accelerator.no_sync(learner)
        return quiet

    def clip(self, learner: nn.Module) -> float:
        """Limit the gradient's norm to the recipe's; returns the norm before."""
        most = self._recipe.max_gradient
        if not self._recipe.shard:
            return float(self._accelerator.clip_grad_norm_(list(learner.parameters()), most))
        norm: Any = nn.utils.clip_grad_norm_(learner.parameters(), most)
        return float(norm.full_tensor())


def shard(learner: nn.Module, precision: str = "no") -> None:
    """Shard a learner's layers over all processes, in place; gradients are averaged in float32.

    Layers are moved to the device one after the other, and only a process's own part stays. Inputs
    remain as they are: the loss's weights would lose precision.
    """
    whole: Any = learner
    dtype = torch.bfloat16 if precision == "bf16" else None
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    model = whole.network.model
    for layer in [*model.vision_tower.encoder.layer, *model.language_model.layers]:
        fully_shard(layer, mp_policy=policy)
    fully_shard(learner, mp_policy=replace(policy, cast_forward_inputs=False))
