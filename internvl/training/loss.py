"""What is minimised: `sum(w * l) / sum(w)` over the learned tokens of a step.

A token of a sample with x learned tokens weighs 1 ("token"), 1 / x ("sample") or 1 / x^0.5
("square", the published choice: long answers count more, but not in proportion; arXiv 2412.05271,
section 3.4). The sum of weights runs over all sequences and processes of a step, so that the
gradient does not depend on how the step was cut up.
"""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from internvl.preprocessing import normalise

if TYPE_CHECKING:
    from internvl.training.packing import Batch


def sample_weight(learned: int, loss: str) -> float:
    """The weight of each token of a sample with so many learned tokens; 0 if there are none.

    >>> [sample_weight(4, loss) for loss in ("token", "sample", "square")]
    [1.0, 0.25, 0.5]
    """
    if not learned:
        return 0.0
    return {"token": 1.0, "sample": 1 / learned, "square": 1 / math.sqrt(learned)}[loss]


class Learner(nn.Module):
    """The network with its loss, as one module that can be replicated or sharded.

    The language model's head, which makes 150,000 numbers of each place, runs on learned places
    only and in pieces of `piece` places that are computed again in the backward pass.
    """

    def __init__(self, network: nn.Module, piece: int = 1024) -> None:
        super().__init__()
        self.network = network
        self.piece = piece

    def forward(
        self, ids: Tensor, positions: Tensor, targets: Tensor, weights: Tensor, tiles: Tensor
    ) -> Tensor:
        """The weighted sum of losses of a batch, a float32 scalar."""
        network: Any = self.network
        unused = self._unused(tiles)
        hidden = network.model(
            input_ids=ids,
            position_ids=positions,
            pixel_values=self._pixels(tiles) if len(tiles) else None,
            use_cache=False,
        ).last_hidden_state
        learned = weights > 0
        return unused + self._sum_losses(hidden[learned], targets[learned], weights[learned])

    def _pixels(self, tiles: Tensor) -> Tensor:
        """(tiles, 3, height, width), as precise as the weights are just now."""
        network: Any = self.network
        weight = network.model.vision_tower.embeddings.cls_token
        return normalise(tiles.permute(0, 3, 1, 2)).to(weight.dtype)

    def _unused(self, tiles: Tensor) -> Tensor:
        """Zero; without tiles, from a black one, so that processes stay in step over all parts."""
        if len(tiles):
            return torch.zeros((), device=tiles.device)
        network: Any = self.network
        black = self._pixels(tiles.new_zeros((1, *tiles.shape[1:])))
        visual: Tensor = network.model.get_image_features(black).pooler_output
        return visual.float().sum() * 0.0

    def _sum_losses(self, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        head: Any = self.network.lm_head
        total: Tensor = (head(hidden[:1]).float() * 0.0).sum()
        for start in range(0, len(targets), self.piece):
            part = slice(start, start + self.piece)
            total = total + checkpoint(
                _weighted, head, hidden[part], targets[part], weights[part], use_reentrant=False
            )
        return total


def _weighted(head: nn.Module, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    logits: Tensor = head(hidden)
    losses = F.cross_entropy(logits.float(), targets, reduction="none")
    return (losses * weights).sum()


def sum_losses(learner: nn.Module, batch: "Batch", device: torch.device | str) -> Tensor:
    """`learner` on a batch, moved to the device."""
    parts = (batch.ids, batch.positions, batch.targets, batch.weights, batch.tiles)
    result: Tensor = learner(*(part.to(device, non_blocking=True) for part in parts))
    return result
