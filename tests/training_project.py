"""A small training project for tests: drawn pictures, annotations, a mixture and a recipe."""

import json
import random
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from internvl.training.preparation import Sample

CHECKPOINT = Path("tests/data/golden/tiny-300m-qwen2").resolve()
COLOURS = ("red", "green", "blue")


def write_project(folder: Path, samples: int = 12, **recipe: Any) -> Path:
    """The recipe file of a project that tunes the tiny checkpoint on `samples` pictures."""
    rng = random.Random(0)
    (folder / "pictures").mkdir(parents=True)
    lines = []
    for number in range(samples):
        colour = rng.choice(COLOURS)
        draw_disc(colour).save(folder / "pictures" / f"{number}.png")
        answer = f"It is {colour}{', very' * (number % 5)}."
        lines.append(annotation(f"{number}.png", "<image>\nWhich colour?", answer))
    write_lines(folder / "discs.jsonl", lines)
    mixture = {"discs": {"root": "pictures", "annotation": "discs.jsonl", "max_tiles": 1}}
    write_json(folder / "mixture.json", mixture)
    settings = {
        "model": str(CHECKPOINT),
        "mixture": "mixture.json",
        "context": 1024,
        "tiles_per_sequence": 4,
        "buffers": 2,
        "precision": "no",
        "gradient_checkpointing": False,
        "workers": 0,
        "stages": {"2": stage()},
    }
    return write_json(folder / "recipe.json", {**settings, **recipe})


def forget_accelerate() -> None:
    """Let a process that has trained start with other settings; otherwise these are for good."""
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def stage(**changes: Any) -> dict[str, Any]:
    """A stage that trains projector and language model."""
    trains = ["projector", "language_model"]
    return {"trains": trains, "learning_rate": 2e-3, "batch": 2, **changes}


def draw_disc(colour: str, size: tuple[int, int] = (448, 448)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((100, 100, 300, 300), fill=colour)
    return image


def annotation(image: Any, question: str, answer: str, **more: Any) -> dict[str, Any]:
    messages = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {**({"image": image} if image else {}), "conversations": messages, **more}


def write_lines(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def write_json(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data), "utf-8")
    return path


def make_sample(tokens: int, tiles: int = 0, learned: int = 1, position: int = 0) -> Sample:
    """A sample of so many tokens without meaning, the last `learned` of them learned."""
    import numpy as np

    ids = np.arange(tokens, dtype=np.int64) % 200
    marks = np.arange(tokens) >= tokens - learned
    return Sample(ids, marks, np.zeros((tiles, 448, 448, 3), np.uint8), position)
