"""The native transformers network, and the names its tensors have in the published checkpoints.

The original layout (model type `internvl_chat`) is what OpenGVLab publishes: own names for the
vision tower and the projector, and for InternLM2 one grouped `wqkv` matrix per layer. Names and
tensors are translated while loading and translated back while saving; nothing is computed.
"""

from typing import Any

import torch
from transformers import InternVLForConditionalGeneration
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import (
    Chunk,
    ConversionOps,
    WeightConverter,
    WeightRenaming,
    revert_weight_conversion,
)


class Network(InternVLForConditionalGeneration):  # type: ignore[no-untyped-call]
    """The native InternVL network; loads the `-hf` layout, old and new names."""


class Qwen2Network(Network):  # type: ignore[no-untyped-call]
    """Loads the original layout with a Qwen2 language model."""


class InternLM2Network(Network):  # type: ignore[no-untyped-call]
    """Loads the original layout with an InternLM2 language model, which runs as a Llama."""


class SplitGroups(ConversionOps):
    """InternLM2's `wqkv` into query, key and value matrices.

    Its rows are ordered (key-value head, queries of that head + key + value, head size).
    """

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Any]:
        (tensors,) = input_dict.values()
        grouped = tensors[0] if isinstance(tensors, list) else tensors
        heads, queries, size = _groups(kwargs["config"].text_config)
        rest = grouped.shape[1:]
        rows = grouped.reshape(heads, queries + 2, size, *rest)
        parts = (rows[:, :queries], rows[:, queries], rows[:, queries + 1])
        return {
            name: part.reshape(-1, *rest).contiguous()
            for name, part in zip(target_patterns, parts, strict=True)
        }

    @property
    def reverse_op(self) -> ConversionOps:
        """The op that writes the original layout back."""
        return MergeGroups()


class MergeGroups(ConversionOps):
    """Query, key and value matrices into InternLM2's `wqkv`."""

    def convert(
        self,
        input_dict: dict[str, Any],
        source_patterns: list[str],
        target_patterns: list[str],
        **kwargs: Any,
    ) -> dict[str, Any]:
        heads, queries, size = _groups(kwargs["config"].text_config)
        found = [input_dict[name] for name in source_patterns]
        parts = [tensor[0] if isinstance(tensor, list) else tensor for tensor in found]
        rest = parts[0].shape[1:]
        grouped = [
            part.reshape(heads, count, size, *rest)
            for part, count in zip(parts, (queries, 1, 1), strict=True)
        ]
        return {target_patterns[0]: torch.cat(grouped, dim=1).reshape(-1, *rest)}

    @property
    def reverse_op(self) -> ConversionOps:
        """The op that loads the original layout."""
        return SplitGroups()


def _groups(llm: Any) -> tuple[int, int, int]:
    """Key-value heads, queries per key-value head, head size."""
    queries = llm.num_attention_heads // llm.num_key_value_heads
    return llm.num_key_value_heads, queries, llm.hidden_size // llm.num_attention_heads


# Original name, native name; loading applies them downwards, saving upwards. The language model
# comes first and "attn" before "proj": otherwise saving would find its words in the other's names.
_VISION = (
    ("^vision_model.embeddings.class_embedding", "model.vision_tower.embeddings.cls_token"),
    (
        "^vision_model.embeddings.position_embedding",
        "model.vision_tower.embeddings.position_embeddings",
    ),
    (
        "^vision_model.embeddings.patch_embedding",
        "model.vision_tower.embeddings.patch_embeddings.projection",
    ),
    ("^vision_model.encoder.layers", "model.vision_tower.encoder.layer"),
    (".attn.", ".attention."),
    (".attention.proj.", ".attention.projection_layer."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".ls1", ".lambda_1"),
    (".ls2", ".lambda_2"),
    ("^mlp1.0", "model.multi_modal_projector.layer_norm"),
    ("^mlp1.1", "model.multi_modal_projector.linear_1"),
    ("^mlp1.3", "model.multi_modal_projector.linear_2"),
)
_QWEN2 = (
    ("^language_model.model", "model.language_model"),
    ("^language_model.lm_head", "lm_head"),
)
_INTERNLM2 = (
    ("^language_model.model", "model.language_model"),
    ("^language_model.output", "lm_head"),
    (".tok_embeddings.", ".embed_tokens."),
    (".attention.wqkv.", ".self_attn.wqkv."),
    (".attention.wo.", ".self_attn.o_proj."),
    (".feed_forward.w1.", ".mlp.gate_proj."),
    (".feed_forward.w2.", ".mlp.down_proj."),
    (".feed_forward.w3.", ".mlp.up_proj."),
    (".attention_norm.", ".input_layernorm."),
    (".ffn_norm.", ".post_attention_layernorm."),
)
_HF = (
    ("^language_model.lm_head", "lm_head"),
    ("^language_model.model", "model.language_model"),
    ("^vision_tower", "model.vision_tower"),
    ("^multi_modal_projector", "model.multi_modal_projector"),
)
_VISION_QKV = (r"\.attention\.qkv", [f".attention.{part}_proj" for part in "qkv"])
_GROUPED_QKV = (r"\.self_attn\.wqkv", [f".self_attn.{part}_proj" for part in "qkv"])


def weight_conversions(network: type[Network]) -> list[WeightConverter | WeightRenaming]:
    """The translations from a checkpoint's names and tensors to those of `network`."""
    if network is Network:
        return _renamings(_HF)
    vision = WeightConverter(_VISION_QKV[0], list(_VISION_QKV[1]), operations=[Chunk(dim=0)])
    if network is Qwen2Network:
        return [*_renamings(_QWEN2 + _VISION), vision]
    groups = WeightConverter(_GROUPED_QKV[0], list(_GROUPED_QKV[1]), operations=[SplitGroups()])
    return [*_renamings(_INTERNLM2 + _VISION), groups, vision]


def original_tensors(network: Network) -> dict[str, torch.Tensor]:
    """The network's tensors by the names, and in the shapes, of the layout it belongs to.

    An `-hf` network keeps the names it was read with.
    """
    for kind in (Qwen2Network, InternLM2Network):
        if isinstance(network, kind):
            network.__dict__["_weight_conversions"] = weight_conversions(kind)
    state: dict[str, torch.Tensor] = network.state_dict()
    if network.config.tie_word_embeddings:
        state.pop("lm_head.weight")
    tensors: dict[str, torch.Tensor] = revert_weight_conversion(network, state)
    return tensors


def register_names() -> None:
    """Tell transformers' loader the names; the class name keeps upstream's own rules away."""
    for network in (Network, Qwen2Network, InternLM2Network):
        rules = weight_conversions(network)
        register_checkpoint_conversion_mapping(network.__name__, rules, overwrite=True)


def _renamings(names: tuple[tuple[str, str], ...]) -> list[WeightConverter | WeightRenaming]:
    return [WeightRenaming(_escape(original), _escape(native)) for original, native in names]


def _escape(name: str) -> str:
    return name.replace(".", r"\.")
