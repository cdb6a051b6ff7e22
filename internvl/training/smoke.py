"""A rehearsal of a whole training in minutes: python -m internvl.training.smoke --output runs/smoke

A tiny model, its language half taught the answers first, learns drawn scenes in stages 1, 1.5 and
2, is killed in the middle, goes on, and is evaluated. Fails when the losses don't fall.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from internvl.model import new_model
from internvl.training.geometry import Geometry, original_config
from internvl.training.log import read_log
from internvl.training.stages import STAGES
from internvl.training.vocabulary import train_tokenizer

_GEOMETRY = Geometry(
    vision_width=64, vision_layers=2, width=96, layers=2, heads=4, kv_heads=2, ffn=256
)
_MIXTURE = {"scenes": {"scenes": ["single", "objects"], "samples": 96, "max_tiles": 1}}
_STAGE = {"batch": 2, "learning_rate": 3e-3}
_LANGUAGE = {"trains": ["language_model"], "batch": 2, "epochs": 1, "learning_rate": 5e-3}
_RECIPE = {
    "extends": "InternVL2_5-1B",
    "mixture": "mixture.json",
    "context": 1280,
    "tiles_per_sequence": 12,
    "precision": "no",
    "gradient_checkpointing": False,
    "checkpoint_every": 5,
    "workers": 1,
}
_STAGES = {
    "1": _STAGE,
    "1.5": {**_STAGE, "epochs": 3},  # slow: its last third is compared with the same samples
    "2": {**_STAGE, "epochs": 1.5},
}
_KILLED_IN, _KILLED_AFTER = "1.5", 7


def rehearse(folder: Path, samples: int) -> None:
    """The whole of it in `folder`. Raises CalledProcessError or RuntimeError when it fails."""
    shutil.rmtree(folder, ignore_errors=True)
    _prepare(folder)
    output = folder / "run"
    subprocess.run(_training(folder / "language.json", folder / "language"), check=True)
    command = _training(folder / "recipe.json", output)
    _start_and_kill(command, output / f"stage-{_KILLED_IN}" / "log.csv")
    print(f"Killed in stage {_KILLED_IN}; going on.", flush=True)
    subprocess.run([*command, "--resume"], check=True)
    for name in STAGES:
        _check_losses(output, name)
    evaluate = [sys.executable, "-m", "internvl.training.evaluate"]
    evaluate += ["--model", str(output / "stage-2" / "model"), "--samples", str(samples)]
    subprocess.run([*evaluate, "--tasks", "objects/single,objects", "--max-tiles", "1"], check=True)


def _prepare(folder: Path) -> None:
    """Tokenizer, a fresh model, mixture and recipes."""
    tokenizer = folder / "tokenizer"
    train_tokenizer(tokenizer)
    torch.manual_seed(0)
    model = new_model(original_config(_GEOMETRY, tokenizer), tokenizer, "smoke")
    model.save(folder / "start")
    (folder / "mixture.json").write_text(json.dumps(_MIXTURE), "utf-8")
    language = {**_RECIPE, "model": "start", "stages": {"1": None, "1.5": None, "2": _LANGUAGE}}
    (folder / "language.json").write_text(json.dumps(language), "utf-8")
    start = str((folder / "language" / "stage-2" / "model").resolve())
    recipe = {**_RECIPE, "model": start, "stages": _STAGES}
    (folder / "recipe.json").write_text(json.dumps(recipe), "utf-8")


def _training(recipe: Path, output: Path) -> list[str]:
    command = [sys.executable, "-m", "internvl.training.loop", "--stage", "all"]
    return [*command, "--recipe", str(recipe), "--output", str(output)]


def _start_and_kill(command: list[str], log: Path) -> None:
    """Start a training and kill it, without warning, when the log has enough steps."""
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "2"})
    while len(read_log(log)) < _KILLED_AFTER:
        if process.poll() is not None:
            raise RuntimeError(f"the training ended with {process.returncode} before it was killed")
        time.sleep(0.05)
    process.kill()
    process.wait()


def _check_losses(output: Path, name: str) -> None:
    entries = read_log(output / f"stage-{name}" / "log.csv")
    if [entry.step for entry in entries] != list(range(1, len(entries) + 1)):
        raise RuntimeError(f"the log of stage {name} has gaps or repeats")
    third = max(1, len(entries) // 3)
    first, last = (
        sum(entry.loss for entry in part) / third for part in (entries[:third], entries[-third:])
    )
    print(f"stage {name}: loss {first:.3f} -> {last:.3f} in {len(entries)} steps", flush=True)
    if last >= first:
        raise RuntimeError(f"the loss of stage {name} did not fall")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("runs/smoke"))
    parser.add_argument("--samples", type=int, default=20, help="scenes per task of the evaluation")
    given = parser.parse_args()
    began = time.monotonic()
    rehearse(given.output, given.samples)
    print(f"All of it took {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
