"""Dense supervision of the language model: where it speaks of something, it has to know its place.

From answers alone boxes are hardly learned: before anything of a place is brought to where its
digits are written, nothing is gained by reading it there, and the other way round. Nor is it soon
found out where to look before an answer begins. So two linear heads, dropped afterwards, ask for
the `Place` at the tokens that `find_places` found, in the middle of the language model and at its
end.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from internvl.model import Model
from internvl.training.waves import WAVES, make_waves, miss_positions


class Pointer(nn.Module):
    """Tells the place of what is spoken of from the hidden states of some layers."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        network: Any = model.network
        layers, width = len(network.model.language_model.layers), network.lm_head.in_features
        self.layers = ((layers + 1) // 2, layers)
        heads = [
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 5 * WAVES)) for _ in self.layers
        ]
        self.heads = nn.ModuleList(heads)

    def forward(self, hidden: Sequence[Tensor], pointed: Tensor, places: Tensor) -> Tensor:
        """What the heads miss of the `places` (n, 8) at `pointed` tokens (n, 2 + LOOKS), 1 for all.

        The first head is asked where the first look is on the place itself.
        `hidden` are the states (samples, length, width) of all layers, the embeddings first.
        """
        row, column, first, *_, last = pointed.unbind(1)
        wanted = make_waves(places[:, :5])
        asked = first == last, torch.ones_like(first, dtype=torch.bool)
        missed = []
        for head, layer, own in zip(self.heads, self.layers, asked, strict=True):
            if own.any():
                told = head(hidden[layer][row[own], column[own]].float())
                missed.append(miss_positions(told, wanted[own]))
        return torch.stack(missed).mean()
