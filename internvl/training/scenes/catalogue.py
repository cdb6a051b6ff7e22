"""The kinds of scene by name."""

import random
from collections.abc import Callable

from internvl.training.scenes.charts import draw_chart
from internvl.training.scenes.crowd import draw_crowd
from internvl.training.scenes.documents import draw_document
from internvl.training.scenes.general import add_general
from internvl.training.scenes.images import draw_images
from internvl.training.scenes.objects import draw_objects, draw_single
from internvl.training.scenes.photographs import draw_photo
from internvl.training.scenes.scene import Scene
from internvl.training.scenes.talk import draw_talk
from internvl.training.scenes.text import draw_strings, draw_text
from internvl.training.scenes.video import draw_video
from internvl.training.scenes.words import Split

_DRAWERS: dict[str, Callable[[random.Random, Split], Scene]] = {
    "single": draw_single,
    "objects": draw_objects,
    "text": draw_text,
    "strings": draw_strings,
    "documents": draw_document,
    "charts": draw_chart,
    "images": draw_images,
    "video": draw_video,
    "talk": draw_talk,
    "photo": draw_photo,
    "crowd": draw_crowd,
}
KINDS = tuple(_DRAWERS)
ASKED = tuple(kind for kind in KINDS if kind != "crowd")
"""Kinds with questions; a crowd has none, it is for the vision tower."""
SPLITS = ("train", "held-out", "language")


def draw(kind: str, index: int, split: Split = "train", seed: int = 0) -> Scene:
    """The scene with this number. Raises ValueError for an unknown kind or split."""
    if kind not in _DRAWERS:
        raise ValueError(f"no kind of scene is called {kind!r}; there are {', '.join(KINDS)}")
    if split not in SPLITS:
        raise ValueError(f"a split is one of {', '.join(SPLITS)}, not {split!r}")
    rng = random.Random(f"{split} {kind} {seed} {index}")
    scene = _DRAWERS[kind](rng, split)
    if scene.canvases and scene.exchanges:
        add_general(rng, scene, kind, split)
    return scene
