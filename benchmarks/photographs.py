"""How many real photographs a model declines that was trained on drawn scenes only.

python -m benchmarks.photographs FOLDER --model assets/nano --samples 200 --max-tiles 1,12

Photographs are any .jpg or .jpeg in the folder, chosen by seed; each is asked one of the questions.
"""

import argparse
import random
from itertools import cycle
from pathlib import Path

import torch

from internvl.model import Model, load_model
from internvl.preprocessing import load_image
from internvl.training.evaluate import Item, answer_items
from internvl.training.scenes import Exchange, Scene
from internvl.training.scenes.canvas import Canvas
from internvl.training.scenes.photographs import ANSWER
from internvl.training.scores import is_right, tally

QUESTIONS = (
    "What is in the picture?",
    "Describe this image.",
    "What do you see?",
    "Who is this?",
    "What colour is the car?",
    "What does it say?",
    "How many people are there?",
    "Where was this taken?",
)


def choose(folder: Path, samples: int, seed: int) -> list[tuple[Path, str]]:
    """Photographs of a folder, each with a question. Raises ValueError where it has none."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise ValueError(f"There is no .jpg or .jpeg in {folder}.")
    rng = random.Random(seed)
    chosen = rng.sample(files, min(samples, len(files)))
    return list(zip(chosen, cycle(QUESTIONS), strict=False))


def ask(model: Model, file: Path, question: str, max_tiles: int) -> str:
    """The answer to a question about a photograph."""
    picture = load_image(file)
    canvas = Canvas(*picture.size, (0, 0, 0))
    canvas.image.paste(picture)
    item = Item(Scene("talk", [canvas]), (), Exchange("talk/photo", question, ANSWER))
    (answer,) = answer_items(model, [item], max_tiles)
    return answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="assets/nano")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--max-tiles", default="1,12")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load_model(arguments.model)
    asked = choose(arguments.folder, arguments.samples, arguments.seed)
    for max_tiles in map(int, arguments.max_tiles.split(",")):
        told = [(*pair, ask(model, *pair, max_tiles)) for pair in asked]
        right = [is_right("talk/photo", answer, ANSWER) for *_, answer in told]
        got = tally([(declined, 0.0) for declined in right])
        share = f"{100 * got.accuracy:.1f} % ({100 * got.low:.0f}-{100 * got.high:.0f})"
        print(f"max_tiles {max_tiles}: declined {share} of {got.n}", flush=True)
        missed = [each for each, declined in zip(told, right, strict=True) if not declined]
        for file, question, answer in missed[:20]:
            print(f"  {file.name}: {question} {answer!r}")


if __name__ == "__main__":
    main()
