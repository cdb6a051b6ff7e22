import numpy as np
import pytest
import torch

from internvl.engines.cache import ByteCache, Prefix
from internvl.engines.growing import ROOM, new_cache


def test_the_least_recently_used_goes_first():
    cache = ByteCache(10, len)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    assert cache.get("a") == b"1234"
    cache.put("c", b"1234")
    assert cache.get("b") is None
    assert cache.get("a") == cache.get("c") == b"1234"
    assert cache.bytes == 8


def test_a_new_value_replaces_the_old_one_and_one_too_large_is_not_kept():
    cache = ByteCache(10, len)
    cache.put("a", b"1234")
    cache.put("a", b"12")
    assert cache.bytes == 2
    cache.put("a", b"x" * 11)
    assert cache.get("a") is None and cache.bytes == 0


def test_pop_gives_the_value_away():
    cache = ByteCache(10, len)
    cache.put("a", b"1234")
    assert cache.pop("a") == b"1234"
    assert cache.pop("a") is None and cache.bytes == 0


def prefix_of(content, layers=2):
    cache = new_cache()
    for layer in range(layers):
        states = torch.arange(len(content), dtype=torch.float32).reshape(1, 1, -1, 1)
        cache.update(states, states, layer)
    return Prefix(np.array(content), cache)


@pytest.mark.parametrize(
    ("kept", "wanted", "common"),
    [
        ([1, 2, 3], [1, 2, 3, 4], 3),
        ([1, 2, 3], [1, 2, 4, 4], 2),
        ([1, -7, -7, 3], [1, -8, -8, 3, 5], 1),  # the same ids with another picture
        ([1, 2, 3], [1, 2, 3], 2),  # one place is always computed
        ([1, 2, 3], [9], 0),
        ([1, 2, 3, 4, 5], [1, 2, 3], 2),
    ],
)
def test_a_prefix_is_cut_to_what_both_begin_with(kept, wanted, common):
    prefix = prefix_of(kept)
    assert prefix.cut(np.array(wanted)) == common
    assert list(prefix.content) == wanted[:common]
    assert prefix.cache.get_seq_length() == common
    assert prefix.is_whole


def test_a_step_that_failed_half_way_is_noticed():
    prefix = prefix_of([1, 2])
    state = torch.zeros(1, 1, 1, 1)
    prefix.cache.update(state, state, 0)
    assert not prefix.is_whole


def test_bytes_are_those_of_all_keys_and_values_with_the_room_for_more():
    assert prefix_of([1, 2, 3], layers=2).bytes == 2 * 2 * (3 + ROOM) * 4


def test_tokens_are_written_beside_the_old_ones_and_over_those_cut_off():
    cache = new_cache()
    states = torch.randn(2, 3, 900, 4)
    cache.update(states[..., :2, :], -states[..., :2, :], 0)
    room = cache.layers[0].keys.untyped_storage().data_ptr()
    for place in range(2, 2 + ROOM):
        one = states[..., place : place + 1, :]
        keys, values = cache.update(one, -one, 0)
        assert keys.untyped_storage().data_ptr() == room
    assert torch.equal(keys, states[..., : 2 + ROOM, :]) and torch.equal(values, -keys)
    cache.crop(-100)
    keys, _ = cache.update(states[..., 300:, :], states[..., 300:, :], 0)
    assert keys.shape[-2] == 2 + ROOM - 100 + 600
    assert torch.equal(keys[..., :150, :], states[..., :150, :])
    assert torch.equal(keys[..., -600:, :], states[..., 300:, :])


def test_a_deep_cut_gives_room_back_and_a_shallow_one_keeps_it():
    content = np.arange(4 * ROOM)
    prefix = prefix_of(content)
    full = prefix.bytes
    prefix.cut(content[: 3 * ROOM])
    assert prefix.bytes == full
    assert prefix.cut(content[:11]) == 10
    assert prefix.bytes == 2 * 2 * (10 + ROOM) * 4
    assert prefix.cache.layers[1].keys.flatten().tolist() == list(range(10))
    state = torch.full((1, 1, 1, 1), 77.0)
    keys, _ = prefix.cache.update(state, state, 0)
    assert keys.flatten().tolist() == [*range(10), 77]
