"""The `config.json` of a published model, made from the catalogue."""

from typing import Any

from internvl.model import Entry


def original_config(entry: Entry) -> dict[str, Any]:
    """What a published `config.json` says about the model's shape."""
    scaling = None if entry.is_qwen2 else {"type": "dynamic", "factor": entry.rope_factor}
    return {
        "model_type": "internvl_chat",
        "downsample_ratio": 0.5,
        "force_image_size": 448,
        "ps_version": "v2",
        "select_layer": -1,
        "llm_config": {
            "architectures": ["Qwen2ForCausalLM" if entry.is_qwen2 else "InternLM2ForCausalLM"],
            "hidden_size": entry.hidden,
            "num_hidden_layers": entry.layers,
            "num_attention_heads": entry.heads,
            "num_key_value_heads": entry.kv_heads,
            "intermediate_size": entry.ffn,
            "vocab_size": entry.vocabulary,
            "max_position_embeddings": 32_768,
            "rms_norm_eps": 1e-6 if entry.is_qwen2 else 1e-5,
            "rope_theta": entry.rope_theta,
            "rope_scaling": scaling,
        },
        "vision_config": {
            "hidden_size": entry.vision.hidden,
            "num_hidden_layers": entry.vision.layers,
            "num_attention_heads": entry.vision.heads,
            "intermediate_size": entry.vision.ffn,
            "norm_type": entry.vision.norm,
            "qkv_bias": entry.vision.qkv_bias,
            "qk_normalization": entry.vision.qk_norm,
            "image_size": 448,
            "patch_size": 14,
        },
    }
