"""The nano model's loss on a batch of samples."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from internvl.model import Model
from internvl.preprocessing import normalise
from internvl.training.samples import Sample


def batch_loss(model: Model, samples: list[Sample], frozen_tower: bool) -> tuple[Tensor, float]:
    """The square-averaged loss, and the share of learned tokens that is right."""
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
        tiles = torch.cat([sample.tiles for sample in samples])
        if len(tiles):
            features = visual_tokens(network, tiles.to(model.device), frozen_tower)
            slots = ids == model.image_token_id
            embeddings = embeddings.masked_scatter(slots[..., None], features.to(embeddings.dtype))
        hidden = network.model.language_model(inputs_embeds=embeddings).last_hidden_state
        wanted = weights[:, 1:] > 0
        scores = network.lm_head(hidden[:, :-1][wanted]).float()
    answers = ids[:, 1:][wanted]
    losses = F.cross_entropy(scores, answers, reduction="none")
    each = weights[:, 1:][wanted]
    right = (scores.argmax(-1) == answers).float().mean().item()
    return (losses * each).sum() / each.sum(), right


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
