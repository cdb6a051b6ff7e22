"""Answers token by token: as the library does it, or with shapes that never change.

A GPU computes one token faster than Python can ask it for one. With keys and values in rooms of a
fixed size every token is the same work on the same memory, and can be replayed as a CUDA graph. One
answer at a time decodes in such a room; others meanwhile go the ordinary way.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from internvl.engines.base import EngineError
from internvl.engines.cache import Prefix
from internvl.engines.forward import Forward, memory_in_words
from internvl.engines.growing import ROOMS, new_cache, room_of
from internvl.engines.memory import free_bytes

if TYPE_CHECKING:
    from internvl.model import Model

logger = logging.getLogger(__name__)

Decode = Callable[[int], torch.Tensor]
"""Reads a token into the cache and gives the logits after it, (1, vocabulary)."""

Step = Callable[..., torch.Tensor]
"""Ids (1, 1), positions (1, 1) and a room to the logits after them, (1, vocabulary)."""

Recorder = Callable[[Step], Step]
"""Makes of a step one that does the same in one room, as `Graph` does."""


def graphs_for(model: "Model") -> Recorder | None:
    """`Graph` for a model whose decoding can be recorded.

    It is all on one GPU, and not in bitsandbytes' 8 bit, which looks at the values.
    """
    places = set(getattr(model.network, "hf_device_map", {}).values())
    suits = model.device.type == "cuda" and len(places) < 2 and model.quantization != "8bit"
    return Graph if suits else None


class Graph:
    """A step in one room that is recorded as a CUDA graph at its second token, then replayed.

    The first token goes the ordinary way, which loads all kernels; so do all, if recording fails.
    (`torch.compile` would take a minute for each room of a 1B model, and its graphs belong to the
    thread that made them.)
    """

    def __init__(self, step: Step) -> None:
        self._step, self._begun, self._failed = step, False, False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, ids: torch.Tensor, positions: torch.Tensor, static: Any) -> torch.Tensor:
        """The logits; the next call writes over them."""
        if self._begun and not self._graph and not self._failed:
            self._record(ids, positions, static)
        if not self._graph:
            logits = self._step(ids, positions, static)
            self._begun = True
            return logits
        self._ids.copy_(ids)
        self._positions.copy_(positions)
        self._graph.replay()
        return self._logits

    def _record(self, ids: torch.Tensor, positions: torch.Tensor, static: Any) -> None:
        self._ids, self._positions = ids.clone(), positions.clone()
        try:
            graph = torch.cuda.CUDAGraph()
            # A recording that fails would leave the thread on the stream it was made on.
            with (
                torch.cuda.stream(torch.cuda.current_stream()),
                torch.cuda.graph(graph, capture_error_mode="thread_local"),
            ):
                self._logits = self._step(self._ids, self._positions, static)
        except Exception:
            logger.exception("Recording failed; decoding goes the ordinary way")
            self._failed = True
        else:
            self._graph = graph


class Decoder:
    """Decodes over a model's caches; with `recorder` in a room of a fixed size where it can.

    One room is kept, the last. It is not part of what is promised to take: it is made where three
    times as much is free, one part of that for what the cache grows by.
    """

    def __init__(self, model: "Model", recorder: Recorder | None = None) -> None:
        self._network: Any = model.network
        self._device, self._forward = model.device, Forward(model)
        self._recorder, self._taken = recorder, threading.Lock()
        self._room: Room | None = None
        if recorder:
            # The context ends where the dynamic scaling would begin. To ask whether it has begun
            # waits for the GPU, which can't be recorded.
            self._network.model.language_model.rotary_emb.rope_type = "default"

    def warm_up(self) -> None:
        """Record the smallest room; if that fails, all decoding goes the ordinary way."""
        try:
            cache = new_cache()
            self._forward.extend_tokens([0], cache)
            with self._cache(cache, ROOMS[0]) as decode:
                for _ in range(3):  # the ordinary way, recorded, replayed
                    decode(0)
        except (EngineError, RuntimeError):
            logger.exception("Warming up failed; decoding goes the ordinary way")
            self._recorder = None

    def drop(self) -> None:
        """Give the room back, unless an answer is in it."""
        if self._taken.acquire(blocking=False):
            self._room = None
            self._taken.release()

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
        size = room_of(places)
        if not self._recorder or size is None or not self._taken.acquire(blocking=False):
            yield lambda token: self._forward.extend_tokens([token], cache)
            return
        try:
            room = self._enter(cache, size)
            try:
                yield lambda token: self._decode(token, cache, room)
            finally:
                if room:
                    self._leave(room.static, cache)
        finally:
            self._taken.release()

    def _decode(self, token: int, cache: Any, room: "Room | None") -> torch.Tensor:
        if not room:
            return self._forward.extend_tokens([token], cache)
        ids = torch.tensor([[token]], device=self._device)
        with memory_in_words(), torch.no_grad():
            places = room.static.get_seq_length().view(1, 1).clone()
            return room.step(ids, places, room.static).clone()

    def _compute(self, ids: torch.Tensor, positions: torch.Tensor, static: Any) -> torch.Tensor:
        hidden = self._network.model.language_model(
            input_ids=ids, position_ids=positions, cache=static, use_cache=True
        ).last_hidden_state
        logits: torch.Tensor = self._network.lm_head(hidden[:, -1])
        return logits

    @torch.no_grad()
    def _enter(self, cache: Any, size: int) -> "Room | None":
        """The room with what is in the cache; None when there is no memory for one."""
        from transformers import StaticCache

        places = cache.get_seq_length()
        if not self._room or self._room.size != size:
            self._room = None
            wanted = sum(layer.keys[:, :, :1].nbytes * 2 for layer in cache.layers) * size
            if 3 * wanted > free_bytes(self._device):
                return None
            assert self._recorder is not None
            static = StaticCache(config=self._network.config.text_config, max_cache_len=size)
            self._room = Room(size, static, self._recorder(self._compute))
        for own, layer in zip(self._room.static.layers, cache.layers, strict=True):
            if not own.is_initialized:
                own.lazy_initialization(layer.keys, layer.values)
            own.keys[:, :, :places].copy_(layer.keys)
            own.values[:, :, :places].copy_(layer.values)
            own.cumulative_length.fill_(places)
        return self._room

    @memory_in_words()
    @torch.inference_mode()
    def _leave(self, static: Any, cache: Any) -> None:
        """Bring what was decoded into the cache."""
        start = cache.get_seq_length()
        end = int(static.get_seq_length())
        if end > start:
            for own, layer in zip(static.layers, cache.layers, strict=True):
                layer.update(own.keys[:, :, start:end], own.values[:, :, start:end])


class Room(NamedTuple):
    """Keys and values of a fixed size, and the step that works in them."""

    size: int
    static: Any
    step: Step
