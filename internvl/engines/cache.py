"""What an engine keeps between requests, bounded in bytes, the least recently used going first.

- visual tokens per tile, by the picture's content and the tile's place: shared by all sessions
- the key-value prefix per conversation: what the language model has read of it already

Both are `ByteCache`s; a `Prefix` knows how much of a new prompt it covers.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import DynamicCache

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

    def _drop(self, key: Key) -> Value | None:
        value, size = self._entries.pop(key, (None, 0))
        self.bytes -= size
        return value


@dataclass
class Prefix:
    """Keys and values of the language model for the first `len(content)` places of a prompt.

    `content` has the token id of each place, or for a visual token a negative number that stands
    for the tile it belongs to: the same ids with another picture are another prompt.
    """

    content: NDArray[np.int64]
    cache: "DynamicCache"

    @property
    def _layers(self) -> list[Any]:
        return self.cache.layers

    @property
    def bytes(self) -> int:
        """Memory of the keys and values."""
        tensors = [t for layer in self._layers for t in (layer.keys, layer.values)]
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)

    @property
    def is_whole(self) -> bool:
        """Does every layer hold all places? Not after a step that failed half-way."""
        lengths = {layer.get_seq_length() for layer in self._layers}
        return lengths == {len(self.content)}

    def cut(self, content: NDArray[np.int64]) -> int:
        """Keep what this prefix and `content` begin with, all but the last place at most.

        Returns how many places that is.
        """
        length = min(len(self.content), len(content) - 1)
        different = np.flatnonzero(self.content[:length] != content[:length])
        common = int(different[0]) if len(different) else length
        surplus = len(self.content) - common
        if surplus:
            self.cache.crop(-surplus)
            self.content = self.content[:common]
        return common
