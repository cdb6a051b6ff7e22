"""From a checkpoint's `config.json`, original or `-hf`, to the native configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import InternVLConfig, InternVLVisionConfig, LlamaConfig, Qwen2Config

from internvl.model.errors import ModelError
from internvl.model.network import InternLM2Network, Network, Qwen2Network
from internvl.model.zoo import tile_size, tokens_per_tile

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """How a checkpoint is laid out: the network that reads it, and what a prompt must know.

    `tile_size` is in pixels, `tokens_per_tile` counts visual tokens (256 in published models).
    """

    network: type[Network]
    config: InternVLConfig
    tile_size: int
    tokens_per_tile: int

    @property
    def llm(self) -> Any:
        """The language model's native configuration."""
        return self.config.text_config


def read_layout(config: Config, image_token_id: int = 0) -> Layout:
    """The layout a `config.json` describes, original or `-hf`.

    Raises ModelError for an architecture that is none of the published ones.
    """
    build = _hf_layout if config.get("model_type") == "internvl" else _original_layout
    try:
        return build(config, image_token_id)
    except KeyError as error:
        raise ModelError(f"config.json lacks {error.args[0]}.") from error
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise ModelError(f"config.json does not describe an InternVL model: {error}") from error


def _original_layout(config: Config, image_token_id: int) -> Layout:
    _check(config)
    llm = config["llm_config"]
    network, text_config = _LANGUAGE_MODELS[llm["architectures"][0]]
    tokens = tokens_per_tile(config)
    native = InternVLConfig(
        vision_config=_vision_config(config["vision_config"]),
        text_config=text_config(llm),
        image_token_id=image_token_id,
        image_seq_length=tokens,
        downsample_ratio=config["downsample_ratio"],
        vision_feature_layer=config.get("select_layer", -1),
        tie_word_embeddings=False,
    )
    return Layout(network, native, tile_size(config), tokens)


def _hf_layout(config: Config, image_token_id: int) -> Layout:
    native = InternVLConfig(**{**config, "image_token_id": image_token_id})
    complete = native.to_dict()
    return Layout(Network, native, tile_size(complete), tokens_per_tile(complete))


def _check(config: Config) -> None:
    missing = [k for k in ("vision_config", "llm_config", "downsample_ratio") if k not in config]
    if missing:
        raise ModelError(f"config.json is not an InternVL one: it lacks {', '.join(missing)}.")
    names = config["llm_config"].get("architectures") or ["none"]
    if names[0] not in _LANGUAGE_MODELS:
        raise ModelError(
            f"The language model {names[0]} is not supported; InternVL 2.5 uses "
            f"{' or '.join(_LANGUAGE_MODELS)}."
        )
    if config.get("ps_version", "v2") != "v2":
        raise ModelError(
            f"The pixel unshuffle {config['ps_version']} is not supported; InternVL 2.5 uses v2."
        )


def _vision_config(vision: Config) -> InternVLVisionConfig:
    return InternVLVisionConfig(
        hidden_size=vision["hidden_size"],
        num_hidden_layers=vision["num_hidden_layers"],
        num_attention_heads=vision["num_attention_heads"],
        intermediate_size=vision["intermediate_size"],
        attention_bias=vision.get("qkv_bias", True),
        use_qk_norm=vision.get("qk_normalization", False),
        hidden_act=vision.get("hidden_act", "gelu"),
        hidden_dropout_prob=vision.get("dropout", 0.0),
        projection_dropout=vision.get("dropout", 0.0),
        attention_dropout=vision.get("attention_dropout", 0.0),
        initializer_range=vision.get("initializer_range", 0.02),
        norm_type=vision.get("norm_type", "layer_norm"),
        layer_norm_eps=vision.get("layer_norm_eps", 1e-6),
        image_size=vision["image_size"],
        patch_size=vision["patch_size"],
        num_channels=vision.get("num_channels", 3),
        layer_scale_init_value=vision.get("initializer_factor", 0.1),
    )


_SHARED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
)
_OPTIONAL = ("hidden_act", "initializer_range", "bos_token_id", "eos_token_id", "pad_token_id")


def _shared(llm: Config) -> dict[str, Any]:
    """What both language models call by the same name, with their rotary embedding."""
    scaling = dict(llm.get("rope_scaling") or {})
    kind = scaling.pop("type", None) or scaling.pop("rope_type", None) or "default"
    shared = {name: llm[name] for name in _SHARED}
    rope = {**scaling, "rope_type": kind, "rope_theta": shared.pop("rope_theta")}
    return {
        **shared,
        **{name: llm[name] for name in _OPTIONAL if name in llm},
        "rope_parameters": rope,
        "tie_word_embeddings": False,
    }


def _qwen2_config(llm: Config) -> Qwen2Config:
    own = ("use_sliding_window", "sliding_window", "max_window_layers", "attention_dropout")
    return Qwen2Config(**_shared(llm), **{name: llm[name] for name in own if name in llm})


def _internlm2_config(llm: Config) -> LlamaConfig:
    return LlamaConfig(**_shared(llm), attention_bias=llm.get("bias", False))


_LANGUAGE_MODELS = {
    "Qwen2ForCausalLM": (Qwen2Network, _qwen2_config),
    "InternLM2ForCausalLM": (InternLM2Network, _internlm2_config),
}
