"""Attention of the language model on a CPU: keys and values are never repeated for their queries.

InternVL's language models have several query heads for one head of keys and values. transformers
repeats keys and values for them, and PyTorch's own way of sharing them works head by head. For one
new token the queries of a group can stand where places would: all of them see all keys, so one head
of keys and values is read once for all of its queries. Results differ from the library's by
rounding alone.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

GROUPED = "grouped"


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


def share_keys(network: Any) -> None:
    """Let the network's language model attend in this way."""
    network.model.language_model.set_attn_implementation(GROUPED)


AttentionInterface.register(GROUPED, grouped_attention)
AttentionMaskInterface.register(GROUPED, sdpa_mask)
