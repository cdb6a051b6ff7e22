"""Dense supervision of the language model where it writes a box: it has to know the edges already.

From answers alone boxes are hardly learned: before anything of a place is brought to where its
digits are written, nothing is gained by reading it there, and the other way round. So two linear
heads, dropped afterwards, ask for the four edges at every token of a box, in the middle of the
language model and at its end.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from internvl.model import Model
from internvl.model.tokenizer import token_id
from internvl.training.scores import read_box
from internvl.training.waves import WAVES, make_waves, miss_positions


class Pointer(nn.Module):
    """Tells the edges of the box that is being written from the hidden states of some layers."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        network: Any = model.network
        layers, width = len(network.model.language_model.layers), network.lm_head.in_features
        self.layers = ((layers + 1) // 2, layers)
        heads = [
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * WAVES)) for _ in self.layers
        ]
        self.heads = nn.ModuleList(heads)
        self.tokenizer = model.tokenizer
        self.begin, self.end = (token_id(model.tokenizer, name) for name in ("<box>", "</box>"))

    def forward(self, hidden: Sequence[Tensor], tokens: Tensor, edges: Tensor) -> Tensor:
        """What the heads miss of the edges of the boxes that `find` found, 1 for all.

        `hidden` are the states (samples, length, width) of all layers, the embeddings first.
        """
        device = hidden[0].device
        row, column = tokens.to(device).unbind(1)
        wanted = make_waves(edges.to(device))
        missed = [
            miss_positions(head(hidden[layer][row, column].float()), wanted)
            for head, layer in zip(self.heads, self.layers, strict=True)
        ]
        return torch.stack(missed).mean()

    def find(self, ids: Tensor, learned: Tensor) -> tuple[Tensor, Tensor] | None:
        """Where boxes are learned: row and column of their tokens (n, 2), edges (n, 4) from 0 to 1.

        `ids` and the marks `learned` are (samples, length), on the CPU. A box's tokens are those
        from `<box>` to the one before `</box>`. None without any.
        """
        found: list[tuple[int, int]] = []
        edges: list[list[float]] = []
        rows = ids.tolist()
        for row, column in ((ids == self.begin) & learned).nonzero().tolist():
            own = rows[row][column:]
            own = own[: own.index(self.end)] if self.end in own else []
            if box := read_box(str(self.tokenizer.decode(own))):
                found += [(row, column + place) for place in range(len(own))]
                edges += [[side / 1000 for side in box]] * len(own)
        return (torch.tensor(found), torch.tensor(edges)) if found else None
