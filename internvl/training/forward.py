"""The nano model's loss on a batch of samples."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.model import Model
from internvl.preprocessing import normalise
from internvl.training.batches import Batch, sight
from internvl.training.looking import stray
from internvl.training.network import mixed_precision
from internvl.training.pointing import Pointer

SLICE = 64  # tiles that a frozen tower sees at once on a GPU; a quarter of them on a CPU


class Losses(NamedTuple):
    """The square-averaged loss, the share of learned tokens right, and what a `Pointer` misses.

    With a pointer, also how far the looking heads stray. These two are None where no place is told,
    or no look.
    """

    loss: Tensor
    right: Tensor
    missed: Tensor | None
    strayed: Tensor | None


def batch_loss(
    model: Model,
    batch: Batch,
    frozen_tower: bool,
    projector: nn.Module | None = None,
    pointer: Pointer | None = None,
) -> Losses:
    """What a batch costs.

    `projector` makes visual tokens of samples that have labels instead of pixels.
    """
    network = model.network
    batch = batch.to(model.device)
    ids, weights = batch.ids, batch.weights
    with mixed_precision(model.device):
        embeddings = network.get_input_embeddings()(ids)
        if batch.tile_count:
            if projector is None:
                features = visual_tokens(network, batch.tiles, frozen_tower)
            else:
                features = projector(batch.labels)
            slots = ids == model.image_token_id
            embeddings = embeddings.masked_scatter(slots[..., None], features.to(embeddings.dtype))
        seen: dict[str, Any] = {"output_hidden_states": True} if pointer else {}
        if batch.parts is not None:
            seen |= {"attention_mask": sight(batch.parts), "position_ids": batch.positions}
        output = network.model.language_model(inputs_embeds=embeddings, **seen)
        hidden = output.last_hidden_state
        wanted = weights[:, 1:] > 0
        scores = network.lm_head(hidden[:, :-1][wanted]).float()
    answers = ids[:, 1:][wanted]
    losses = F.cross_entropy(scores, answers, reduction="none")
    each = weights[:, 1:][wanted]
    right = (scores.argmax(-1) == answers).float().mean()
    missed = strayed = None
    if pointer and len(batch.pointed):
        told = ~batch.places[:, 0].isnan()
        if told.any():
            missed = pointer(output.hidden_states, batch.pointed[told], batch.places[told])
        strayed = stray(network, output.hidden_states, batch)
    return Losses((losses * each).sum() / each.sum(), right, missed, strayed)


def visual_tokens(network: Any, tiles: Tensor, frozen_tower: bool) -> Tensor:
    """`(tiles * tokens, hidden)`; a frozen tower keeps no gradients and works in slices."""
    inner = network.model
    size = SLICE if tiles.is_cuda else SLICE // 4
    with torch.set_grad_enabled(not frozen_tower and torch.is_grad_enabled()):
        slices = torch.split(tiles, size) if frozen_tower else (tiles,)
        seen = [inner.vision_tower(normalise(part)).last_hidden_state[:, 1:] for part in slices]
    patches = torch.cat(seen)
    side = int(patches.shape[1] ** 0.5)
    grid = patches.reshape(len(patches), side, side, -1)
    shuffled = inner.pixel_shuffle(grid, scale_factor=network.config.downsample_ratio)
    projected: Tensor = inner.multi_modal_projector(shuffled.flatten(1, 2))
    return projected.flatten(0, 1)
