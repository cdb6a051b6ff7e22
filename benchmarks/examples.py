"""Ask a model the questions of the examples that an empty page offers.

python -m benchmarks.examples --model assets/nano
"""

import argparse
import json
from pathlib import Path
from typing import Literal, NamedTuple

from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import Engine, LocalEngine
from internvl.model import load_model
from internvl.training.examples import CHOSEN
from internvl.training.scores import is_right


class Told(NamedTuple):
    """What a model answered about an example, and what is right."""

    name: str
    answer: str
    wanted: str
    right: bool


def ask_examples(engine: Engine, folder: Path) -> list[Told]:
    """The answers to the English questions of a folder of examples."""
    told = []
    for name, words in json.loads((folder / "examples.json").read_text("utf-8")).items():
        kind: Literal["image", "video"] = "video" if name.endswith(".mp4") else "image"
        attachments = tuple(Attachment(folder / file, kind) for file in words["files"])
        question = words["question"]["en"]
        region = question if words["find"] else None
        asked = Conversation(turns=[Turn(question, attachments, region=region)])
        ((answer, _),) = engine.answer_batch([asked], Settings(max_new_tokens=64))
        right = is_right(CHOSEN[name].task, answer, words["answer"])
        told.append(Told(name, answer, words["answer"], right))
    return told


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="assets/nano")
    parser.add_argument("--examples", type=Path, default=Path("assets/examples"))
    given = parser.parse_args()
    answers = ask_examples(LocalEngine(load_model(given.model)), given.examples)
    for told in answers:
        verdict = "right" if told.right else "wrong"
        print(f"{verdict}  {told.name}: {told.answer!r}, wanted {told.wanted!r}")
    print(f"{sum(told.right for told in answers)} of {len(answers)} right")


if __name__ == "__main__":
    main()
