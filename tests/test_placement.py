"""Device, precision and placement on machines with and without GPUs."""

from pathlib import Path

import pytest
import torch
from published import original_config

from internvl.model import CATALOGUE, ModelError, placement, processor
from internvl.model.architecture import read_layout
from internvl.model.placement import (
    RESERVE,
    choose_device,
    choose_dtype,
    fast_in_bfloat16,
    measure,
    place,
)
from internvl.model.processor import has_int8

GB = 10**9
EIGHT_B = read_layout(original_config(CATALOGUE[3]))


@pytest.fixture
def gpus(monkeypatch):
    """Pretend to have GPUs with so many free bytes each."""

    def pretend(*free, capability=(9, 0)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(free))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda gpu: capability)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (free[gpu], 0))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    return pretend


def test_auto_takes_the_gpus_or_the_cpu(gpus):
    gpus()
    assert choose_device("auto") == "cpu"
    gpus(GB, GB)
    assert choose_device("auto") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"


@pytest.mark.parametrize("device", ["cuda", "cuda:2", "mps"])
def test_a_device_that_is_not_there_is_refused(gpus, device):
    gpus(*([GB] if device == "cuda:2" else []))
    with pytest.raises(ModelError, match=f"no device {device} "):
        choose_device(device)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(ValueError, match="device must be"):
        choose_device(device)


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((9, 0), torch.bfloat16), ((8, 0), torch.bfloat16), ((7, 5), torch.float16)],
)
def test_gpus_get_bfloat16_from_capability_8_on(gpus, capability, dtype):
    gpus(GB, capability=capability)
    assert choose_dtype("cuda") == choose_dtype("cuda:0") == dtype


def test_a_numbered_device_is_as_fast_as_its_kind(gpus):
    gpus(GB, capability=(8, 0))
    assert choose_dtype("mps") == choose_dtype("mps:0") == torch.float16
    assert choose_dtype("cpu") == choose_dtype("cpu:0")
    assert fast_in_bfloat16(torch.device("cuda:0"))
    assert not fast_in_bfloat16(torch.device("mps:0"))


@pytest.fixture
def cpuinfo(monkeypatch):
    """Lets the machine's file about its processor be read by a function."""
    processor._flags.cache_clear()
    yield lambda read: monkeypatch.setattr(Path, "read_text", read)
    processor._flags.cache_clear()


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", torch.bfloat16),
        ("flags\t\t: fpu amx_bf16\n", torch.bfloat16),
        ("flags\t\t: fpu avx2 avx512f avx512_bf16x\n", torch.float32),
        ("Features\t: fp asimd bf16\n", torch.float32),
        (None, torch.float32),
    ],
)
def test_cpus_get_bfloat16_where_they_are_fast_in_it(cpuinfo, flags, dtype):
    def read(path, *_):
        if flags is None:
            raise FileNotFoundError(path)
        return f"model name\t: x\n{flags}bugs\t\t: y\n"

    cpuinfo(read)
    assert choose_dtype("cpu") == dtype


@pytest.mark.parametrize(
    ("flags", "fast"),
    [("avx512_vnni", True), ("avx_vnni", True), ("amx_int8", True), ("avx2 avx512bw", False)],
)
def test_cpus_with_vnni_or_amx_are_fast_in_integers(cpuinfo, flags, fast):
    cpuinfo(lambda *_: f"flags\t\t: fpu {flags}\n")
    assert has_int8() == fast


def test_sizes_are_those_of_the_weights():
    entry = CATALOGUE[3]
    sizes = measure(EIGHT_B, torch.bfloat16)
    assert sizes.layers + sizes.fixed == entry.bf16_bytes
    assert sizes.layer * entry.layers == sizes.layers
    halved = measure(EIGHT_B, torch.bfloat16, "8bit")
    assert sizes.layers - halved.layers == entry.layer_weights
    assert halved.fixed == sizes.fixed


def test_one_gpu_that_holds_it_all_gets_it_all(gpus):
    gpus(80 * GB, 80 * GB)
    assert place(EIGHT_B, "cuda", torch.bfloat16) == {"": 0}
    assert place(EIGHT_B, "cuda:1", torch.bfloat16) == {"": 1}


def test_a_model_too_large_for_one_gpu_is_spread(gpus):
    gpus(14 * GB, 14 * GB)
    places = list(place(EIGHT_B, "cuda", torch.bfloat16).values())
    assert set(places) == {0, 1}
    assert place(EIGHT_B, "cuda", torch.bfloat16, "4bit") == {"": 0}


def test_room_is_left_for_what_an_engine_keeps(gpus):
    gpus(20 * GB, 20 * GB)  # 18 GB for the 16.2 GB of weights
    places = place(EIGHT_B, "cuda", torch.bfloat16)
    assert set(places.values()) == {0, 1}
    sizes = measure(EIGHT_B, torch.bfloat16)
    layers = [where for part, where in places.items() if ".layers." in part]
    assert layers.count(0) * sizes.layer + sizes.fixed <= 18 * GB - RESERVE
    assert place(EIGHT_B, "cuda", torch.bfloat16, reserve=GB) == {"": 0}


def test_less_room_is_better_than_main_memory(gpus):
    gpus(20 * GB)
    assert place(EIGHT_B, "cuda", torch.bfloat16) == {"": 0}
    gpus(11 * GB, 11 * GB)
    assert set(place(EIGHT_B, "cuda", torch.bfloat16).values()) == {0, 1}


def test_a_named_gpu_has_limits_as_well(gpus):
    gpus(80 * GB, 17 * GB)
    assert place(EIGHT_B, "cuda:0", torch.bfloat16, max_memory={0: 17 * GB}) == {"": 0}
    with pytest.raises(ModelError, match=r"needs 16.2 GB, cuda:0 has 16.0 GB for it"):
        place(EIGHT_B, "cuda:0", torch.bfloat16, max_memory={0: 16 * GB})
    with pytest.raises(ModelError, match=r"cuda:1 has 15.3 GB for it"):
        place(EIGHT_B, "cuda:1", torch.bfloat16)


def test_limits_are_kept(gpus):
    gpus(80 * GB, 80 * GB)
    sizes = measure(EIGHT_B, torch.bfloat16)
    plan = place(EIGHT_B, "cuda", torch.bfloat16, max_memory={0: 8 * GB, 1: 12 * GB})
    layers = [where for part, where in plan.items() if ".layers." in part]
    assert layers.count(0) * sizes.layer + sizes.fixed <= 8 * GB
    assert layers.count(1) * sizes.layer <= 12 * GB


def test_the_rest_goes_to_main_memory_unless_quantised(gpus, monkeypatch):
    gpus(6 * GB, 6 * GB)
    monkeypatch.setattr(placement, "free_main_memory", lambda: 100 * GB)
    assert "cpu" in place(EIGHT_B, "cuda", torch.bfloat16).values()
    gpus(3 * GB, 2 * GB)
    with pytest.raises(ModelError, match="find no room on 2 GPUs"):
        place(EIGHT_B, "cuda", torch.bfloat16, "8bit")
    gpus(6 * GB, 6 * GB)
    monkeypatch.setattr(placement, "free_main_memory", lambda: GB)
    with pytest.raises(ModelError, match="no room on the GPUs and in main memory"):
        place(EIGHT_B, "cuda", torch.bfloat16)


def test_too_little_memory_is_told_with_the_numbers(gpus, monkeypatch):
    monkeypatch.setattr(placement, "free_main_memory", lambda: 10 * GB)
    with pytest.raises(ModelError, match=r"needs 16.2 GB, main memory has 10.0 GB for it"):
        place(EIGHT_B, "cpu", torch.bfloat16)
    assert place(EIGHT_B, "cpu", torch.bfloat16, "4bit") == {"": "cpu"}
    with pytest.raises(ModelError, match="use a smaller model or 4 bit"):
        place(EIGHT_B, "cpu", torch.bfloat16, "8bit")  # made of what was read whole
    gpus(10 * GB)
    with pytest.raises(ModelError, match=r"needs 16.2 GB, cuda:0 has 9.0 GB for it"):
        place(EIGHT_B, "cuda:0", torch.bfloat16)


def test_apple_gpus_are_not_for_quantised_models():
    assert place(EIGHT_B, "mps", torch.float16) == {"": "mps"}
    with pytest.raises(ModelError, match="not on mps"):
        place(EIGHT_B, "mps", torch.float16, "4bit")
