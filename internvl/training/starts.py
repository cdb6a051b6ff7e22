"""What a phase of the nano model's training starts from."""

from pathlib import Path

import torch
from torch import Tensor

from internvl.model import Model, new_model
from internvl.training.geometry import Geometry, original_config
from internvl.training.induction import start_repeating
from internvl.training.label_projector import loudness
from internvl.training.looking import BRING, start_looking
from internvl.training.network import open_model

_NORM = "model.language_model.norm.weight"
_PATCHES = "model.multi_modal_projector.layer_norm.weight"
SOFTLY = 0.1  # of a fresh layer's outputs: some ten times as large as fresh embeddings of words


def build(geometry: Geometry, tokenizer: Path, device: str = "cpu") -> Model:
    """A fresh model for tokenizer files already written."""
    config = original_config(geometry, tokenizer)
    model = new_model(config, tokenizer, "nano", device=device)
    model.network.model.vision_tower.set_attn_implementation("eager")
    start_repeating(model.network)
    start_looking(model.network)
    return model


def read_start(start: Path) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """The weights in a phase's .pt file (their running mean if it has one), and its helpers'.

    A checkpoint folder has no helpers.
    """
    if start.is_dir():
        return open_model(start).network.state_dict(), {}
    state = torch.load(start, "cpu", weights_only=True)
    return state.get("average") or state["network"], state["helpers"]


def begin(model: Model, start: Path) -> dict[str, dict[str, Tensor]]:
    """Take the weights of `read_start`, and return its helpers: none where they were narrower.

    Raises ValueError where it had other visual tokens, or more than the width is different.
    """
    weights, helpers = read_start(start)
    if len(weights[_PATCHES]) != len(model.network.state_dict()[_PATCHES]):
        raise ValueError(
            f"{start} was made with other visual tokens: other patches, or joined otherwise."
        )
    if len(weights[_NORM]) < len(model.network.state_dict()[_NORM]):
        widen(model, weights)
        return {}
    model.network.load_state_dict(weights)
    return helpers


@torch.no_grad()
def widen(model: Model, weights: dict[str, Tensor]) -> None:
    """Take a narrower language model's weights, which then says what it said.

    It gets more heads, fresh and silent, and hidden states with more numbers, which nothing uses
    but these heads. Raises ValueError where more than that is different.
    """
    state, words = model.network.state_dict(), "model.language_model.embed_tokens.weight"
    if weights.keys() != state.keys() or len(weights[words]) != len(state[words]):
        raise ValueError("Only a model with as many layers and words can be widened.")
    for name, own in state.items():
        old = weights[name]
        block = tuple(slice(size) for size in old.shape)
        if name.endswith("norm.weight") and old.shape != own.shape:
            own.fill_(old.mean())
            own[block] = old
            own.mul_((len(old) / len(own)) ** 0.5)  # the mean square is taken over more numbers
            continue
        if any(part in name for part in ("q_proj", "k_proj", "v_proj", "linear_1")):
            own[: len(old)] = 0
        else:
            own.zero_()
        own[block] = old
    # Words that grew loud are heard by layers that speak louder still, by about as much again.
    start_looking(model.network, BRING * loudness(model) ** 2)


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
