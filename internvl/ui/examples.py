"""The examples that an empty page offers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from internvl.ui.drafts import kind_of
from internvl.ui.frames import frame_views
from internvl.ui.html import ASSETS
from internvl.ui.tiles import display_copy

_CARD = 224


@dataclass(frozen=True)
class Example:
    """Pictures or one clip to try, with a title and a question in each language.

    `name` is what the page sends back when the example is chosen. With `find` the question is what
    is to be found and boxed.
    """

    name: str
    files: Sequence[Path]
    titles: Mapping[str, str]
    questions: Mapping[str, str]
    find: bool = False

    @property
    def is_clip(self) -> bool:
        """Is it a video?"""
        return kind_of(self.files[0]) == "video"

    @property
    def sources(self) -> list[str]:
        """Small copies as data addresses; of a clip its middle."""
        return [_card(str(file)) for file in self.files]


def find_examples(folder: Path = ASSETS / "examples") -> list[Example]:
    """The examples that `examples.json` lists by name:

    `{"total": {"files": ["receipt.png"], "title": {"en": "A receipt", "zh": ...},
    "question": {"en": "What is the total?", "zh": ...}, "find": false, "answer": "12.50"}}`; the
    answer is for those who measure models.
    """
    listed = folder / "examples.json"
    content = json.loads(listed.read_text(encoding="utf-8")) if listed.exists() else {}
    return [
        Example(
            name,
            [folder / file for file in said["files"]],
            *(said["title"], said["question"], said["find"]),
        )
        for name, said in content.items()
    ]


@cache
def _card(path: str) -> str:
    if kind_of(path) == "video":
        return frame_views(path, 1, None, None)[0].source
    return display_copy(path, _CARD)
