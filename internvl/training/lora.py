"""LoRA tuning of a checkpoint's language model, and merging the result.

    python -m internvl.training.loop --recipe lora --model OpenGVLab/InternVL2_5-1B \\
        --mixture my.json --stage 2 --output runs/mine
    python -m internvl.training.lora merge runs/mine/stage-2/adapter --output runs/mine/merged

The loop writes the adapter (peft's format) and the merged model; `merge` makes the latter again,
also for an adapter from elsewhere. The vision tower and the projector stay as they were.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from internvl.model import ModelError
from internvl.training.network import open_model, save_whole, stored_dtype, written_whole
from internvl.training.stages import Lora

if TYPE_CHECKING:
    from peft import LoraConfig

_LAYERS = r".*language_model\.layers\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
_PREFIX = "base_model.model."


def add_lora(network: nn.Module, lora: Lora) -> None:
    """Put trainable low-rank layers beside the language model's linear layers; freeze the rest."""
    from peft import inject_adapter_in_model

    network.requires_grad_(False)
    inject_adapter_in_model(_config(lora), network)


def save_adapter(weights: dict[str, torch.Tensor], lora: Lora, start: Path, folder: Path) -> None:
    """Write the low-rank layers among `weights` as a peft adapter of the checkpoint `start`."""
    from safetensors.torch import save_file

    adapter = {
        _PREFIX + name.replace(".default.", "."): tensor.contiguous()
        for name, tensor in weights.items()
        if ".lora_" in name
    }
    config = _config(lora)
    config.base_model_name_or_path = str(start)
    with written_whole(folder) as partial:
        save_file(adapter, partial / "adapter_model.safetensors")
        config.save_pretrained(str(partial))


def merge(adapter: Path, output: Path, start: str | Path | None = None) -> None:
    """Write the checkpoint that an adapter makes of its base (or of `start`) as a whole.

    Raises ModelError when the base is not found, or the adapter doesn't fit it.
    """
    from peft import PeftConfig, PeftModel

    if not (adapter / "adapter_config.json").is_file():
        raise ModelError(f"{adapter} is no adapter folder: it has no adapter_config.json.")
    base = start or PeftConfig.from_pretrained(str(adapter)).base_model_name_or_path
    if not base:
        raise ModelError(f"{adapter} doesn't say which checkpoint it is for; give --model.")
    model = open_model(base)
    tuned: Any = PeftModel.from_pretrained(model.network, str(adapter))
    tuned.merge_and_unload()
    network: nn.Module = model.network
    network.to(stored_dtype(model.folder))
    save_whole(model, output)


def _config(lora: Lora) -> "LoraConfig":
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        target_modules=_LAYERS,
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("merge", help="write adapter and base as one checkpoint")
    command.add_argument("adapter", type=Path)
    command.add_argument("--output", type=Path, required=True)
    command.add_argument("--model", help="the base, if not the one the adapter names")
    given = parser.parse_args(arguments)
    try:
        merge(given.adapter, given.output, given.model)
    except ModelError as error:
        sys.exit(str(error))
    print(f"The merged checkpoint is in {given.output}")


if __name__ == "__main__":
    main()
