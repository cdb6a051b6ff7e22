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
from torch.nn import functional as F

from internvl.model import Model
from internvl.training.waves import WAVES, waves


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
        self.begin, self.end = (
            model.tokenizer.convert_tokens_to_ids(name) for name in ("<box>", "</box>")
        )
        digits = {
            model.tokenizer.encode(str(digit), add_special_tokens=False)[0]: str(digit)
            for digit in range(10)
        }
        self.digits = {int(token): digit for token, digit in digits.items()}

    def forward(self, hidden: Sequence[Tensor], ids: Tensor, learned: Tensor) -> Tensor:
        """What the heads miss of the edges, 1 for all; 0 where no box is learned.

        `hidden` are the states `(samples, length, width)` of all layers, the embeddings first;
        `learned` marks the ids to learn.
        """
        places, edges = self.find(ids, learned)
        if not len(places):
            return hidden[0].new_zeros(())
        row, column = places.unbind(1)
        wanted = waves(edges)
        missed = [
            F.mse_loss(head(hidden[layer][row, column].float()), wanted)
            for head, layer in zip(self.heads, self.layers, strict=True)
        ]
        return torch.stack(missed).mean() * 2  # a wave's square is a half on average

    def find(self, ids: Tensor, learned: Tensor) -> tuple[Tensor, Tensor]:
        """Where boxes are learned: row and column of their tokens (n, 2), edges (n, 4) from 0 to 1.

        From `<box>` to the token before `</box>`.
        """
        places, edges = [], []
        rows, columns = ((ids == self.begin) & learned).nonzero(as_tuple=True)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            tokens = ids[row, column:].tolist()
            tokens = tokens[: tokens.index(self.end)] if self.end in tokens else []
            text = "".join(self.digits.get(token, " ") for token in tokens)
            numbers = [int(number) / 1000 for number in text.split()]
            if len(numbers) == 4:
                places += [(row, column + place) for place in range(len(tokens))]
                edges += [numbers] * len(tokens)
        device = ids.device
        return (
            torch.tensor(places, dtype=torch.long, device=device).view(-1, 2),
            torch.tensor(edges, device=device).view(-1, 4),
        )
