"""Where a checkpoint lies: a folder, or a Hugging Face id that is fetched into one."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from internvl.model.errors import ModelError
from internvl.model.zoo import find_entry

INDEX = "model.safetensors.index.json"
SMALL_FILES = ("*.json", "*.txt", "*.model")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find_checkpoint(
    name_or_folder: str | Path, progress: Callable[[float], None] | None = None
) -> Path:
    """The checkpoint's folder; a Hugging Face id, or a name from the catalogue, is downloaded.

    Only safetensors, configuration and tokenizer files are fetched, never code. `progress` hears
    the downloaded fraction, on the downloading threads. Raises ModelError when there is no such
    checkpoint, it can't be fetched, or its weights are no safetensors.
    """
    folder = Path(name_or_folder).expanduser()
    if not folder.is_dir():
        entry = find_entry(str(name_or_folder))
        hub_id = entry.hub_id if entry else str(name_or_folder)
        if folder.exists() or not _HUB_ID.fullmatch(hub_id):
            raise ModelError(
                f"{name_or_folder} is neither a folder nor a Hugging Face id such as "
                "OpenGVLab/InternVL2_5-1B."
            )
        folder = _download(hub_id, entry.bf16_bytes if entry else 1, progress)
    folder = folder.resolve()
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json, so it is not a checkpoint folder.")
    weight_files(folder)
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint folder. Raises ModelError when some are missing."""
    index = folder / INDEX
    if index.is_file():
        names = sorted(
            {Path(name).name for name in read_json(index).get("weight_map", {}).values()}
        )
    else:
        names = ["model.safetensors"]
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return [folder / name for name in names]
    if any(folder.glob("*.bin")):
        raise ModelError(
            f"{folder} has its weights in .bin files, which can run code when opened; only "
            "safetensors are read. Convert them, or use a published InternVL 2.5 checkpoint."
        )
    raise ModelError(f"{folder} lacks {', '.join(missing)}; fetch the whole checkpoint again.")


def stored_shapes(folder: Path) -> dict[str, list[int]]:
    """The shape of every tensor by its name, from the headers of the weight files alone.

    Raises ModelError for a damaged file.
    """
    from safetensors import SafetensorError, safe_open

    shapes = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, "numpy") as file:
                for name in file.keys():  # noqa: SIM118
                    shapes[name] = file.get_slice(name).get_shape()
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path} is damaged, fetch it again: {error}.") from error
    return shapes


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises ModelError naming the file when it holds none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read: {error}.") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path} should hold a JSON object, not a {type(data).__name__}.")
    return data


def _download(hub_id: str, expected: int, progress: Callable[[float], None] | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        folder = snapshot_download(
            hub_id,
            allow_patterns=[*SMALL_FILES, "*.safetensors"],
            tqdm_class=_reporting_bar(progress, expected),
        )
    except GatedRepoError as error:
        raise ModelError(
            f"{hub_id} is gated: accept its terms on huggingface.co, then run `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"There is no {hub_id} on huggingface.co (or it is private).") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"{hub_id} is not on this machine and huggingface.co can't be reached; connect to the "
            "internet or give the folder of a checkpoint."
        ) from error
    except Exception as error:  # errors of the network library have no base of the hub's
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(f"{hub_id} can't be fetched: {reason}.") from error
    return Path(folder)


def _reporting_bar(progress: Callable[[float], None] | None, expected: int) -> type:
    """A silent progress bar that reports the fraction of the bytes that have come.

    The library learns the total file by file; `expected` bytes keep the fraction from jumping.
    """
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    reported = 0.0

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})
            self.counts_bytes = kwargs.get("unit") == "B"

        def update(self, n: float | None = 1) -> None:
            nonlocal reported
            self.n += n or 0
            fraction = self.n / max(self.total or 1, expected)
            if progress and self.counts_bytes and reported < fraction <= 1:
                reported = fraction
                progress(fraction)

    return Bar
