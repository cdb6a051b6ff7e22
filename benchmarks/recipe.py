"""What the parts of the recipe are worth at nano scale, as two tables.

    python -m benchmarks.recipe ablations --tower runs/nano/tower/tower.pt --output runs/ablations
    python -m benchmarks.recipe progressive --tower runs/early/tower.pt --output runs/progressive

Every run starts from the embedded model's language model, the vision tower given (its pre-training
makes it; for "progressive" one from early on, with something left to learn in stage 1.5) and a
fresh projector that has been shown the words for what it sees. It learns the same drawn scenes and
is measured on the same held-out ones. Runs that are finished are not repeated: take another
`--output` after a change. Prints Markdown and writes benchmarks/results/recipe-*.json.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from benchmarks.figures import RESULTS
from benchmarks.material import NANO
from internvl.chat import render
from internvl.model import Model, encode
from internvl.preprocessing import compress
from internvl.training.batches import collate
from internvl.training.evaluate import evaluate
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry
from internvl.training.gloss import GLOSS_TILES, teach
from internvl.training.instruct import Run
from internvl.training.label_projector import new_label_projector
from internvl.training.log import Entry, read_log
from internvl.training.network import open_model, save_whole
from internvl.training.phases import PHASES
from internvl.training.pretrain import Tiles
from internvl.training.samples import Sample, choose_exchanges, converse, cut, stack, tile_counts
from internvl.training.scenes import draw
from internvl.training.starts import build, join_tower

KINDS = ("single", "objects", "text", "talk")
ALL = ["vision_tower", "projector", "language_model"]
STAGES: dict[str, Any] = {
    "1": {"trains": ["projector"], "learning_rate": 1e-3, "batch": 1, "epochs": 0.5},
    "1.5": {"trains": ALL[:2], "learning_rate": 5e-4, "batch": 1, "drop_path": 0.1},
    "2": {"trains": ALL, "learning_rate": 3e-4, "batch": 1, "drop_path": 0.1},
}
FULL: dict[str, Any] = {
    "mixture": "mixture.json",
    "context": 1280,
    "tiles_per_sequence": 12,
    "buffers": 8,
    "gradient_checkpointing": False,
    "checkpoint_every": 10_000,
    "workers": 1,
    "stages": {"1": STAGES["1"], "2": STAGES["2"]},
}
ROWS = 5  # about the samples that a packed sequence holds: as many steps as with packing
UNPACKED = {name: {**FULL["stages"][name], "batch": ROWS} for name in FULL["stages"]}
ABLATIONS: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "token averaging": {"loss": "token"},
    "sample averaging": {"loss": "sample"},
    "no random JPEG": {"random_jpeg": False},
    "no packing": {"packing": False, "rows": ROWS, "stages": UNPACKED},
    "no stage 1": {"stages": {"2": {**STAGES["2"], "epochs": 1.5}}},
}


def write_mixture(folder: Path, samples: int) -> None:
    """Drawn scenes of one tile, the same for every run."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"scenes": KINDS, "samples": samples, "max_tiles": 1, "augment": True, "seed": 11}
    (folder / "mixture.json").write_text(json.dumps({"drawn": drawn}), "utf-8")


def train(folder: Path, name: str, changes: Mapping[str, Any]) -> list[Entry]:
    """Train FULL with `changes` unless that is done; returns the log of all its stages."""
    recipe = {**FULL, **changes}
    name = name.replace(" ", "-")
    path, output = folder / f"{name}.json", folder / name
    path.write_text(json.dumps(recipe), "utf-8")
    command = [sys.executable, "-m", "internvl.training.loop", "--recipe", str(path)]
    subprocess.run([*command, "--output", str(output), "--resume"], check=True)
    return [entry for stage in recipe["stages"] for entry in read_log(_stage(output, stage))]


def _stage(output: Path, stage: str) -> Path:
    return output / f"stage-{stage}" / "log.csv"


def held_out(model: Model, count: int, quality: int | None = None) -> list[Sample]:
    """Held-out scenes with their questions and answers; with `quality` as JPEGs of that quality."""
    samples = []
    for number in range(count):
        scene = draw(KINDS[number % len(KINDS)], number, "held-out", seed=5)
        exchanges = choose_exchanges(random.Random(number), scene, 12)
        tiles = cut(scene, 1)
        counts = tile_counts(scene, tiles)
        segments = render(converse(scene, exchanges), counts, model.tokens_per_tile)
        flat = [tile for picture in tiles for tile in picture]
        flat = [compress(tile, quality) for tile in flat] if quality else flat
        samples.append(Sample(*encode(model.tokenizer, segments), stack(flat)))
    return samples


def losses(model: Model, samples: list[Sample]) -> tuple[float, float]:
    """The mean loss of a token, and of a sample (the mean of its tokens)."""
    with torch.no_grad():
        means = [batch_loss(model, collate([sample]), True)[0].item() for sample in samples]
    sizes = [sum(sample.learned) for sample in samples]
    by_token = sum(m * n for m, n in zip(means, sizes, strict=True)) / sum(sizes)
    return by_token, sum(means) / len(means)


def measure(folder: Path, name: str, entries: list[Entry], count: int) -> dict[str, Any]:
    """What a finished run knows and what it cost."""
    model = open_model(folder / name.replace(" ", "-") / "stage-2" / "model")
    by_token, by_sample = losses(model, held_out(model, count))
    named = evaluate(model, ["objects/single"], count, 1, seed=9)["objects/single"]
    places = sum(entry.places for entry in entries)
    return {
        "run": name,
        "loss_per_token": by_token,
        "loss_per_sample": by_sample,
        "loss_per_sample_jpeg_30": losses(model, held_out(model, count, 30))[1],
        "single_objects": named.accuracy,
        "single_objects_interval": [named.low, named.high],
        "padding": 1 - sum(entry.tokens for entry in entries) / places,
        "seconds": sum(entry.seconds for entry in entries),
        "steps": len(entries),
    }


def ablations(tower: Path, output: Path, samples: int, count: int) -> list[dict[str, Any]]:
    """A row per variant of the recipe."""
    write_mixture(output, samples)
    start = _begin(open_model(NANO), tower, output / "start")
    rows = []
    for name, changes in ABLATIONS.items():
        entries = train(output, name, {"model": start, **changes})
        rows.append(measure(output, name, entries, count))
    return rows


def progressive(tower: Path, output: Path, samples: int, count: int) -> list[dict[str, Any]]:
    """Stage 1.5 with the language model itself, with a small one instead, and not at all."""
    write_mixture(output, samples)
    large = _begin(open_model(NANO), tower, output / "large")
    small = _begin(_small_model(output), tower, output / "small")
    early = {"1": STAGES["1"], "1.5": STAGES["1.5"]}
    late = {"1": STAGES["1"], "2": STAGES["2"]}
    borrowed = train(output, "tower with a small model", {"model": small, "stages": early})
    trained = str(output.resolve() / "tower-with-a-small-model" / "stage-1.5" / "model")
    rows = []
    for name, changes, before in (
        ("no stage 1.5", {"stages": late}, []),
        ("stage 1.5 with itself", {"stages": {**early, **late}}, []),
        ("tower from the small model", {"stages": late, "vision_tower_from": trained}, borrowed),
    ):
        entries = train(output, name, {"model": large, **changes})
        rows.append(measure(output, name, entries, count))
        rows[-1]["seconds_of_the_small_model"] = sum(entry.seconds for entry in before)
    return rows


def _begin(model: Model, tower: Path, folder: Path) -> str:
    """The model with this tower and a projector that has been shown its words, as a folder."""
    if not folder.is_dir():
        torch.manual_seed(0)
        join_tower(model, tower)
        tiles = iter(DataLoader(Tiles(GLOSS_TILES), 24, num_workers=1))
        lessons = teach(model, new_label_projector(model), tiles, 150)
        print("missing", [round(missing, 2) for missing in lessons][::30])
        save_whole(model, folder)
    return str(folder.resolve())


def _small_model(output: Path) -> Model:
    """A language model a tenth as heavy as nano's that has read scenes in words."""
    torch.manual_seed(0)
    model = build(replace(Geometry(), width=160, layers=2, ffn=352), NANO)
    phase = replace(PHASES["language"], steps=150, lr=2e-3)
    Run(model, phase, output).train(minutes=10, workers=1, tokens=6000, tiles=64)
    return model


def table(rows: list[dict[str, Any]], columns: dict[str, Callable[[dict[str, Any]], str]]) -> str:
    """Rows as Markdown."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(cell(row) for cell in columns.values())} |" for row in rows]
    return "\n".join(lines)


def _named(row: dict[str, Any]) -> str:
    low, high = row["single_objects_interval"]
    return f"{row['single_objects']:.0%} ({100 * low:.0f}-{100 * high:.0f})"


COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "run": lambda row: str(row["run"]),
    "loss per token": lambda row: f"{row['loss_per_token']:.3f}",
    "loss per sample": lambda row: f"{row['loss_per_sample']:.3f}",
}
TABLES: dict[str, dict[str, Callable[[dict[str, Any]], str]]] = {
    "ablations": {
        **COLUMNS,
        "the same, JPEG quality 30": lambda row: f"{row['loss_per_sample_jpeg_30']:.3f}",
        "single objects named": _named,
        "padding": lambda row: f"{row['padding']:.1%}",
        "seconds": lambda row: f"{row['seconds']:.0f}",
    },
    "progressive": {
        **COLUMNS,
        "single objects named": _named,
        "seconds": lambda row: f"{row['seconds']:.0f}",
        "seconds of the small model": lambda row: f"{row['seconds_of_the_small_model']:.0f}",
    },
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=TABLES)
    parser.add_argument("--tower", type=Path, required=True, help="a tower.pt of pretrain")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=600, help="samples of one epoch")
    parser.add_argument("--count", type=int, default=120, help="held-out scenes to measure with")
    given = parser.parse_args()
    make = ablations if given.what == "ablations" else progressive
    rows = make(given.tower, given.output, given.samples, given.count)
    RESULTS.mkdir(exist_ok=True)
    content = {"samples": given.samples, "count": given.count, "runs": rows}
    path = RESULTS / f"recipe-{given.what}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    print(table(rows, TABLES[given.what]))


if __name__ == "__main__":
    main()
