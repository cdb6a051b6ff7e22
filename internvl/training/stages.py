"""The recipe as data: what each stage trains, how fast, on what (arXiv 2412.05271, section 3).

    read_recipe("InternVL2_5-1B")   # the published stages of that size
    read_recipe("fine-tune")        # a file of internvl/training/recipes
    read_recipe("mine.json")        # {"extends": "fine-tune", "stages": {"2": {"batch": 16}}}

A file says what differs from the recipe it extends. Unknown names are errors.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

PARTS = ("vision_tower", "projector", "language_model")
STAGES = ("1", "1.5", "2")
_LEAST = {"context": 1, "tiles_per_sequence": 1, "buffers": 1, "rows": 1, "checkpoint_every": 1}
_LEAST |= {"workers": 0, "seed": 0}
_T = TypeVar("_T", "Lora", "Stage", "Recipe")
_FOLDER = Path(__file__).parent / "recipes"


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
        _check(bool(self.trains), "a stage has to train something: give `trains`")
        for part in self.trains:
            _check(part in PARTS, f"`trains` has {part!r}; the parts are {', '.join(PARTS)}")
        _check(self.schedule in ("cosine", "constant"), f"no schedule is called {self.schedule!r}")
        _check(self.learning_rate > 0, f"learning_rate must be positive, not {self.learning_rate}")
        _check(0 <= self.drop_path < 1, f"drop_path must be in [0, 1), not {self.drop_path}")
        _check(0 <= self.warmup <= 1, f"warmup must be in [0, 1], not {self.warmup}")
        _check_whole("batch", self.batch, 1)
        _check(self.epochs > 0, f"epochs must be positive, not {self.epochs}")
        if self.max_tiles is not None:
            _check_whole("max_tiles", self.max_tiles, 1)
        if self.lora:
            _check(self.trains == ("language_model",), "LoRA trains the language model alone")

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
        _check(self.loss in losses, f"loss is one of {', '.join(losses)}, not {self.loss!r}")
        _check(self.precision in ("bf16", "no"), f"precision is bf16 or no, not {self.precision!r}")
        _check(not self.packing or self.rows == 1, "rows is for unpacked training; set packing off")
        low, high = self.video_frames
        _check(1 <= low <= high, f"video_frames must be two rising numbers, not {low} and {high}")

    def order(self) -> list[str]:
        """The names of the stages that `--stage all` runs."""
        names = [name for name in STAGES if name in self.stages]
        return [name for name in names if not (name == "1.5" and self.vision_tower_from)]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON values, the form a recipe file has."""
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data


# Size: drop path of stages 1.5 and 2 (0.4 with the 6B vision tower), learning rate of stage 2,
# weight decay, epochs of stage 2. Published runs took stage 1.5 at 8B and 26B only; the other sizes
# took the vision tower from those (`vision_tower_from`).
_PUBLISHED: dict[str, tuple[float, float, float, int]] = {
    "InternVL2_5-1B": (0.1, 4e-5, 0.01, 4),
    "InternVL2_5-2B": (0.1, 4e-5, 0.01, 4),
    "InternVL2_5-4B": (0.1, 4e-5, 0.01, 2),
    "InternVL2_5-8B": (0.1, 4e-5, 0.05, 1),
    "InternVL2_5-26B": (0.4, 2e-5, 0.05, 1),
    "InternVL2_5-38B": (0.4, 2e-5, 0.05, 1),
    "InternVL2_5-78B": (0.4, 2e-5, 0.05, 1),
}


def published_recipe(size: str) -> Recipe:
    """The recipe of a published size, e.g. "InternVL2_5-1B". Raises KeyError for others.

    >>> published_recipe("InternVL2_5-26B").stages["2"].learning_rate
    2e-05
    """
    drop_path, rate, decay, epochs = _PUBLISHED[size]
    stages = {
        "1": Stage(("projector",), 2e-4, 512, weight_decay=decay),
        "1.5": Stage(("vision_tower", "projector"), 1e-5, 1024, drop_path, decay),
        "2": Stage(PARTS, rate, 512, drop_path, decay, epochs),
    }
    return Recipe(f"OpenGVLab/{size}", "mixture.json", stages)


def recipe_names() -> list[str]:
    """The recipes that have a name."""
    return [*_PUBLISHED, *sorted(path.stem for path in _FOLDER.glob("*.json"))]


def read_recipe(file_or_name: str | Path) -> Recipe:
    """The recipe of a name or file. Paths in a file are relative to it.

    Raises RecipeError.
    """
    if str(file_or_name) in _PUBLISHED:
        return published_recipe(str(file_or_name))
    path = Path(file_or_name)
    if not path.is_file():
        path = _FOLDER / f"{file_or_name}.json"
    if not path.is_file():
        names = ", ".join(recipe_names())
        raise RecipeError(f"{file_or_name} is no recipe file; the recipes with names are {names}")
    try:
        data = json.loads(path.read_text("utf-8"))
        return _from_json(data, path.parent if path.parent != _FOLDER else Path())
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{path}: {error}") from error


def _from_json(data: dict[str, Any], folder: Path) -> Recipe:
    data = dict(data)
    extends = data.pop("extends", None)
    base = read_recipe(_beside(extends, folder)) if extends else None
    for name in ("mixture", "model", "vision_tower_from"):
        if data.get(name):
            data[name] = _beside(data[name], folder)
    given = data.pop("stages", {})
    _check(isinstance(given, Mapping), '`stages` gives changes by name: {"2": {...}}')
    stages = dict(base.stages) if base else {}
    for name, changes in given.items():
        stages = _with_stage(stages, name, changes, folder)
    if base is None:
        return _build(Recipe, {**data, "stages": stages})
    _check_names(Recipe, data)
    return replace(base, **data, stages=stages)


def _with_stage(
    stages: dict[str, Stage], name: str, changes: dict[str, Any] | None, folder: Path
) -> dict[str, Stage]:
    """The stages with one changed, added or (null) left out."""
    _check(name in STAGES, f"no stage is called {name!r}; there are {', '.join(STAGES)}")
    if changes is None:
        return {other: stage for other, stage in stages.items() if other != name}
    changes = dict(changes)
    if changes.get("mixture"):
        changes["mixture"] = _beside(changes["mixture"], folder)
    if changes.get("lora"):
        changes["lora"] = _build(Lora, changes["lora"])
    _check_names(Stage, changes)
    stage = replace(stages[name], **changes) if name in stages else _build(Stage, changes)
    return {**stages, name: stage}


def _build(kind: type[_T], data: dict[str, Any]) -> _T:
    _check_names(kind, data)
    return kind(**data)


def _check_names(kind: type[Any], data: dict[str, Any]) -> None:
    unknown = set(data) - {item.name for item in fields(kind)}
    what = kind.__name__.lower()
    _check(not unknown, f"a {what} has no {', '.join(sorted(unknown))}")


def _beside(name: str, folder: Path) -> str:
    """The path relative to the file that names it, if there is something; else the name itself."""
    path = folder / name
    return str(path) if path.exists() else name


def _check_whole(name: str, value: Any, least: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
    _check(whole, f"{name} must be a whole number from {least} on, not {value!r}")


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise RecipeError(message)
