"""Answers token by token: as the library does it, or with shapes that never change.

A GPU computes one token faster than Python can ask it for one. With keys and values in rooms of a
fixed size every token is the same work on the same memory, and can be replayed as a CUDA graph. One
answer at a time decodes in such a room; others meanwhile go the ordinary way.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from internvl.engines.cache import Prefix
from internvl.engines.forward import Forward, memory_in_words
from internvl.engines.growing import ROOMS, new_cache, room_of

if TYPE_CHECKING:
    from internvl.model import Model

logger = logging.getLogger(__name__)

Decode = Callable[[int], torch.Tensor]
"""Reads a token into the cache and gives the logits after it, (1, vocabulary)."""

Record = Callable[[Callable[..., torch.Tensor]], Callable[..., torch.Tensor]]
"""Makes of a step one that does the same, as `as_graphs` does."""


def as_graphs(step: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Recorded for each room as a CUDA graph at its second token, and replayed from then on.

    The first token goes the ordinary way, which loads all kernels. (`torch.compile` would take a
    minute for each room of a 1B model, and its graphs belong to the thread that made them.)
    """
    recorded: dict[int, Recording | None] = {}

    def decode(ids: torch.Tensor, positions: torch.Tensor, static: Any) -> torch.Tensor:
        if id(static) not in recorded:
            recorded[id(static)] = None
            return step(ids, positions, static)
        recording = recorded[id(static)] or Recording(step, ids, positions, static)
        recorded[id(static)] = recording
        return recording.replay(ids, positions)

    return decode


class Recording:
    """A step in one room as a CUDA graph, which reads and writes the same memory each time."""

    def __init__(self, step: Callable[..., torch.Tensor], *inputs: Any) -> None:
        ids, positions, static = inputs
        self._ids, self._positions = ids.clone(), positions.clone()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._logits = step(self._ids, self._positions, static)

    def replay(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """The logits (1, vocabulary); the next replay writes over them."""
        self._ids.copy_(ids)
        self._positions.copy_(positions)
        self._graph.replay()
        return self._logits


class Decoder:
    """Decodes over a model's caches; with `record` in rooms of a fixed size where it can.

    A model on several devices decodes the ordinary way: what goes between them can't be recorded.
    """

    def __init__(self, model: "Model", record: Record | None = None) -> None:
        self._network: Any = model.network
        self._device, self._forward = model.device, Forward(model)
        places = set(getattr(model.network, "hf_device_map", {}).values())
        self._step = record(self._compute) if record and len(places) < 2 else None
        self._rooms: dict[int, Any] = {}
        self._taken = threading.Lock()

    def warm_up(self) -> None:
        """Decode a little in the smallest room; what can't be recorded is left to the library."""
        if self._step is None:
            return
        try:
            cache = new_cache()
            self._forward.extend_tokens([0], cache)
            with self._cache(cache, ROOMS[0]) as decode:
                for _ in range(3):  # the ordinary way, recorded, replayed
                    decode(0)
        except Exception:
            logger.exception("Recording failed; decoding goes the ordinary way")
            self._step = None

    @contextmanager
    def begin(self, prefix: Prefix, most: int) -> Iterator[Decode]:
        """Decode at most that many tokens into the prefix; it is whole again afterwards."""
        with self._cache(prefix.cache, len(prefix.content) + most) as decode:

            def add(token: int) -> torch.Tensor:
                logits = decode(token)
                prefix.content = np.append(prefix.content, token)
                return logits

            yield add

    @contextmanager
    def _cache(self, cache: Any, places: int) -> Iterator[Decode]:
        """Decode into a cache that then has at most so many places."""
        room = room_of(places)
        if self._step is None or room is None or not self._taken.acquire(blocking=False):
            yield lambda token: self._forward.extend_tokens([token], cache)
            return
        try:
            static = self._enter(cache, room)
            try:
                yield lambda token: self._decode(token, static)
            finally:
                self._leave(static, cache)
        finally:
            self._taken.release()

    def _decode(self, token: int, static: Any) -> torch.Tensor:
        assert self._step is not None
        ids = torch.tensor([[token]], device=self._device)
        with memory_in_words(), torch.no_grad():
            logits = self._step(ids, static.get_seq_length().view(1, 1).clone(), static)
        return logits.clone()  # the next replay writes over it

    def _compute(self, ids: torch.Tensor, positions: torch.Tensor, static: Any) -> torch.Tensor:
        hidden = self._network.model.language_model(
            input_ids=ids, position_ids=positions, past_key_values=static, use_cache=True
        ).last_hidden_state
        logits: torch.Tensor = self._network.lm_head(hidden[:, -1])
        return logits

    @memory_in_words()
    @torch.no_grad()
    def _enter(self, cache: Any, room: int) -> Any:
        """The room with what is in the cache; it is made once, as graphs know it by its address."""
        from transformers import StaticCache

        static = self._rooms.get(room)
        if static is None:
            config = self._network.config.text_config
            static = self._rooms[room] = StaticCache(config=config, max_cache_len=room)
        places = cache.get_seq_length()
        for own, layer in zip(static.layers, cache.layers, strict=True):
            if not own.is_initialized:
                own.lazy_initialization(layer.keys, layer.values)
            own.keys[:, :, :places].copy_(layer.keys)
            own.values[:, :, :places].copy_(layer.values)
            own.cumulative_length.fill_(places)
        return static

    @memory_in_words()
    @torch.inference_mode()
    def _leave(self, static: Any, cache: Any) -> None:
        """Bring what was decoded into the cache."""
        start = cache.get_seq_length()
        end = int(static.get_seq_length())
        if end > start:
            for own, layer in zip(static.layers, cache.layers, strict=True):
                layer.update(own.keys[:, :, start:end], own.values[:, :, start:end])
