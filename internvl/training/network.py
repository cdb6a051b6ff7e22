"""The model of a stage: opened, taken apart into what trains and what doesn't, and written back."""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from internvl.model.checkpoint import Model, read_checkpoint
from internvl.model.errors import ModelError
from internvl.model.placement import fast_in_bfloat16
from internvl.model.source import find_checkpoint, read_json
from internvl.model.weights import Placement
from internvl.training.stages import Recipe, RecipeError, Stage


def open_model(name_or_folder: str | Path, dtype: torch.dtype | None = None) -> Model:
    """A model of one's own on the CPU, float32 by default (`load_model`'s is shared).

    Raises ModelError.
    """
    folder = find_checkpoint(name_or_folder)
    placement = Placement({"": "cpu"}, dtype or torch.float32)
    return read_checkpoint(folder, folder.name, placement)


def mixed_precision(device: torch.device | str) -> torch.autocast:
    """bfloat16 where the device is fast in it; else everything is computed in float32."""
    fast = fast_in_bfloat16(device)
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=fast)


def choose_precision(wanted: str, device: torch.device) -> str:
    """The precision of a recipe, but "no" (float32) on a device that is slow in bfloat16."""
    return wanted if fast_in_bfloat16(device) else "no"


def parts(network: nn.Module) -> dict[str, list[nn.Module]]:
    """The modules of each part that a stage can train."""
    whole: Any = network
    return {
        "vision_tower": [whole.model.vision_tower],
        "projector": [whole.model.multi_modal_projector],
        "language_model": [whole.model.language_model, whole.lm_head],
    }


def take_vision_tower(network: nn.Module, name_or_folder: str | Path) -> None:
    """Replace the vision tower's weights by those of another checkpoint (progressive scaling).

    Raises RecipeError when the towers differ in shape.
    """
    whole: Any = network
    other: Any = open_model(name_or_folder).network
    own, new = whole.model.vision_tower.state_dict(), other.model.vision_tower.state_dict()
    shapes = [{name: tuple(t.shape) for name, t in state.items()} for state in (own, new)]
    if shapes[0] != shapes[1]:
        names = sorted(k for k in {**own, **new} if shapes[0].get(k) != shapes[1].get(k))
        raise RecipeError(
            f"the vision tower of {name_or_folder} has another shape: {len(names)} tensors differ, "
            f"{names[0]} is {shapes[0].get(names[0])} here and {shapes[1].get(names[0])} there"
        )
    whole.model.vision_tower.load_state_dict(new)


def set_training(network: nn.Module, stage: Stage, recipe: Recipe) -> None:
    """Freeze what the stage does not train, and turn gradient checkpointing on or off."""
    whole: Any = network
    whole.train()
    if not stage.lora:
        for name, modules in parts(network).items():
            for module in modules:
                module.requires_grad_(name in stage.trains)
    if "vision_tower" not in stage.trains:
        whole.model.vision_tower.eval()
    if recipe.attention != "sdpa":
        whole.set_attn_implementation(recipe.attention)
    if recipe.gradient_checkpointing:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            whole.gradient_checkpointing_enable({"use_reentrant": False})


def new_optimizer(network: nn.Module, stage: Stage, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over what trains; norms, biases and other vectors don't decay."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": stage.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=recipe.betas)


def write_model(start: Path, weights: dict[str, torch.Tensor], folder: Path) -> None:
    """A checkpoint folder like `start` (layout, precision, tokenizer) with other weights."""
    model = open_model(start, stored_dtype(start))
    model.network.load_state_dict(weights)
    save_whole(model, folder)


def save_whole(model: Model, folder: Path) -> None:
    """`Model.save` in one step."""
    with written_whole(folder) as partial:
        model.save(partial)


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` in the end.

    A kill leaves none that looks finished. Raises ModelError where it holds anything else than a
    checkpoint or an adapter.
    """
    folder = folder.absolute()
    known = any((folder / f"{name}.json").is_file() for name in ("config", "adapter_config"))
    if folder.is_dir() and any(folder.iterdir()) and not known:
        raise ModelError(f"{folder} holds something else; choose a new folder.")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def stored_dtype(folder: Path) -> torch.dtype:
    """The precision a checkpoint is stored in; float32 where its config.json doesn't say."""
    config = read_json(folder / "config.json")
    name = config.get("torch_dtype") or config.get("dtype") or "float32"
    dtype: torch.dtype = getattr(torch, name)
    return dtype
