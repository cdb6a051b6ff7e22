"""What an engine keeps between requests, bounded in bytes, the least recently used going first.

- visual tokens per tile, by the picture's content and the tile's place: shared by all sessions
- the key-value prefix per conversation: what the language model has read of it already
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from internvl.engines.scheduler import PATIENCE

if TYPE_CHECKING:
    from transformers import Cache

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """Values up to `capacity` bytes in all; safe to use from several threads."""

    def __init__(self, capacity: int, size: Callable[[Value], int]) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._size = size
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, which becomes the most recently used, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._entries

    def put(self, key: Key, value: Value) -> None:
        """Keep the value, dropping the least recently used ones to make room."""
        size = self._size(value)
        with self._lock:
            self._drop(key)
            if size > self.capacity:
                return
            self._entries[key] = (value, size)
            self.bytes += size
            while self.bytes > self.capacity:
                self._drop(next(iter(self._entries)))

    def pop(self, key: Key) -> Value | None:
        """The value, no longer kept here, or None."""
        with self._lock:
            return self._drop(key)

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0

    def _drop(self, key: Key) -> Value | None:
        value, size = self._entries.pop(key, (None, 0))
        self.bytes -= size
        return value


@dataclass
class Prefix:
    """Keys and values of the language model for the first `len(content)` places of a prompt.

    `content` has the token id of each place, or for a visual token a negative number that stands
    for the tile it belongs to: the same ids with another picture are another prompt. One that is
    read `ahead` is given up at the next step when an answer has `wanted` it.
    """

    content: NDArray[np.int64]
    cache: "Cache"
    ahead: bool = False
    wanted: bool = False
    forgotten: bool = False

    @property
    def _layers(self) -> list[Any]:
        return self.cache.layers

    @property
    def bytes(self) -> int:
        """Memory of the keys and values, with the room for more."""
        tensors = [t for layer in self._layers for t in (layer.keys, layer.values)]
        return sum(tensor.untyped_storage().nbytes() for tensor in tensors if tensor is not None)

    @property
    def is_whole(self) -> bool:
        """Does every layer hold all places? Not after a step that failed half-way."""
        lengths = {layer.get_seq_length() for layer in self._layers}
        return lengths == {len(self.content)}

    def common(self, content: NDArray[np.int64]) -> int:
        """How many places this prefix and `content` begin with alike, all but the last at most."""
        length = min(len(self.content), len(content) - 1)
        different = np.flatnonzero(self.content[:length] != content[:length])
        return int(different[0]) if len(different) else length

    def cut(self, content: NDArray[np.int64]) -> int:
        """Keep what this prefix and `content` begin with, all but the last place at most.

        Returns how many places that is.
        """
        common = self.common(content)
        surplus = len(self.content) - common
        if surplus:
            self.cache.crop(-surplus)
            self.content = self.content[:common]
            for layer in self._layers:
                layer.shrink()
        return common


class PrefixCache:
    """The prefix of each conversation. One in use is not kept twice: it is handed over."""

    def __init__(self, capacity: int) -> None:
        self._kept = ByteCache[str, Prefix](capacity, lambda prefix: prefix.bytes)
        self._used: dict[str, list[Prefix]] = {}
        self._change = threading.Condition()

    @property
    def bytes(self) -> int:
        """What all those that are kept take; one in use is not among them."""
        return self._kept.bytes

    def claim(self, conversation_id: str) -> Iterator[None]:
        """Make whoever reads this conversation ahead give its prefix up; yields every 0.2 s.

        Goes on without it after 5 s: its reader may have gone away.
        """
        deadline = time.monotonic() + 5.0
        while self._ask_for(conversation_id) and time.monotonic() < deadline:
            yield
            with self._change:
                self._change.wait_for(lambda: not self._ahead(conversation_id), PATIENCE)

    @contextmanager
    def use(
        self, conversation_id: str, content: NDArray[np.int64], *, ahead: bool = False
    ) -> Iterator[Prefix]:
        """What is kept of this conversation, cut to what `content` begins with; kept again."""
        from internvl.engines.growing import new_cache

        prefix = self._kept.pop(conversation_id) or Prefix(content[:0], new_cache())
        prefix.cut(content)
        prefix.ahead, prefix.wanted = ahead, False
        with self._change:
            self._used.setdefault(conversation_id, []).append(prefix)
        try:
            yield prefix
        finally:
            with self._change:
                others = [p for p in self._used.pop(conversation_id) if p is not prefix]
                if others:
                    self._used[conversation_id] = others
                if prefix.is_whole and not prefix.forgotten:
                    self._kept.put(conversation_id, prefix)
                self._change.notify_all()

    def get(self, conversation_id: str) -> Prefix | None:
        """The prefix that is kept, or None."""
        return self._kept.get(conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Keep nothing of a conversation, nor of an answer to it that is being written."""
        with self._change:
            self._kept.pop(conversation_id)
            for prefix in self._used.get(conversation_id, []):
                prefix.forgotten = True

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def _ask_for(self, conversation_id: str) -> bool:
        with self._change:
            held = self._ahead(conversation_id)
            for prefix in held:
                prefix.wanted = True
            return bool(held)

    def _ahead(self, conversation_id: str) -> list[Prefix]:
        return [prefix for prefix in self._used.get(conversation_id, []) if prefix.ahead]
