"""The nano model's loss on a batch of samples."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.model import Model
from internvl.preprocessing import normalise
from internvl.training.label_projector import Labels
from internvl.training.samples import Sample


def batch_loss(
    model: Model, samples: list[Sample], frozen_tower: bool, projector: nn.Module | None = None
) -> tuple[Tensor, float]:
    """The square-averaged loss, and the share of learned tokens that is right.

    `projector` makes visual tokens of samples that have labels instead of pixels.
    """
    network = model.network
    length = max(len(sample.ids) for sample in samples)
    ids = torch.zeros(len(samples), length, dtype=torch.long)
    weights = torch.zeros(len(samples), length)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        learned = torch.tensor(sample.learned)
        weights[row, : len(learned)] = learned / learned.sum().clamp(min=1).sqrt()
    ids, weights = ids.to(model.device), weights.to(model.device)
    with torch.autocast(model.device.type, torch.bfloat16):
        embeddings = network.get_input_embeddings()(ids)
        if sum(sample.tile_count for sample in samples):
            features = _visual_tokens(model, samples, frozen_tower, projector)
            slots = ids == model.image_token_id
            embeddings = embeddings.masked_scatter(slots[..., None], features.to(embeddings.dtype))
        seen = sight(samples, length) if any(sample.parts for sample in samples) else {}
        seen = {name: tensor.to(model.device) for name, tensor in seen.items()}
        hidden = network.model.language_model(inputs_embeds=embeddings, **seen).last_hidden_state
        wanted = weights[:, 1:] > 0
        scores = network.lm_head(hidden[:, :-1][wanted]).float()
    answers = ids[:, 1:][wanted]
    losses = F.cross_entropy(scores, answers, reduction="none")
    each = weights[:, 1:][wanted]
    right = (scores.argmax(-1) == answers).float().mean().item()
    return (losses * each).sum() / each.sum(), right


def sight(samples: list[Sample], length: int) -> dict[str, Tensor]:
    """What each token sees `(samples, 1, length, length)`, and its position `(samples, length)`.

    Parts other than 0 begin at the same position, right after part 0.
    """
    parts = torch.zeros(len(samples), length, dtype=torch.long)
    positions = torch.arange(length).repeat(len(samples), 1)
    for row, sample in enumerate(samples):
        own = torch.tensor(sample.parts, dtype=torch.long)
        parts[row, : len(own)] = own
        begins = torch.searchsorted(own, own)  # parts are in order
        begins[own == 0] = 0
        shared = int((own == 0).sum())
        positions[row, : len(own)] -= begins - shared * (own > 0)
    before = torch.ones(length, length, dtype=torch.bool).tril()
    same = (parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])
    return {"attention_mask": (before & same)[:, None], "position_ids": positions}


def _visual_tokens(
    model: Model, samples: list[Sample], frozen_tower: bool, projector: nn.Module | None
) -> Tensor:
    if projector is None:
        tiles = torch.cat([sample.tiles for sample in samples]).to(model.device)
        return visual_tokens(model.network, tiles, frozen_tower)
    labels = [sample.labels for sample in samples if sample.labels]
    together = (torch.cat(parts).to(model.device) for parts in zip(*labels, strict=True))
    seen: Tensor = projector(Labels(*together))
    return seen


def visual_tokens(network: Any, tiles: Tensor, frozen_tower: bool) -> Tensor:
    """`(tiles * tokens, hidden)`; a frozen tower keeps no gradients and works in slices."""
    inner = network.model
    with torch.set_grad_enabled(not frozen_tower and torch.is_grad_enabled()):
        slices = torch.split(tiles, 16) if frozen_tower else (tiles,)
        seen = [inner.vision_tower(normalise(part)).last_hidden_state[:, 1:] for part in slices]
    patches = torch.cat(seen)
    side = int(patches.shape[1] ** 0.5)
    grid = patches.reshape(len(patches), side, side, -1)
    shuffled = inner.pixel_shuffle(grid, scale_factor=network.config.downsample_ratio)
    projected: Tensor = inner.multi_modal_projector(shuffled.flatten(1, 2))
    return projected.flatten(0, 1)
