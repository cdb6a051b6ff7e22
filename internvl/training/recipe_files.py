"""Recipes by name or from files.

    read_recipe("InternVL2_5-1B")   # the published stages of that size
    read_recipe("fine-tune")        # a file of internvl/training/recipes
    read_recipe("mine.json")        # {"extends": "fine-tune", "stages": {"2": {"batch": 16}}}

A file says what differs from the recipe it extends. Unknown names are errors.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from internvl.training.stages import PARTS, STAGES, Lora, Recipe, RecipeError, Stage, check

_T = TypeVar("_T", Lora, Stage, Recipe)
_FOLDER = Path(__file__).parent / "recipes"

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
    check(isinstance(given, Mapping), '`stages` gives changes by name: {"2": {...}}')
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
    check(name in STAGES, f"no stage is called {name!r}; there are {', '.join(STAGES)}")
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
    check(not unknown, f"a {what} has no {', '.join(sorted(unknown))}")


def _beside(name: str, folder: Path) -> str:
    """The path relative to the file that names it, if there is something; else the name itself."""
    path = folder / name
    return str(path) if path.exists() else name
