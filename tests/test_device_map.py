"""Placement over GPUs: the official counts, real module names, and memory limits."""

from collections import Counter

import pytest
import torch
from published import original_config

from internvl.model import CATALOGUE, ModelError, plan_device_map
from internvl.model.architecture import read_layout
from internvl.model.device_map import FIRST_GPU

SIZES = CATALOGUE[:7]
GB = 10**9


def layers(plan):
    return [place for name, place in plan.items() if ".layers." in name]


def counts(plan):
    return sorted(Counter(layers(plan)).items(), key=str)


@pytest.mark.parametrize(
    ("num_layers", "num_gpus", "expected"),
    [
        (32, 2, [12, 20]),
        (48, 2, [17, 31]),
        (48, 4, [8, 14, 14, 12]),
        (64, 2, [23, 41]),
        (64, 4, [11, 19, 19, 15]),
        (80, 3, [17, 32, 31]),
        (80, 4, [13, 23, 23, 21]),
        (80, 8, [7, 11, 11, 11, 11, 11, 11, 7]),
        (32, 1, [32]),
        (1, 3, [1]),
    ],
)
def test_layer_counts_are_the_official_ones(num_layers, num_gpus, expected):
    plan = plan_device_map(num_layers, num_gpus)
    assert counts(plan) == list(enumerate(expected))


@pytest.mark.parametrize("num_gpus", range(1, 9))
@pytest.mark.parametrize("entry", SIZES, ids=lambda entry: entry.name)
def test_layers_are_contiguous_and_the_last_is_with_the_head(entry, num_gpus):
    placed = layers(plan_device_map(entry.layers, num_gpus))
    assert len(placed) == entry.layers
    assert placed[:-1] == sorted(placed[:-1])
    assert placed[-1] == 0


@pytest.mark.parametrize("entry", SIZES, ids=lambda entry: entry.name)
def test_every_weight_and_buffer_has_one_place(entry):
    layout = read_layout(original_config(entry))
    with torch.device("meta"):
        network = layout.network(layout.config)
    names = [name for name, _ in [*network.named_parameters(), *network.named_buffers()]]
    assert any("rotary_emb" in name for name in names)
    for num_gpus in range(1, 9):
        parts = plan_device_map(entry.layers, num_gpus)
        for part in parts:
            network.get_submodule(part)
        for name in names:
            homes = [part for part in parts if name.startswith(f"{part}.")]
            assert len(homes) == 1, name
            if homes[0] in FIRST_GPU:
                assert parts[homes[0]] == 0


def test_the_rotary_embedding_and_the_head_are_on_the_first_gpu():
    plan = plan_device_map(80, 8)
    for part in ("model.language_model.rotary_emb", "model.vision_tower", "lm_head"):
        assert plan[part] == 0


def test_limits_move_layers_to_gpus_with_room():
    plan = plan_device_map(32, 3, [8 * GB, 20 * GB, 20 * GB], layer_bytes=GB, fixed_bytes=3 * GB)
    assert counts(plan) == [(0, 5), (1, 14), (2, 13)]
    assert layers(plan)[-1] == 0


def test_generous_limits_change_nothing():
    limited = plan_device_map(64, 4, [80 * GB] * 4, layer_bytes=GB, fixed_bytes=12 * GB)
    assert limited == plan_device_map(64, 4)


@pytest.mark.parametrize("memory", [[9, 9], [30, 3], [3, 30], [20, 20], [100, 1]])
def test_no_gpu_gets_more_than_it_holds(memory):
    plan = plan_device_map(20, 2, [m * GB for m in memory], layer_bytes=GB, fixed_bytes=2 * GB)
    placed = dict(counts(plan))
    assert placed.get(0, 0) + 2 <= memory[0]
    assert placed.get(1, 0) <= memory[1]
    assert sum(placed.values()) == 20


def test_what_fits_nowhere_goes_to_main_memory():
    plan = plan_device_map(20, 2, [6 * GB, 6 * GB], layer_bytes=GB, fixed_bytes=2 * GB)
    assert counts(plan) == [("cpu", 10), (0, 4), (1, 6)]
    assert layers(plan)[-11:] == ["cpu"] * 10 + [0]


def test_without_spilling_the_shortage_is_told():
    with pytest.raises(ModelError, match=r"10 of 20 layers \(10.0 GB\) find no room on 2 GPUs"):
        plan_device_map(20, 2, [6 * GB] * 2, layer_bytes=GB, fixed_bytes=2 * GB, spill=False)


def test_a_first_gpu_without_room_for_the_vision_tower_is_refused():
    with pytest.raises(ModelError, match=r"GPU 0 has 2.0 GB free; .* need 4.0 GB"):
        plan_device_map(20, 2, [2 * GB, 80 * GB], layer_bytes=GB, fixed_bytes=3 * GB)


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="0 GPUs"):
        plan_device_map(32, 0)
    with pytest.raises(ValueError, match="0 layers"):
        plan_device_map(0, 1)
    with pytest.raises(ValueError, match="2 GPUs, but memory limits for 1"):
        plan_device_map(32, 2, [GB])
