"""The recipe as data: what each stage trains, how fast, on what (arXiv 2412.05271, section 3)."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PARTS = ("vision_tower", "projector", "language_model")
STAGES = ("1", "1.5", "2")
_LEAST = {"context": 1, "tiles_per_sequence": 1, "buffers": 1, "rows": 1, "checkpoint_every": 1}
_LEAST |= {"workers": 0, "seed": 0}


class RecipeError(ValueError):
    """A recipe that can't be read or makes no sense; the message says what to change."""


@dataclass(frozen=True)
class Lora:
    """Low-rank tuning of the language model's linear layers."""

    rank: int = 16
    alpha: float = 32
    dropout: float = 0.05


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    `batch` is the number of sequences of one optimizer step over all processes. `warmup` is a
    share of the stage. `max_tiles` lowers the mixture's budgets; `mixture` replaces the recipe's.
    `epochs` may be a fraction. With `lora` the parts in `trains` must be the language model alone.
    """

    trains: tuple[str, ...]
    learning_rate: float
    batch: int = 512
    drop_path: float = 0.0
    weight_decay: float = 0.01
    epochs: float = 1.0
    schedule: str = "cosine"
    warmup: float = 0.03
    max_tiles: int | None = None
    mixture: str | None = None
    lora: Lora | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "trains", tuple(self.trains))
        check(bool(self.trains), "a stage has to train something: give `trains`")
        for part in self.trains:
            check(part in PARTS, f"`trains` has {part!r}; the parts are {', '.join(PARTS)}")
        check(self.schedule in ("cosine", "constant"), f"no schedule is called {self.schedule!r}")
        check(self.learning_rate > 0, f"learning_rate must be positive, not {self.learning_rate}")
        check(0 <= self.drop_path < 1, f"drop_path must be in [0, 1), not {self.drop_path}")
        check(0 <= self.warmup <= 1, f"warmup must be in [0, 1], not {self.warmup}")
        _check_whole("batch", self.batch, 1)
        check(self.epochs > 0, f"epochs must be positive, not {self.epochs}")
        if self.max_tiles is not None:
            _check_whole("max_tiles", self.max_tiles, 1)
        if self.lora:
            check(self.trains == ("language_model",), "LoRA trains the language model alone")

    def rate(self, progress: float) -> float:
        """The learning rate when this share of the stage is done.

        >>> [round(Stage(PARTS, 1.0, warmup=0.1).rate(p), 2) for p in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        if progress < self.warmup:
            return self.learning_rate * progress / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        left = (1 - progress) / (1 - self.warmup) if self.warmup < 1 else 0.0
        return self.learning_rate * 0.5 * (1 - math.cos(math.pi * left))


@dataclass(frozen=True)
class Recipe:
    """A whole training: the checkpoint to start from, the data, the stages and the limits.

    `vision_tower_from` is a checkpoint whose vision tower (and nothing else) replaces the model's:
    progressive scaling; stage 1.5 is then skipped. `context` and `tiles_per_sequence` bound a
    packed sequence. Without `packing` a sequence is one sample, and `rows` of them are padded to
    one length. `precision` is bf16, which a device that is slow in it replaces by float32, or no.
    `workers` read samples ahead in as many processes. `shard` splits the weights over
    all processes (FSDP2).
    """

    model: str
    mixture: str
    stages: Mapping[str, Stage] = field(default_factory=dict)
    vision_tower_from: str | None = None
    seed: int = 0
    context: int = 16384
    tiles_per_sequence: int = 48
    packing: bool = True
    buffers: int = 20
    rows: int = 1
    loss: str = "square"
    random_jpeg: bool = True
    video_frames: tuple[int, int] = (8, 32)
    precision: str = "bf16"
    attention: str = "sdpa"
    gradient_checkpointing: bool = True
    max_gradient: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    checkpoint_every: int = 100
    workers: int = 4
    shard: bool = False

    def __post_init__(self) -> None:
        for name in ("video_frames", "betas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, least in _LEAST.items():
            _check_whole(name, getattr(self, name), least)
        losses = ("token", "sample", "square")
        check(self.loss in losses, f"loss is one of {', '.join(losses)}, not {self.loss!r}")
        check(self.precision in ("bf16", "no"), f"precision is bf16 or no, not {self.precision!r}")
        check(not self.packing or self.rows == 1, "rows is for unpacked training; set packing off")
        low, high = self.video_frames
        check(1 <= low <= high, f"video_frames must be two rising numbers, not {low} and {high}")

    def order(self) -> list[str]:
        """The names of the stages that `--stage all` runs."""
        names = [name for name in STAGES if name in self.stages]
        return [name for name in names if not (name == "1.5" and self.vision_tower_from)]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values, the form a recipe file has."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


def _check_whole(name: str, value: Any, least: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
    check(whole, f"{name} must be a whole number from {least} on, not {value!r}")


def check(condition: bool, message: str) -> None:
    """Raises RecipeError with this message unless the condition is met."""
    if not condition:
        raise RecipeError(message)
