"""The catalogue against the networks it describes."""

import subprocess
import sys

import pytest
import torch
from published import original_config

from internvl.model import (
    CATALOGUE,
    find_entry,
    fits,
    memory_needed,
    tile_size,
    tokens_per_tile,
    zoo,
)
from internvl.model.architecture import read_layout
from internvl.model.network import original_tensors

SIZES = CATALOGUE[:7]


@pytest.mark.parametrize("entry", SIZES, ids=lambda entry: entry.name)
def test_the_number_of_weights_is_that_of_the_network(entry):
    layout = read_layout(original_config(entry))
    with torch.device("meta"):
        network = layout.network(layout.config)
    assert sum(p.numel() for p in network.parameters()) == entry.parameters
    layers = network.model.language_model.layers
    matrices = sum(p.numel() for p in layers.parameters() if p.ndim > 1)
    assert matrices == entry.layer_weights
    assert layout.tokens_per_tile == 256
    names = original_tensors(network)
    assert "vision_model.encoder.layers.0.attn.qkv.weight" in names
    assert ("language_model.lm_head.weight" in names) == entry.is_qwen2


ORIGINAL = {"vision_config": {"image_size": 448, "patch_size": 14}, "downsample_ratio": 0.5}
HF = {"vision_config": {"image_size": [448, 448], "patch_size": [14, 14]}, "downsample_ratio": 0.5}


@pytest.mark.parametrize("config", [ORIGINAL, HF])
def test_tiles_are_told_by_either_configuration(config):
    assert (tile_size(config), tokens_per_tile(config)) == (448, 256)
    forced = {**config, "force_image_size": 224}
    assert (tile_size(forced), tokens_per_tile(forced)) == (224, 64)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "vision_config must be an object, not None"),
        ({**ORIGINAL, "vision_config": {"patch_size": 14}}, "image_size must be .*, not None"),
        ({**ORIGINAL, "vision_config": {"image_size": 448}}, "patch_size must be .*, not None"),
        ({**HF, "vision_config": {"image_size": [448, 224]}}, r"image_size .* not \[448, 224\]"),
        ({**ORIGINAL, "force_image_size": "448"}, "image_size must be .*, not '448'"),
        ({**ORIGINAL, "downsample_ratio": 0}, "downsample_ratio must be .*, not 0"),
    ],
)
def test_a_configuration_that_does_not_tell_of_tiles_is_refused(config, words):
    with pytest.raises(ValueError, match=words):
        tokens_per_tile(config)


def test_sizes_are_the_published_ones():
    published = (0.94e9, 2.21e9, 3.71e9, 8.08e9, 25.5e9, 38.4e9, 78.4e9)
    for entry, parameters in zip(SIZES, published, strict=True):
        assert entry.parameters == pytest.approx(parameters, rel=0.01)
        assert entry.bf16_bytes == 2 * entry.parameters


def test_every_size_has_its_sibling():
    names = [entry.name for entry in CATALOGUE]
    assert len(names) == len(set(names)) == 14
    for entry in SIZES:
        sibling = find_entry(f"{entry.name}-MPO")
        assert sibling.hub_id == f"OpenGVLab/{entry.name}-MPO"
        assert (sibling.parameters, sibling.licence) == (entry.parameters, entry.licence)


def test_entries_are_found_by_name_and_id():
    assert find_entry("internvl2_5-1b").llm == "Qwen2.5-0.5B-Instruct"
    assert find_entry("OpenGVLab/InternVL2_5-26B").rope_theta == 5e7
    assert find_entry("somebody/else") is None


def test_quantisation_shrinks_the_language_model_only():
    entry = find_entry("InternVL2_5-38B")
    plain, eight, four = (memory_needed(entry, q) for q in ("none", "8bit", "4bit"))
    assert plain - eight == entry.layer_weights
    assert four > entry.vision.parameters * 2
    assert plain > entry.bf16_bytes
    with pytest.raises(ValueError, match="none, 8bit, 4bit, not '3bit'"):
        memory_needed(entry, "3bit")


def test_fits_compares_with_what_is_free(monkeypatch):
    entry = find_entry("InternVL2_5-8B")
    assert fits(entry, "none", 24 * 10**9)
    assert not fits(entry, "none", 12 * 10**9)
    assert fits(entry, "8bit", 12 * 10**9)
    monkeypatch.setattr(zoo, "free_main_memory", lambda: 10**9)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not fits(entry)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (10**10, 10**10))
    assert fits(entry)


def test_free_main_memory_is_plausible():
    assert 2**20 < zoo.free_main_memory() < 2**50


def test_the_catalogue_needs_no_torch():
    code = (
        "import sys, internvl, internvl.model; from internvl.model import CATALOGUE, fits;"
        "from internvl.model import plan_device_map; fits(CATALOGUE[0], '4bit', 10**10);"
        "assert internvl.__version__; assert 'torch' not in sys.modules, 'torch was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
