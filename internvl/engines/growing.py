"""Keys and values that grow in place: a new token is written beside the old ones, not copied."""

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

ROOM = 256
"""Least places that are added when a layer is full; long ones grow by a quarter."""

ROOMS = (1024, 2048, 4096, 8192, 16384, 32768)
"""Places of the rooms of a fixed size that recorded decoding works in."""


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A layer of the library's cache whose `keys` and `values` are the used part of larger ones."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Empty, with no room yet."""
        super().lazy_initialization(key_states, value_states)
        self._room = [key_states[..., :0, :], value_states[..., :0, :]]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write (rows, heads, places, size) behind what is there; all keys and values so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if end > self._room[0].shape[-2]:
            places = room_for(end)
            self._room = [
                _enlarged(self.keys, key_states, start, places),
                _enlarged(self.values, value_states, start, places),
            ]
        for room, states in zip(self._room, (key_states, value_states), strict=True):
            room[..., start:end, :] = states
        self.keys, self.values = (room[..., :end, :] for room in self._room)
        return self.keys, self.values

    def shrink(self) -> None:
        """Give room back after a deep cut, when less than half of it is used."""
        used = self.get_seq_length()
        if self.keys is not None and used + ROOM < self._room[0].shape[-2] // 2:
            self._room = [
                _enlarged(self.keys, self._room[0], used, used + ROOM),
                _enlarged(self.values, self._room[1], used, used + ROOM),
            ]
            self.keys, self.values = (room[..., :used, :] for room in self._room)


def room_for(places: int) -> int:
    """Places that a layer of `places` keeps room for, at most."""
    return places + max(ROOM, places // 4)


def room_of(places: int) -> int | None:
    """The smallest room for so many places; None when there is none.

    >>> room_of(1024), room_of(1025), room_of(10**6)
    (1024, 2048, None)
    """
    return next((size for size in ROOMS if size >= places), None)


def _enlarged(
    used: torch.Tensor | None, like: torch.Tensor, length: int, places: int
) -> torch.Tensor:
    """Room for `places`, with the `length` places used so far in front."""
    room = like.new_empty(*like.shape[:-2], places, like.shape[-1])
    if used is not None and length:
        room[..., :length, :] = used
    return room


def new_cache() -> Cache:
    """An empty cache for a language model of any depth."""
    return Cache(layer_class_to_replicate=GrowingLayer)
