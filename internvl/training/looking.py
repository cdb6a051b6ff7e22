"""Heads of the language model that are taught where to look; the first brings places from there.

From answers alone attention finds a thing that is spoken of late and in roundabout ways, such as by
what stands two tokens after it. So the last heads of three layers, the middle one and the two after
it, are told: at every token that speaks of something their attention belongs on the visual token
where that is, and before what is read on the letter that comes next. What can't be found at once is
looked for step by step (`mentions`): a bar, then its label; or a label from its name, then this
name from where the answer begins, then the value; in a video the first from a thing at the same
spot one frame earlier, the others at what is spoken of. What the first head brings starts as the
place alone (`start_looking`): the last numbers of a hidden state, as many as a head has, are kept
for places, and nothing else starts to write them. The others learn what to bring.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from internvl.training.batches import Batch, sight
from internvl.training.places import LOOKS

BRING = 0.03  # with fresh layers a place then comes about as loud as it stood there


def looking_layers(language_model: Any) -> list[int]:
    """The numbers of the layers with a looking head: names are read by then, if there are five."""
    first = len(language_model.layers) // 2
    return list(range(first, len(language_model.layers)))[:LOOKS]


@torch.no_grad()
def keep_room(network: Any) -> None:
    """Let no word, and no layer before the first looking head, write the numbers of places.

    To be called after every step: an orthogonal update moves in every direction, also in those
    that no gradient asks for.
    """
    language_model = network.model.language_model
    size = language_model.layers[0].self_attn.head_dim
    language_model.embed_tokens.weight[:, -size:] = 0
    for layer in language_model.layers[: looking_layers(language_model)[0]]:
        layer.mlp.down_proj.weight[-size:] = 0
        layer.self_attn.o_proj.weight[-size:] = 0


@torch.no_grad()
def start_looking(network: Any, gain: float = BRING) -> None:
    """Let nothing but one head write the numbers of places; it brings them, `gain` times as loud.

    The last head of every other layer starts silent, and words are not told by places.
    """
    keep_room(network)
    language_model = network.model.language_model
    size = language_model.layers[0].self_attn.head_dim
    network.lm_head.weight[:, -size:] = 0
    for layer in language_model.layers:
        attention = layer.self_attn
        layer.mlp.down_proj.weight[-size:] = 0
        attention.o_proj.weight[-size:] = 0
        attention.o_proj.weight[:, -size:] = 0
    attention = language_model.layers[looking_layers(language_model)[0]].self_attn
    attention.v_proj.weight[-size:] = 0
    attention.v_proj.bias[-size:] = 0
    attention.v_proj.weight[-size:, -size:] = gain**0.5 * torch.eye(size)
    attention.o_proj.weight[-size:, -size:] = gain**0.5 * torch.eye(size)


def stray(network: Any, hidden: Sequence[Tensor], batch: Batch) -> Tensor | None:
    """How far the looking heads are from looking where they should: a cross-entropy, in nats.

    `hidden` are the states (samples, length, width) of all layers, the embeddings first. None where
    no head is told where to look.
    """
    parts = batch.parts if batch.parts is not None else torch.zeros_like(batch.ids)
    visible = sight(parts)[:, 0]
    language_model = network.model.language_model
    strayed = []
    for look, layer in enumerate(looking_layers(language_model), 2):
        rows, tokens, wanted = batch.pointed[batch.pointed[:, look] >= 0][:, [0, 1, look]].unbind(1)
        if len(rows):
            scores = score_pairs(language_model, layer, hidden[layer], batch.positions)
            unseen = ~visible[rows, tokens]
            own = scores[rows, tokens].float().masked_fill(unseen, float("-inf"))
            strayed.append(F.cross_entropy(own, wanted))
    return torch.stack(strayed).mean() if strayed else None


def score_pairs(language_model: Any, number: int, states: Tensor, positions: Tensor) -> Tensor:
    """What a looking head makes of all pairs of tokens (samples, length, length)."""
    from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

    layer = language_model.layers[number]
    size = layer.self_attn.head_dim
    states = layer.input_layernorm(states)
    queries, keys = (
        F.linear(states, part.weight[-size:], part.bias[-size:])[:, None]
        for part in (layer.self_attn.q_proj, layer.self_attn.k_proj)
    )
    turned = language_model.rotary_emb(states, positions)
    queries, keys = apply_rotary_pos_emb(queries, keys, *turned)
    scores: Tensor = (queries @ keys.mT)[:, 0] * layer.self_attn.scaling
    return scores
