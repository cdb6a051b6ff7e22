"""The nano model's sizes, as the original layout's configuration and as a vision tower."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Geometry:
    """The nano model's sizes; tiles have 448 pixels as in the published models.

    Patches of 28 pixels suit a CPU, 14 a GPU. The pixel unshuffle joins four to a visual token
    (`downsample_ratio` 0.5), which makes 64 tokens of a tile with the former, 256 with the latter.
    """

    patch_size: int = 28
    vision_width: int = 256
    vision_layers: int = 6
    vision_heads: int = 4
    width: int = 320
    layers: int = 5
    heads: int = 5
    kv_heads: int = 5
    ffn: int = 704
    context: int = 16384
    downsample_ratio: float = 0.5


def vision_config(geometry: Geometry) -> dict[str, Any]:
    """`vision_config` of the original layout."""
    return {
        "architectures": ["InternVisionModel"],
        "attention_dropout": 0.0,
        "drop_path_rate": 0.0,
        "dropout": 0.0,
        "hidden_act": "gelu",
        "hidden_size": geometry.vision_width,
        "image_size": 448,
        "initializer_factor": 1.0,
        "initializer_range": 0.02,
        "intermediate_size": 4 * geometry.vision_width,
        "layer_norm_eps": 1e-6,
        "model_type": "intern_vit_6b",
        "norm_type": "layer_norm",
        "num_attention_heads": geometry.vision_heads,
        "num_channels": 3,
        "num_hidden_layers": geometry.vision_layers,
        "patch_size": geometry.patch_size,
        "qk_normalization": False,
        "qkv_bias": True,
        "use_flash_attn": False,
    }


def new_tower(geometry: Geometry) -> nn.Module:
    """A fresh vision tower whose learned positions start as waves along both sides.

    The waves tell neighbours apart from the first step on; without them shapes take far longer.
    """
    from transformers import InternVLVisionConfig
    from transformers.models.internvl.modeling_internvl import InternVLVisionModel

    config = InternVLVisionConfig(
        hidden_size=geometry.vision_width,
        num_hidden_layers=geometry.vision_layers,
        num_attention_heads=geometry.vision_heads,
        intermediate_size=4 * geometry.vision_width,
        attention_bias=True,
        image_size=448,
        patch_size=geometry.patch_size,
        layer_scale_init_value=1.0,
        use_mean_pooling=True,  # no norm after the last layer
    )
    tower = InternVLVisionModel(config)
    tower.set_attn_implementation("eager")  # faster than sdpa for 257 tokens on a CPU
    waves = _wave_patches(448 // geometry.patch_size, geometry.vision_width)
    with torch.no_grad():
        tower.embeddings.position_embeddings[0, 1:] = waves
    return tower


def _wave_patches(side: int, width: int) -> Tensor:
    """Sines and cosines of row and column: (side * side, width)."""
    frequencies = 0.05 ** (torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], 1)
    rows = line[:, None].expand(side, side, -1)
    columns = line[None].expand(side, side, -1)
    return 0.7 * torch.cat([rows, columns], 2).reshape(side * side, width)


def original_config(geometry: Geometry, tokenizer: Path) -> dict[str, Any]:
    """The `config.json` of the original layout for tokenizer files already written."""
    added = json.loads((tokenizer / "added_tokens.json").read_text("utf-8"))
    llm = {
        "architectures": ["Qwen2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": added["<|endoftext|>"],
        "eos_token_id": added["<|im_end|>"],
        "hidden_act": "silu",
        "hidden_size": geometry.width,
        "initializer_range": 0.02,
        "intermediate_size": geometry.ffn,
        "max_position_embeddings": geometry.context,
        "model_type": "qwen2",
        "num_attention_heads": geometry.heads,
        "num_hidden_layers": geometry.layers,
        "num_key_value_heads": geometry.kv_heads,
        "pad_token_id": added["<|endoftext|>"],
        "rms_norm_eps": 1e-6,
        "rope_scaling": None,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        "vocab_size": max(added.values()) + 1,
    }
    return {
        "architectures": ["InternVLChatModel"],
        "downsample_ratio": geometry.downsample_ratio,
        "dynamic_image_size": True,
        "force_image_size": 448,
        "hidden_size": geometry.width,
        "llm_config": llm,
        "max_dynamic_patch": 12,
        "min_dynamic_patch": 1,
        "model_type": "internvl_chat",
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internvl2_5",
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_thumbnail": True,
        "vision_config": vision_config(geometry),
    }
