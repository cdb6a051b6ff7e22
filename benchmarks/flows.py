"""Three ways to answer one conversation with one model, to be timed against each other.

- ours: the engine of the app
- official: as the official chat code does it. Each turn opens and cuts all pictures again, reads
  all tiles in one batch, and generates from embeddings of the whole prompt
- plain: the usual transformers recipe, `generate(input_ids, pixel_values)`

The last two are written here from their descriptions. Their first piece is counted at their first
token, although the official demo's `TextIteratorStreamer` holds text back until a blank.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers.generation.streamers import BaseStreamer

from internvl.chat import Attachment, Conversation, Settings, freeze, render
from internvl.engines import LocalEngine, Receipt
from internvl.model import Model, encode
from internvl.preprocessing import choose_grid, sample_frames

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@dataclass
class Answer:
    """Seconds from Send to the first token, tokens a second after it, and the tokens."""

    first: float
    per_second: float
    ids: list[int]


Flow = Callable[[Conversation, Settings], Answer]


def ours(engine: LocalEngine) -> Flow:
    """The engine; what it keeps between questions is its own business."""

    def ask(conversation: Conversation, settings: Settings) -> Answer:
        *_, receipt = engine.stream(conversation, settings)
        assert isinstance(receipt, Receipt)
        return Answer(receipt.seconds_to_first, receipt.tokens_per_second, receipt.token_ids)

    return ask


def official(model: Model) -> Flow:
    """All pictures and the whole prompt every turn, from embeddings."""
    network: Any = model.network

    def embed(pixels: torch.Tensor | None, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        embeddings = network.get_input_embeddings()(ids)
        if pixels is not None:
            features = network.get_image_features(pixels).pooler_output
            slots = ids == model.image_token_id
            embeddings[slots] = features.reshape(-1, features.shape[-1]).to(embeddings)
        return {"inputs_embeds": embeddings}

    return _generating(model, embed)


def plain(model: Model) -> Flow:
    """The same through `input_ids` and `pixel_values`."""

    def give(pixels: torch.Tensor | None, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"input_ids": ids, **({} if pixels is None else {"pixel_values": pixels})}

    return _generating(model, give)


def _generating(
    model: Model,
    give: Callable[[torch.Tensor | None, torch.Tensor], dict[str, torch.Tensor]],
) -> Flow:
    """The library's `generate` on what is given it of all pixels and all ids."""
    network: Any = model.network

    def ask(conversation: Conversation, settings: Settings) -> Answer:
        stamps = Stamps()
        with torch.inference_mode(), _own_attention(network):
            pixels, ids = _inputs(model, conversation, settings)
            network.generate(
                **give(pixels, ids),
                attention_mask=torch.ones_like(ids),
                streamer=stamps,
                max_new_tokens=settings.max_new_tokens,
                do_sample=False,
                eos_token_id=model.stop_id,
                pad_token_id=model.stop_id,
            )
        return stamps.answer()

    return ask


@contextmanager
def _own_attention(network: Any) -> Iterator[None]:
    """The library's attention, as whoever follows these recipes gets it."""
    parts = (network.model.language_model, network.model.vision_tower)
    before = [part.config._attn_implementation for part in parts]
    for part in parts:
        part.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        for part, own in zip(parts, before, strict=True):
            part.set_attn_implementation(own)


class Stamps(BaseStreamer):
    """Remembers when tokens came. `generate` gives the prompt first, before it is read."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._times: list[float] = []
        self._ids: list[int] = []
        self._prompt_came = False

    def put(self, value: torch.Tensor) -> None:
        """The prompt, or the next token, arrives."""
        if self._prompt_came:
            self._times.append(time.perf_counter())
            self._ids += value.flatten().tolist()
        self._prompt_came = True

    def end(self) -> None:
        """The answer is complete."""

    def answer(self) -> Answer:
        """What was seen."""
        first, last = self._times[0], self._times[-1]
        speed = (len(self._times) - 1) / (last - first) if last > first else 0.0
        return Answer(first - self._began, speed, self._ids)


def _inputs(
    model: Model, conversation: Conversation, settings: Settings
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Pixels of all pictures (None without any) and the ids of the whole prompt, (1, places)."""
    cut = [
        _pictures(attachment)
        for turn in conversation.turns
        for attachment in freeze(turn.attachments, settings)
    ]
    counts = [[len(tiles) for tiles in pictures] for pictures in cut]
    segments = render(conversation, counts, model.tokens_per_tile)
    ids = torch.tensor([encode(model.tokenizer, segments)[0]], device=model.device)
    tiles = list(chain(*cut))
    pixels = torch.cat(tiles).to(model.device, model.dtype) if tiles else None
    return pixels, ids


def _pictures(attachment: Attachment) -> list[torch.Tensor]:
    """The tiles of a picture, or of each frame of a video."""
    if attachment.kind == "image":
        return [official_tiles(attachment.path, attachment.max_tiles or 1)]
    frames = sample_frames(attachment.path, attachment.max_frames or 1)
    return [_to_tensor(frame.picture)[None] for frame in frames]


def official_tiles(path: Any, max_tiles: int) -> torch.Tensor:
    """A picture as the official pipeline makes it: tile by tile through ToTensor and Normalize."""
    image = Image.open(path).convert("RGB")
    columns, rows = choose_grid(*image.size, max_tiles)
    enlarged = image.resize((448 * columns, 448 * rows))
    tiles = [
        enlarged.crop((448 * column, 448 * row, 448 * (column + 1), 448 * (row + 1)))
        for row in range(rows)
        for column in range(columns)
    ]
    if len(tiles) > 1:
        tiles.append(image.resize((448, 448)))
    return torch.stack([_to_tensor(tile) for tile in tiles])


def _to_tensor(tile: Image.Image) -> torch.Tensor:
    tile = tile.convert("RGB").resize((448, 448), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(tile, copy=True)).permute(2, 0, 1).contiguous()
    return (pixels.float().div(255) - MEAN) / DEVIATION
