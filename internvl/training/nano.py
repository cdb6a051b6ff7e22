"""Make the embedded nano model from nothing; every part goes on from its last checkpoint.

python -m internvl.training.nano --output runs/nano --save assets/nano
python -m internvl.training.nano --patch-size 14 --device cuda --workers 15 --tower-batch 128 \
    --tokens 48000 --tiles 400 --output runs/nano14 --save nano14

The second makes the published geometry, 256 visual tokens per tile; it wants a GPU and the cores to
draw for it.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from internvl.training.phases import PHASES
from internvl.training.vocabulary import train_tokenizer


@dataclass(frozen=True)
class Plan:
    """Where the parts go, how long they train (steps), and what a step takes.

    `tower_batch` counts tiles; a step on conversations has at most `tokens` padded tokens and
    `tiles` tiles. `workers` processes draw.
    """

    output: Path
    save: Path
    patch_size: int = 28
    downsample_ratio: float = 0.5
    device: str = "cpu"
    threads: int = 2
    workers: int = 1
    tower_batch: int = 32
    tokens: int = 6000
    tiles: int = 64
    tower_steps: int = 6000
    language_steps: int = PHASES["language"].steps
    labels_steps: int = PHASES["labels"].steps
    projector_steps: int = PHASES["projector"].steps
    growth_steps: int = PHASES["growth"].steps
    everything_steps: int = PHASES["everything"].steps


def commands(plan: Plan) -> Iterator[list[str]]:
    """The command lines of the parts, in order."""
    shared = ["--device", plan.device, "--threads", str(plan.threads)]
    shared += ["--workers", str(plan.workers), "--patch-size", str(plan.patch_size)]
    tower = plan.output / "tower"
    yield [
        "internvl.training.pretrain",
        *("--output", str(tower), "--steps", str(plan.tower_steps)),
        *("--batch", str(plan.tower_batch)),
        *shared,
    ]
    start: list[str] = []
    for phase in PHASES:
        command = ["internvl.training.instruct", "--phase", phase, "--output", str(plan.output)]
        command += ["--tokenizer", str(plan.output / "tokenizer")]
        command += ["--steps", str(getattr(plan, f"{phase}_steps")), *start, *shared]
        command += ["--tokens", str(plan.tokens), "--tiles", str(plan.tiles)]
        command += ["--downsample-ratio", str(plan.downsample_ratio)]
        if phase == "projector":
            command += ["--tower", str(tower / "tower.pt")]
        if phase == "everything":
            command += ["--save", str(plan.save)]
        yield command
        start = ["--start", str(plan.output / f"phase-{phase}.pt")]


def make(plan: Plan) -> None:
    """Run all parts. Raises CalledProcessError when one fails."""
    tokenizer = plan.output / "tokenizer"
    if not (tokenizer / "vocab.json").exists():
        train_tokenizer(tokenizer)
    for command in commands(plan):
        print("python -m", *command, flush=True)
        subprocess.run([sys.executable, "-m", *command], check=True)


def main() -> None:
    """The command line; every number of the plan is an option."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("runs/nano"))
    parser.add_argument("--save", type=Path, required=True, help="the checkpoint folder to write")
    for name, default in Plan.__dataclass_fields__.items():
        if name not in ("output", "save"):
            kind = type(default.default)
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default.default)
    make(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
