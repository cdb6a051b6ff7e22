"""Show the fresh projector what its visual tokens are called.

The drawing knows which words belong to each visual token ("red", "circle", the letters on it), and
the language model has learned them already. Adding their embeddings to what the projector says
makes the first look at a picture like reading; without it, finding out where to look takes hours.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.model import Model
from internvl.preprocessing import normalise
from internvl.training.cells import CELLS
from internvl.training.pretrain import Example
from internvl.training.scenes.canvas import CHARACTERS, COLOURS, SHAPES


def word_table(model: Model) -> list[Tensor]:
    """Embeddings of shapes, characters and colours, (classes, hidden) each; nothing is zero."""
    network: Any = model.network
    embeddings: Tensor = network.get_input_embeddings().weight.detach()
    names = ([f" {s}" for s in SHAPES], list(CHARACTERS), [f" {c}" for c in COLOURS])
    tables = []
    for words in names:
        ids = [model.tokenizer.encode(word, add_special_tokens=False) for word in words]
        rows = [embeddings[own].sum(0) for own in ids]
        tables.append(torch.stack([torch.zeros_like(rows[0]), *rows]))
    return tables


def gloss_tokens(classes: Tensor, tables: list[Tensor], side: int) -> Tensor:
    """The mean words of the drawn cells under each visual token: (tiles, side * side, hidden)."""
    known = classes.long().clamp(min=0)
    words = sum(table[known[:, kind]] for kind, table in enumerate(tables))
    if not isinstance(words, Tensor):
        raise ValueError("no words to gloss with")
    drawn = (known[:, :2] > 0).any(1).float()
    group = CELLS // side
    tiles = len(classes)
    grouped = (words * drawn[..., None]).view(tiles, side, group, side, group, -1).sum((2, 4))
    count = drawn.view(tiles, side, group, side, group).sum((2, 4)).clamp(min=1)
    return (grouped / count[..., None]).flatten(1, 2)


def teach(
    model: Model, batches: Iterator[Example], steps: int, lr: float = 2e-3
) -> Iterator[float]:
    """Train the projector alone, yielding the share of the words it does not say yet."""
    inner: Any = model.network.model
    before = copy.deepcopy(inner.multi_modal_projector).requires_grad_(False)
    projector = inner.multi_modal_projector.requires_grad_(True)
    optimizers = _optimizers(projector, lr)
    tables = word_table(model)
    side = int(model.tokens_per_tile**0.5)
    for step in range(steps):
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = lr * min(1.0, (step + 1) / 20, 2 * (1 - step / steps))
        pixels, classes, _ = (tensor.to(model.device) for tensor in next(batches))
        with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16):
            patches = inner.vision_tower(normalise(pixels)).last_hidden_state[:, 1:]
        rows = int(patches.shape[1] ** 0.5)
        grid = patches.float().reshape(len(patches), rows, rows, -1)
        tokens = inner.pixel_shuffle(grid, scale_factor=0.5).flatten(1, 2)
        words = gloss_tokens(classes, tables, side)
        loss = F.mse_loss(projector(tokens), before(tokens) + words) / words.square().mean()
        projector.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        yield loss.item()


def _optimizers(projector: nn.Module, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for the rest."""
    matrices = [p for p in projector.parameters() if p.ndim == 2]
    others = [p for p in projector.parameters() if p.ndim < 2]
    return [
        torch.optim.Muon(matrices, lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr, weight_decay=0.0),
    ]
