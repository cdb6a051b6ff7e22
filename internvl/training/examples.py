"""Draw the examples that an empty page offers, from held-out scenes.

python -m internvl.training.examples assets/examples

Writes the pictures and `examples.json`, their titles and questions. The questions are English on
the Chinese page, too: the embedded model reads nothing else.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

from internvl.training.scenes import draw

SEED = 41


class Chosen(NamedTuple):
    """A scene by kind and number, its titles in English and Chinese, and a question."""

    kind: str
    number: int
    english: str
    chinese: str
    question: str


CHOSEN = {
    "1-shapes.png": Chosen("objects", 8, "Two shapes", "两个图形", "How many objects are there?"),
    "2-sign.png": Chosen("text", 7, "A sign", "标牌", "What colour is the text?"),
    "3-chart.png": Chosen("charts", 5, "A bar chart", "柱状图", "What kind of chart is this?"),
    "4-receipt.png": Chosen(
        "documents", 6, "A receipt in small print", "小字收据", "What kind of document is this?"
    ),
}


def write_examples(folder: Path) -> None:
    """Draw the examples into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name, chosen in CHOSEN.items():
        canvas = draw(chosen.kind, chosen.number, "held-out", SEED).canvases[0]
        canvas.image.save(folder / name, optimize=True)
        listed[name] = {
            "title": {"en": chosen.english, "zh": chosen.chinese},
            "question": {"en": chosen.question, "zh": chosen.question},
        }
    text = json.dumps(listed, ensure_ascii=False, indent=2)
    (folder / "examples.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
