"""Trains a recipe: python -m internvl.training.loop --recipe fine-tune --stage all --output DIR

Each stage starts from the checkpoint of the one before and leaves one in DIR/stage-NAME/model,
with log.csv and report.json beside it; DIR/loss.png shows all losses. A run that was killed, or
stopped by --minutes, goes on with --resume and comes to the same losses. On several GPUs or
machines put `accelerate launch` in front (docs/training.md).
"""

import argparse
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from accelerate import Accelerator, PartialState

from internvl.model import ModelError
from internvl.model.source import find_checkpoint
from internvl.training.log import packing_summary, plot_losses, read_log
from internvl.training.mixture import DataError
from internvl.training.network import choose_precision
from internvl.training.recipe_files import read_recipe, recipe_names
from internvl.training.run import Run, TrainingError
from internvl.training.stages import STAGES, Recipe, RecipeError

FEW = 30  # optimizer steps
PATIENCE = timedelta(hours=2)  # processes wait while the first one writes a large model


def train(
    recipe: Recipe,
    stages: Sequence[str],
    output: Path,
    resume: bool = False,
    minutes: float | None = None,
) -> bool:
    """Run these stages of a recipe; False when `minutes` ended before the last was done.

    Raises RecipeError, DataError, ModelError or TrainingError.
    """
    deadline = time.monotonic() + 60 * (math.inf if minutes is None else minutes)
    precision = choose_precision(recipe.precision, PartialState(timeout=PATIENCE).device)
    accelerator = Accelerator(mixed_precision="no" if recipe.shard else precision)
    if precision != recipe.precision:
        accelerator.print("This device is slow in bfloat16: everything is computed in float32.")
    for name in stages:
        folder = output / f"stage-{name}"
        if (folder / "model").is_dir() and resume:
            accelerator.print(f"Stage {name} is finished already.")
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # of a kill at its very end
            continue
        _check_folder(folder, recipe, resume)
        if not _train_stage(recipe, name, output, accelerator, resume, deadline):
            accelerator.print(f"Stopped after {minutes:g} minutes; continue with --resume.")
            return False
    if accelerator.is_main_process:
        _plot(output)
    return True


def _train_stage(
    recipe: Recipe,
    name: str,
    output: Path,
    accelerator: Accelerator,
    resume: bool,
    deadline: float,
) -> bool:
    if name not in recipe.stages:
        raise RecipeError(f"the recipe has no stage {name}, only {', '.join(recipe.stages)}")
    folder = output / f"stage-{name}"
    before = _stage_before(name, output)
    start = before or find_checkpoint(recipe.model)
    tower = None if before else recipe.vision_tower_from
    if tower and recipe.stages[name].lora:
        raise RecipeError("LoRA leaves the vision tower as it is: give no `vision_tower_from`")
    run = Run(recipe, name, start, folder, accelerator, tower)
    for line in [f"Stage {name} starts from {start}.", *run.corpus.report.lines()]:
        accelerator.print(line)
    if accelerator.is_main_process:
        if not resume:
            print(_expect(run))
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(recipe, folder / "recipe.json")
    if resume:
        run.resume()
    accelerator.wait_for_everyone()
    if not run.train(deadline):
        return False
    accelerator.print(packing_summary(read_log(folder / "log.csv")))
    accelerator.print(f"Stage {name} is finished: {folder / 'model'}")
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    return True


def _expect(run: Run) -> str:
    """About how many steps a stage will take, and whether they are few."""
    sequences = run.corpus.estimate_sequences(run.total, run.recipe.packing)
    steps = math.ceil(sequences / run.stage.batch)
    advice = "" if steps >= FEW else ": very few to learn from; lower `batch` or raise `epochs`"
    return f"About {steps:,} optimizer steps{advice}."


def _stage_before(name: str, output: Path) -> Path | None:
    """The model of the stage before this one in the same output folder.

    Raises RecipeError when that is unfinished.
    """
    for before in reversed(STAGES[: STAGES.index(name)]):
        folder = output / f"stage-{before}"
        if (folder / "model").is_dir():
            return folder / "model"
        if folder.is_dir():
            raise RecipeError(
                f"stage {before} in {output} is unfinished: first --resume it, or choose another "
                "--output"
            )
    return None


def _check_folder(folder: Path, recipe: Recipe, resume: bool) -> None:
    """An unfinished run is not overwritten, and is continued with its own recipe only."""
    path = folder / "recipe.json"
    if not path.is_file():
        return
    if not resume:
        raise RecipeError(f"{folder} has a run already: add --resume, or choose another --output")
    free = ("workers", "checkpoint_every", "precision", "stages")
    old, new = json.loads(path.read_text("utf-8")), recipe.to_json()
    name = folder.name.removeprefix("stage-")
    changed = [key for key in new if key not in free and old.get(key) != new[key]]
    before, now = ({**r["stages"].get(name, {}), "learning_rate": 0} for r in (old, new))
    changed += ["stages"] * (before != now)
    if changed:
        raise RecipeError(f"{folder} was begun with another recipe: {', '.join(changed)} differ")


def _write_json(recipe: Recipe, path: Path) -> None:
    partial = path.with_name(f".{path.name}")
    partial.write_text(json.dumps(recipe.to_json(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(path)


def _plot(output: Path) -> None:
    logs = [(name, output / f"stage-{name}" / "log.csv") for name in STAGES]
    plot_losses([(name, path) for name, path in logs if path.is_file()], output / "loss.png")
    print(f"The losses are in {output / 'loss.png'}")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = ", ".join(recipe_names())
    parser.add_argument("--recipe", required=True, help=f"a recipe file, or one of {names}")
    parser.add_argument("--stage", default="all", choices=(*STAGES, "all"))
    parser.add_argument("--output", type=Path, required=True, help="folder for models and logs")
    parser.add_argument("--resume", action="store_true", help="continue what is in the folder")
    parser.add_argument("--model", help="checkpoint to start from, instead of the recipe's")
    parser.add_argument("--mixture", help="mixture file, instead of the recipe's")
    parser.add_argument("--minutes", type=float, help="stop with a checkpoint after so long")
    given = parser.parse_args(arguments)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        recipe = read_recipe(given.recipe)
        recipe = replace(recipe, model=given.model or recipe.model)
        if given.mixture:
            alike = {name: replace(stage, mixture=None) for name, stage in recipe.stages.items()}
            recipe = replace(recipe, mixture=given.mixture, stages=alike)
        stages = recipe.order() if given.stage == "all" else [given.stage]
        train(recipe, stages, given.output, given.resume, given.minutes)
    except (RecipeError, DataError, ModelError, TrainingError) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
