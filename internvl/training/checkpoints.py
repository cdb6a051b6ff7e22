"""Checkpoints of a running stage: written whole or not at all, by all processes together.

    checkpoints/step-00000100/   weights and optimizer; rank-0.json, rank-1.json, ...

A checkpoint is written beside and renamed when every process is done, and only then the one before
is deleted: a kill at any moment leaves the last whole one.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

_NAME = "step-{:08d}"


class Checkpoints:
    """The checkpoints of one stage in `folder`, as one of `processes` processes sees them."""

    def __init__(self, folder: Path, rank: int = 0, processes: int = 1) -> None:
        self.folder, self._rank, self._processes = folder, rank, processes

    def latest(self) -> Path | None:
        """The last whole one."""
        return max(self.folder.glob("step-*"), default=None)

    def save(
        self, step: int, learner: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
    ) -> None:
        """Write one; `state` is this process's own and must be JSON values."""
        partial = self.folder / f".{_NAME.format(step)}.partial"
        if self._rank == 0:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        _wait()
        with warnings.catch_warnings(action="ignore"):
            save(_tensors(learner, optimizer), checkpoint_id=partial)
        state = {"processes": self._processes, **state}
        (partial / f"rank-{self._rank}.json").write_text(json.dumps(state), "utf-8")
        _wait()
        if self._rank == 0:
            whole = self.folder / _NAME.format(step)
            shutil.rmtree(whole, ignore_errors=True)
            partial.rename(whole)
            self._remove_before(whole)
        _wait()

    def restore(
        self, path: Path, learner: nn.Module, optimizer: torch.optim.Optimizer
    ) -> dict[str, Any]:
        """Load a checkpoint and return this process's state.

        Raises ValueError when it was written by another number of processes.
        """
        state: dict[str, Any] = json.loads((path / "rank-0.json").read_text("utf-8"))
        if state["processes"] != self._processes:
            raise ValueError(
                f"{path} was written by {state['processes']} processes, and these are "
                f"{self._processes}: continue with as many as before"
            )
        tensors = _tensors(learner, optimizer)
        with warnings.catch_warnings(action="ignore"):
            load(tensors, checkpoint_id=path)
            set_state_dict(
                learner,
                optimizer,
                model_state_dict=tensors["model"],
                optim_state_dict=tensors["optimizer"],
                options=StateDictOptions(ignore_frozen_params=True, strict=False),
            )
        text = (path / f"rank-{self._rank}.json").read_text("utf-8")
        own: dict[str, Any] = json.loads(text)
        return own

    def remove(self) -> None:
        """Delete them all, when the stage is finished."""
        _wait()
        if self._rank == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_before(self, last: Path) -> None:
        for path in [*self.folder.glob("step-*"), *self.folder.glob(".step-*")]:
            if path != last:
                shutil.rmtree(path)


def whole_weights(learner: nn.Module) -> dict[str, torch.Tensor]:
    """All weights of the network on the CPU, complete on rank 0 (elsewhere possibly empty)."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights: dict[str, Any] = get_model_state_dict(learner, options=options)
    return {name.removeprefix("network."): tensor for name, tensor in weights.items()}


def _tensors(learner: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """What trains, with the optimizer's state."""
    options = StateDictOptions(ignore_frozen_params=True)
    model, state = get_state_dict(learner, optimizer, options=options)
    return {"model": model, "optimizer": state}


def _wait() -> None:
    """Until every process is here."""
    if dist.is_initialized():
        dist.barrier()
