"""A model: network and tokenizer, read from a checkpoint folder and written back to one."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn
from transformers import PreTrainedTokenizerBase

from internvl.model.architecture import Layout, read_layout
from internvl.model.errors import ModelError
from internvl.model.network import Network, original_tensors
from internvl.model.source import read_json, weight_files
from internvl.model.tokenizer import IMAGE_TOKEN, STOP_TOKEN, load_tokenizer, token_id
from internvl.model.weights import Placement, load_network

SMALL = 100_000_000  # bytes: so small a checkpoint is kept beside source code, in small files

_COPIED = (
    "*.py",
    "added_tokens.json",
    "chat_template.*",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "pre*processor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer*",
    "vocab.json",
)


@dataclass(frozen=True, eq=False)
class Model:
    """A network in evaluation mode, with its tokenizer and what the prompt must know of it.

    `config` is the checkpoint's `config.json`, `folder` holds its tokenizer files. `stored` is the
    folder with the weights it was read from, None for a new model.
    """

    network: Network
    tokenizer: PreTrainedTokenizerBase
    config: Mapping[str, Any]
    folder: Path
    name: str
    tile_size: int
    tokens_per_tile: int
    quantization: str = "none"
    stored: Path | None = None

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together (the language model's own limit)."""
        llm: Any = self.network.config.text_config
        return int(llm.max_position_embeddings)

    @property
    def image_token_id(self) -> int:
        """The id of `<IMG_CONTEXT>`, one for each visual token."""
        return token_id(self.tokenizer, IMAGE_TOKEN)

    @property
    def stop_id(self) -> int:
        """The id of `<|im_end|>`, which ends an answer."""
        return token_id(self.tokenizer, STOP_TOKEN)

    @property
    def device(self) -> torch.device:
        """Where inputs go."""
        weight: torch.Tensor = self.network.model.vision_tower.embeddings.cls_token
        return weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What the network computes in."""
        weight: torch.Tensor = self.network.model.vision_tower.embeddings.cls_token
        return weight.dtype

    def save(self, folder: str | Path, max_shard_size: str | None = None) -> None:
        """Write the checkpoint in the layout and under the names it was read with.

        Weights that have not changed keep the bytes they were read from, also when the network
        computes in another precision. Configuration and tokenizer files are copied. The folder may
        be the one the model was read from. Without `max_shard_size` files have up to 9 MB if all
        together have up to 100 MB, and else up to 4 GB. Raises ModelError for a quantised model, or
        one that is partly kept in main memory.
        """
        if self.quantization != "none":
            raise ModelError(f"A {self.quantization} model can't be saved; load it unquantised.")
        if any(tensor.is_meta for tensor in self.network.state_dict().values()):
            raise ModelError(
                "A model that is partly kept in main memory can't be saved; load it on the CPU."
            )
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as name:
            new = Path(name)
            self._write(new, max_shard_size)
            written = {path.replace(folder / path.name) for path in new.iterdir()}
        for old in set(folder.glob("model*.safetensors*")) - written:
            old.unlink()

    def _write(self, folder: Path, max_shard_size: str | None) -> None:
        from huggingface_hub import save_torch_state_dict

        tensors = self._tensors()
        if max_shard_size is None:
            size = sum(tensor.nbytes for tensor in tensors.values())
            max_shard_size = "9MB" if size <= SMALL else "4GB"
        save_torch_state_dict(tensors, folder, max_shard_size=max_shard_size)
        for path in (path for pattern in _COPIED for path in self.folder.glob(pattern)):
            shutil.copyfile(path, folder / path.name)
        if self.stored is None or not _same_precision(tensors, self.stored):
            key = "dtype" if "dtype" in self.config else "torch_dtype"
            config = {**self.config, key: str(self.dtype).removeprefix("torch.")}
            text = json.dumps(config, indent=2, ensure_ascii=False)
            (folder / "config.json").write_text(text + "\n", "utf-8")
        for path in folder.glob("model*.safetensors"):  # the library writes for the owner alone
            shutil.copymode(folder / "config.json", path)

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = original_tensors(self.network)
        if self.stored:
            _restore_precision(tensors, self.stored)
        return tensors


def _restore_precision(tensors: dict[str, torch.Tensor], stored: Path) -> None:
    """Put the stored tensor where the present one is only its rounded copy."""
    for path in weight_files(stored):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                present = tensors.get(name)
                if present is None:
                    continue
                original = file.get_tensor(name)
                rounded = original.to(present.device, present.dtype)
                if original.dtype != present.dtype and torch.equal(rounded, present):
                    tensors[name] = original


def _same_precision(tensors: Mapping[str, torch.Tensor], stored: Path) -> bool:
    """Do all tensors have the type they are stored with?"""
    for path in weight_files(stored):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118
                if file.get_tensor(name).dtype != tensors[name].dtype:
                    return False
    return True


def read_checkpoint(folder: Path, name: str, placement: Placement) -> Model:
    """The model in a checkpoint folder, original or `-hf` layout.

    Raises ModelError when anything is missing, unexpected or misshapen: no weight is ever left
    random.
    """
    config = read_json(folder / "config.json")
    tokenizer = load_tokenizer(folder)
    layout = _layout(config, tokenizer)
    network = load_network(layout, folder, placement)
    return _model(
        layout,
        network,
        tokenizer=tokenizer,
        config=config,
        folder=folder,
        name=name,
        quantization=placement.quantization,
        stored=folder,
    )


def new_model(
    config: Mapping[str, Any],
    tokenizer_folder: str | Path,
    name: str = "new",
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Model:
    """A randomly initialised model for an original-layout `config.json` and tokenizer files.

    `save` writes it as an ordinary checkpoint. Raises ModelError when the two don't match.
    """
    folder = Path(tokenizer_folder)
    tokenizer = load_tokenizer(folder)
    layout = _layout(config, tokenizer)
    with torch.device(device):
        network = layout.network(layout.config)
    network.to(dtype)  # type: ignore[arg-type]
    std = layout.config.to_dict()["vision_config"]["initializer_range"]
    embeddings = network.model.vision_tower.embeddings
    for weight in (embeddings.cls_token, embeddings.position_embeddings):
        nn.init.trunc_normal_(weight, std=std)
    return _model(layout, network, tokenizer=tokenizer, config=config, folder=folder, name=name)


def _layout(config: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> Layout:
    layout = read_layout(config, token_id(tokenizer, IMAGE_TOKEN))
    rows = layout.llm.vocab_size
    if len(tokenizer) > rows:
        raise ModelError(
            f"The tokenizer has {len(tokenizer):,} tokens, the network has embeddings for {rows:,}."
        )
    return layout


def _model(layout: Layout, network: Network, **rest: Any) -> Model:
    network.train(False)
    return Model(
        network, tile_size=layout.tile_size, tokens_per_tile=layout.tokens_per_tile, **rest
    )
