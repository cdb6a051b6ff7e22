"""What a phase of the nano model's training starts from."""

from pathlib import Path

import torch
from torch import Tensor

from internvl.model import Model, new_model
from internvl.training.geometry import Geometry, original_config
from internvl.training.induction import start_repeating
from internvl.training.label_projector import loudness
from internvl.training.network import open_model

SOFTLY = 0.1  # of a fresh layer's outputs: some ten times as large as fresh embeddings of words


def build(geometry: Geometry, tokenizer: Path, device: str = "cpu") -> Model:
    """A fresh model for tokenizer files already written."""
    config = original_config(geometry, tokenizer)
    model = new_model(config, tokenizer, "nano", device=device)
    model.network.model.vision_tower.set_attn_implementation("eager")
    start_repeating(model.network)
    return model


def read_start(start: Path) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """The weights in a phase's .pt file (their running mean if it has one), and its helpers'.

    A checkpoint folder has no helpers.
    """
    if start.is_dir():
        return open_model(start).network.state_dict(), {}
    state = torch.load(start, "cpu", weights_only=True)
    return state.get("average") or state["network"], state["helpers"]


def join_tower(model: Model, path: Path) -> None:
    """Take the vision tower, and nothing else, from its pre-training, with a fresh projector.

    That one speaks softly at first: as loud as words, so that the gloss can be heard.
    """
    state = torch.load(path, "cpu", weights_only=True)["model"]
    own = {
        k.removeprefix("tower."): v
        for k, v in state.items()
        if k.startswith("tower.") and ".layernorm." not in k
    }
    model.network.model.vision_tower.load_state_dict(own)
    projector = model.network.model.multi_modal_projector
    for layer in (projector.layer_norm, projector.linear_1, projector.linear_2):
        layer.reset_parameters()
    with torch.no_grad():
        projector.linear_2.weight.mul_(SOFTLY * loudness(model))
        projector.linear_2.bias.zero_()
