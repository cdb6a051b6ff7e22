"""Attention on a CPU is the library's, to rounding; with shared keys it is bit-equal in bf16."""

from pathlib import Path

import pytest
import torch

from internvl.engines.growing import new_cache
from internvl.model import load_model
from internvl.model.attention import BY_HEADS, GROUPED

GOLDEN = Path(__file__).parent / "data" / "golden"
PIECES = ((0, 90), (90, 120), (120, 121), (121, 122), (122, 126))


def read(language_model, inputs, mask):
    """Hidden states of a prompt in pieces, then token by token, then another piece."""
    cache, found = new_cache(), []
    with torch.inference_mode():
        for start, end in PIECES:
            result = language_model(
                inputs_embeds=inputs[:, start:end],
                cache=cache,
                attention_mask=None if mask is None else mask[:, :end],
                use_cache=True,
            )
            found.append(result.last_hidden_state)
    return torch.cat(found, 1)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", ["tiny-300m-qwen2", "tiny-300m-internlm2", "nano"])
def test_it_is_the_librarys_to_the_last_bits(name, padded, dtype):
    folder = Path("assets/nano") if name == "nano" else GOLDEN / name
    language_model = load_model(folder, device="cpu", dtype=dtype).network.model.language_model
    assert language_model.config._attn_implementation == GROUPED
    torch.manual_seed(0)
    inputs = language_model.get_input_embeddings()(torch.randint(0, 300, (2, 126)))
    mask = torch.ones(2, 126, dtype=torch.long) if padded else None
    if mask is not None:
        mask[1, :17] = 0
    found = read(language_model, inputs, mask)
    try:
        language_model.set_attn_implementation("sdpa")
        expected = read(language_model, inputs, mask)
    finally:
        language_model.set_attn_implementation(GROUPED)
    rounding = 4e-6 * float(expected.abs().max()) if dtype == "float32" else 0.0
    torch.testing.assert_close(found, expected, rtol=0, atol=rounding)


def tower_states(folder, dtype, attention):
    """What the vision tower makes of two pictures of noise, float32."""
    network = load_model(folder, device="cpu", dtype=dtype).network
    tower = network.model.vision_tower
    assert tower.config._attn_implementation == BY_HEADS
    torch.manual_seed(0)
    side = network.config.vision_config.image_size[0]
    pixels = torch.randn(2, 3, side, side).to(network.dtype)
    tower.set_attn_implementation(attention)
    try:
        with torch.inference_mode():
            return tower(pixels).last_hidden_state.float()
    finally:
        tower.set_attn_implementation(BY_HEADS)


@pytest.mark.parametrize("name", ["tiny-300m-qwen2", "nano"])
def test_the_vision_tower_rounds_as_the_published_code_does(name):
    folder = Path("assets/nano") if name == "nano" else GOLDEN / name
    exact = tower_states(folder, "float32", "sdpa")
    assert torch.equal(tower_states(folder, "float32", BY_HEADS), exact)
    ours, published, librarys = (
        float((tower_states(folder, "bfloat16", attention) - exact).norm() / exact.norm())
        for attention in (BY_HEADS, "eager", "sdpa")
    )
    assert ours != librarys  # it did attend in its own way
    assert ours < 1.05 * published
