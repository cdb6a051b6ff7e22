"""How many real photographs a model declines that was trained on drawn scenes only.

python -m benchmarks.photographs FOLDER --model assets/nano --samples 200 --max-tiles 1,12

Photographs are any .jpg or .jpeg in the folder, chosen by seed; each is asked one of the questions.
"""

import argparse
import random
from pathlib import Path

import torch

from internvl.model import load_model
from internvl.preprocessing import load_image
from internvl.training.evaluate import Item, answer_items
from internvl.training.scenes import Exchange, Scene
from internvl.training.scenes.canvas import Canvas
from internvl.training.scenes.photographs import ANSWER
from internvl.training.scores import tally

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


def choose(folder: Path, samples: int, seed: int) -> list[Item]:
    """Photographs of a folder, each with a question. Raises ValueError where it has none."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise ValueError(f"There is no .jpg or .jpeg in {folder}.")
    rng = random.Random(seed)
    items = []
    for index, file in enumerate(rng.sample(files, min(samples, len(files)))):
        picture = load_image(file)
        canvas = Canvas(*picture.size, (0, 0, 0))
        canvas.image.paste(picture)
        asked = Exchange("talk/photo", QUESTIONS[index % len(QUESTIONS)], ANSWER)
        items.append(Item(Scene(file.name, [canvas]), (), asked))
    return items


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
    items = choose(arguments.folder, arguments.samples, arguments.seed)
    for max_tiles in map(int, arguments.max_tiles.split(",")):
        answers = answer_items(model, items, max_tiles)
        missed = [pair for pair in zip(items, answers, strict=True) if pair[1] != ANSWER]
        got = tally([(answer == ANSWER, 0.0) for answer in answers])
        share = f"{100 * got.accuracy:.0f} % ({100 * got.low:.0f}-{100 * got.high:.0f})"
        print(f"max_tiles {max_tiles}: declined {share} of {got.n}", flush=True)
        for item, answer in missed[:20]:
            print(f"  {item.scene.kind}: {item.asked.question} {answer!r}")


if __name__ == "__main__":
    main()
