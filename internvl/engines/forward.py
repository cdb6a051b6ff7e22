"""The network's steps, all short: a few tiles, a piece of the prompt, one token. No gradients."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import torch

from internvl.engines.base import OutOfMemory
from internvl.engines.cache import Prefix
from internvl.engines.pictures import Tile
from internvl.engines.prompt import Prompt
from internvl.preprocessing import tiles_to_tensor

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import Cache

    from internvl.model import Model

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Raises OutOfMemory for what a device says when it has no memory left."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(
            "There is not enough memory for this request. Please use fewer tiles or frames, "
            "or start a new chat."
        ) from error


def _step(compute: Callable[Inputs, Output]) -> Callable[Inputs, Output]:
    """Compute without gradients; running out of memory is said in words."""

    @wraps(compute)
    def run(*args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        with memory_in_words(), torch.inference_mode():
            return compute(*args, **kwargs)

    return run


class Forward:
    """Runs a model's vision tower and language model on plain tensors."""

    def __init__(self, model: "Model") -> None:
        self._model = model
        self._network = model.network

    @_step
    def read_tiles(self, tiles: "Sequence[Image]") -> list[torch.Tensor]:
        """The visual tokens of each of a few tiles, (tokens_per_tile, hidden)."""
        pixels = tiles_to_tensor(tiles, self._model.dtype)
        if self._model.device.type == "cuda":
            pixels = pixels.pin_memory()  # copied beside what the GPU computes
        pixels = pixels.to(self._model.device, non_blocking=True)
        visual: torch.Tensor = self._network.get_image_features(pixels).pooler_output
        each = visual.reshape(len(tiles), -1, visual.shape[-1])
        return [tokens.clone() for tokens in each]  # none keeps the memory of all

    @_step
    def embed(
        self, prompt: Prompt, visual: Mapping[Tile, torch.Tensor], start: int, end: int
    ) -> torch.Tensor:
        """Places start..end of the prompt as the language model's input, (1, places, hidden)."""
        ids = torch.from_numpy(prompt.ids[start:end]).to(self._model.device)
        embeddings: torch.Tensor = self._network.get_input_embeddings()(ids)
        first, last = prompt.slots.searchsorted([start, end])
        if first < last:
            per_tile = self._model.tokens_per_tile
            tiles = prompt.tiles[first // per_tile : (last - 1) // per_tile + 1]
            tokens = torch.cat([visual[tile] for tile in tiles])
            offset = first - first // per_tile * per_tile
            slots = torch.from_numpy(prompt.slots[first:last] - start).to(embeddings.device)
            embeddings[slots] = tokens[offset : offset + last - first].to(embeddings)
        return embeddings[None]

    @_step
    def extend(
        self,
        embeddings: torch.Tensor,
        cache: "Cache",
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Read (rows, places, hidden) into the cache; logits after the last, (rows, vocabulary).

        `mask` (rows, all places so far) and `positions` (rows, places) are for padded rows.
        """
        hidden = self._network.model.language_model(
            inputs_embeds=embeddings,
            attention_mask=mask,
            position_ids=positions,
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        logits: torch.Tensor = self._network.lm_head(hidden[:, -1])
        return logits

    @_step
    def extend_tokens(
        self,
        tokens: list[int],
        cache: "Cache",
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The same for one text token in each row."""
        ids = torch.tensor(tokens, device=self._model.device)[:, None]
        return self.extend(self._network.get_input_embeddings()(ids), cache, mask, positions)

    def extend_prefix(
        self, prefix: Prefix, prompt: Prompt, visual: Mapping[Tile, torch.Tensor], end: int
    ) -> torch.Tensor:
        """Read the prompt into the prefix up to place `end`; logits (1, vocabulary)."""
        start = len(prefix.content)
        logits = self.extend(self.embed(prompt, visual, start, end), prefix.cache)
        prefix.content = prompt.content[:end]
        return logits
