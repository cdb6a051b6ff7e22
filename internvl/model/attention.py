"""Attention on a CPU, faster than the library's there. Results differ from its by rounding alone.

In the language model keys and values are never repeated for their queries. InternVL's have several
query heads for one head of keys and values. transformers repeats keys and values for them, and
PyTorch's own way of sharing them works head by head. For one new token the queries of a group can
stand where places would: all of them see all keys, so one head of keys and values is read once for
all of its queries.

In the vision tower every patch sees every other. In 16 bit two plain products of matrices for each
head, whose scores stay in the processor's cache, are faster than PyTorch's attention. The scores
are rounded to 16 bit before the softmax, as in the published code.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

GROUPED, BY_HEADS = "grouped", "by_heads"


def grouped_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """(rows, heads, places, size) of queries, fewer heads of the rest: (rows, places, heads, size).

    The mask is (rows, 1, places, all places so far). Without one each place sees those before it.
    """
    rows, heads, places, size = query.shape
    if places == 1:
        together = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
        found = scaled_dot_product_attention(
            together, key, value, attention_mask, dropout, scale=scaling
        ).reshape(query.shape)
    else:
        found = scaled_dot_product_attention(
            query,
            key,
            value,
            attention_mask,
            dropout,
            is_causal=attention_mask is None,
            scale=scaling,
            enable_gqa=True,
        )
    return found.transpose(1, 2).contiguous(), None


def attention_by_heads(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """All (rows, heads, places, size), no mask: (rows, places, heads, size)."""
    if query.dtype == torch.float32 or torch.is_grad_enabled():
        found = scaled_dot_product_attention(query, key, value, None, dropout, scale=scaling)
    else:
        scaled = (query * (scaling or query.shape[-1] ** -0.5)).flatten(0, 1)
        keys, values = key.flatten(0, 1).transpose(1, 2), value.flatten(0, 1)
        found = torch.empty_like(scaled)
        for head in range(len(found)):
            weights = torch.mm(scaled[head], keys[head]).softmax(-1)
            torch.mm(weights, values[head], out=found[head])
        found = found.view(query.shape)
    return found.transpose(1, 2), None


def attend_on_cpu(network: Any) -> None:
    """Let the network attend in these ways."""
    network.model.language_model.set_attn_implementation(GROUPED)
    network.model.vision_tower.set_attn_implementation(BY_HEADS)


AttentionInterface.register(GROUPED, grouped_attention)
AttentionInterface.register(BY_HEADS, attention_by_heads)
AttentionMaskInterface.register(GROUPED, sdpa_mask)
