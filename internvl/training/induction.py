"""A language model that starts able to repeat: the first layer looks back, the second finds again.

What stands in a prompt can only be said again by a pair of heads: one brings to every token the
one before it, another finds the place whose token before is the present one (induction heads,
arXiv 2209.11895). From random weights they come late, or never where training is short. Here the
biases of queries and keys, which the rotary embedding turns into a liking for a distance, and a
few matrices start as such a pair (mimetic initialization, arXiv 2305.09828) and train on.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

TURNING = 10  # of the rotary frequencies, the fastest: they tell neighbours apart
SHARP = 4.0  # biases: 0.74 of the attention goes to the wanted distance
MATCH = 1.5
BEFORE, FOUND = 0.1, 0.2  # how loudly the token before, and the one found, are said


@torch.no_grad()
def start_repeating(network: Any) -> None:
    """Set the first two layers and the output of a fresh Qwen2 language model with biases.

    Needs two layers of five heads or more, no more than two of them to one of keys and values; else
    raises ValueError. The last head's share of the hidden states is left alone (`looking`).
    """
    config = network.model.language_model.config
    width, heads = config.hidden_size, config.num_attention_heads
    if heads < 5 or heads // config.num_key_value_heads > 2 or config.num_hidden_layers < 2:
        raise ValueError(
            "Two layers of five heads are needed, no more than two heads to one of keys and values."
        )
    size = width // heads
    own: Tensor = torch.linalg.qr(torch.randn(width - size, width - size))[0]
    basis = torch.split(F.pad(own, (0, size)), size)
    first, second = (layer.self_attn for layer in network.model.language_model.layers[:2])
    _start_looking_back(first, size, basis, config.rope_parameters["rope_theta"])
    _find_again(second, size, basis)
    network.lm_head.weight.copy_(network.get_input_embeddings().weight)


@torch.no_grad()
def look_back(network: Any, embeddings: Tensor) -> Tensor:
    """What the first head of the first layer brings to a token from the one before: (n, hidden)."""
    layer = network.model.language_model.layers[0]
    size = layer.self_attn.head_dim
    values = layer.self_attn.v_proj(layer.input_layernorm(embeddings))[:, :size]
    brought: Tensor = values @ layer.self_attn.o_proj.weight[:, :size].T
    return brought


def _start_looking_back(attention: Any, size: int, basis: tuple[Tensor, ...], theta: float) -> None:
    """Heads 0 and 1 bring what stands one and two places before into parts 1 and 2 of the basis."""
    angles = theta ** (-torch.arange(0, size, 2)[:TURNING] / size)
    for head, distance in enumerate((1, 2)):
        start = head // attention.num_key_value_groups * size
        attention.k_proj.bias[start : start + TURNING] = SHARP
        attention.v_proj.weight[start : start + size] = basis[0]
        start = head * size
        attention.q_proj.bias[start : start + TURNING] = SHARP * (distance * angles).cos()
        start += size // 2
        attention.q_proj.bias[start : start + TURNING] = -SHARP * (distance * angles).sin()
        columns = slice(head * size, (head + 1) * size)
        attention.o_proj.weight[:, columns] = BEFORE * basis[head + 1].T


def _find_again(attention: Any, size: int, basis: tuple[Tensor, ...]) -> None:
    """Heads 0 and 1 find what followed the present token, 2 and 3 the present two."""
    half = size // 2
    wanted = (basis[0], torch.cat([basis[0][:half], basis[1][:half]]))
    there = (basis[1], torch.cat([basis[1][:half], basis[2][:half]]))
    said = (basis[3], torch.cat([basis[3][:half], basis[0][half:]]))
    for head in range(4):
        pair, start = head // 2, head // attention.num_key_value_groups * size
        attention.k_proj.weight[start : start + size] = MATCH * there[pair]
        attention.v_proj.weight[start : start + size] = said[pair]
        rows = slice(head * size, (head + 1) * size)
        attention.q_proj.weight[rows] = MATCH * wanted[pair]
        attention.o_proj.weight[:, rows] = FOUND * said[pair].T
