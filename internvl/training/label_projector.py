"""Visual tokens from labels: what the projector would say if the vision tower saw everything.

The drawing knows what stands in every cell of a tile. Turned into visual tokens, this lets the
language model learn to look - count, compare, read, point - before any pixel is seen, faster and
without a tower's mistakes. Afterwards the projector, and then the tower with it, learns to say the
same (`gloss.teach`).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.model import Model
from internvl.training.cells import CELLS, CENTRES, CLASSES, GROUPS, find_edges
from internvl.training.induction import look_back
from internvl.training.scenes.canvas import CHARACTERS, COLOURS, SHAPES
from internvl.training.waves import CYCLES, WAVES, make_waves, place_cells

QUIETLY = 0.1  # of what covers a cell, against what has its centre there
LOUDNESS = 0.08  # of each wave: four edges together are about as loud as a fresh word
TOLD = (0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0, 4.0, 5.0, 10.0)
"""Cycles of the waves that tell a token's own place, and of those for each edge of a mark: together
64 numbers, as many as a head has. Ten cycles are the second digit of a coordinate."""
FRESH = 0.02  # standard deviation of fresh embeddings


class Labels(NamedTuple):
    """Of tiles' `Targets`: classes (tiles, 11, 32, 32) int8 and edges (tiles, 4, 32, 32)."""

    classes: Tensor
    edges: Tensor


class LabelProjector(nn.Module):
    """Labels as visual tokens: the words of a token's cells, where it is, and its marks' edges.

    Words are summed and go through a small network. Positions keep out of it: they start in the
    last `room` numbers, which words don't use; there, a direction for each of `TOLD`'s waves. Among
    the words of all its cells half of the finer waves would be lost to a linear reader.
    `new_label_projector` makes one that starts as a gloss.
    """

    def __init__(self, tokens_per_tile: int, width: int, room: int) -> None:
        super().__init__()
        self.side = int(tokens_per_tile**0.5)
        self.group = CELLS // self.side
        cells = self.group**2
        self.words = nn.Embedding(cells * sum(CLASSES), width)
        own, ends = _waves_told(width, room)
        self.places = nn.Parameter(place_cells(self.side).flatten(0, 1) @ own)
        self.edges = nn.Parameter(ends)
        self.linear = nn.Linear(width, width)
        with torch.no_grad():  # a gelu halves what is small
            self.linear.weight.copy_(2 * torch.eye(width))
            self.linear.weight[width - room :] = 0
            self.linear.bias.zero_()

    def forward(self, labels: Labels) -> Tensor:
        """(tiles * tokens, hidden)."""
        classes = labels.classes.long()
        starts = torch.tensor([sum(CLASSES[:group]) for group in range(len(CLASSES))])
        numbers = classes + starts.to(classes.device)[:, None, None]
        told = self.places.repeat(len(classes), 1)
        tile, group, row, column = (classes > 0).nonzero(as_tuple=True)
        token, cell = self._place(tile, row, column)
        said = self.words(cell * sum(CLASSES) + numbers[tile, group, row, column])
        spoken = torch.zeros_like(told).index_add(0, token, said)
        centres, edges = find_edges(labels.edges)
        token, _ = self._place(*centres.unbind(1))
        told = told.index_add(0, token, (make_waves(edges) @ self.edges).to(told.dtype))
        projected: Tensor = self.linear(F.gelu(spoken)) + told
        return projected

    def _place(self, tile: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """The token over a cell, and the cell's number in it."""
        token = (tile * self.side + row // self.group) * self.side + column // self.group
        return token, row % self.group * self.group + column % self.group


def _waves_told(width: int, room: int) -> tuple[Tensor, Tensor]:
    """What tells a token's own place and a mark's edges: (2 * WAVES, width), (4 * WAVES, width)."""
    told = torch.cat(
        [
            torch.tensor([c in cycles for c in CYCLES]).repeat(2 * count)
            for cycles, count in zip(TOLD, (2, 4), strict=True)
        ]
    )
    waves = int(told.sum())
    mixed = F.normalize(torch.linalg.qr(torch.randn(waves, min(waves, room)))[0])
    directions = torch.zeros(6 * WAVES, width)
    directions[told, width - room : width - room + mixed.shape[1]] = LOUDNESS * mixed
    own, edges = torch.split(directions, [2 * WAVES, 4 * WAVES])
    return own, edges


def new_label_projector(model: Model) -> LabelProjector:
    """One that says the language model's own words for what is drawn: "red", "circle", letters."""
    network: Any = model.network
    width = network.get_input_embeddings().embedding_dim
    room = network.model.language_model.layers[0].self_attn.head_dim
    projector = LabelProjector(model.tokens_per_tile, width, room)
    cells = projector.group**2
    loud = loudness(model)
    tables = word_tables(model)
    parts = [tables[group.split()[-1]] for group in GROUPS]
    quiet = [table * QUIETLY / cells for table in parts[:CENTRES]]
    table = torch.cat([*quiet, *parts[CENTRES:]])
    with torch.no_grad():
        # Rolled by the cell's number as well: neighbours in a token can be told apart.
        own = table[:, : width - room]
        rolled = [own + 0.5 * own.roll(7 * cell, 1) for cell in range(cells)]
        projector.words.weight.copy_(F.pad(torch.cat(rolled) / loud, (0, room)))
        for part in (projector.linear.weight, projector.places, projector.edges):
            part.mul_(loud)
    return projector.to(model.device)


def loudness(model: Model) -> float:
    """How loud the language model's embeddings of words are, against fresh ones."""
    network: Any = model.network
    room = network.model.language_model.layers[0].self_attn.head_dim
    return float(network.get_input_embeddings().weight.detach()[:, :-room].std()) / FRESH


def word_tables(model: Model) -> dict[str, Tensor]:
    """What says each class (classes, hidden), in the embeddings of words; nothing is zero.

    What stands before a character is said as the first layer would bring it there (`induction`),
    so that a reader goes on in a picture as in a text.
    """
    characters = _embed(model, CHARACTERS)
    before = look_back(model.network, torch.cat([characters, _embed(model, "\n")]))
    before *= characters.norm(dim=1).mean() / before.norm(dim=1).mean()
    begun = _embed(model, [f" {character}" for character in CHARACTERS]) - characters
    tables = {
        "shape": _embed(model, [f" {shape}" for shape in SHAPES]),
        "character": characters,
        "colour": _embed(model, [f" {colour}" for colour in COLOURS]),
        "before": before,
        "blank": begun.mean(0, keepdim=True),
    }
    return {kind: F.pad(table, (0, 0, 1, 0)) for kind, table in tables.items()}


def _embed(model: Model, words: Iterable[str]) -> Tensor:
    """(words, hidden)."""
    network: Any = model.network
    embeddings: Tensor = network.get_input_embeddings().weight.detach()
    ids = [model.tokenizer.encode(word, add_special_tokens=False) for word in words]
    return torch.stack([embeddings[own].sum(0) for own in ids])
