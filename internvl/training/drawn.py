"""Scenes drawn on the fly as the samples of a mixture."""

import random
from collections.abc import Sequence

from internvl.training.annotations import Annotation
from internvl.training.preparation import Example
from internvl.training.samples import choose_exchanges, converse
from internvl.training.scenes import draw

MOST_EXCHANGES = 12


class DrawnScenes:
    """`count` scenes of these kinds, in turn, each with a conversation about it."""

    def __init__(self, kinds: Sequence[str], count: int, seed: int) -> None:
        self._kinds, self._count, self._seed = kinds, count, seed

    def __len__(self) -> int:
        return self._count

    def name(self, index: int) -> str:
        """The kind and number of the scene."""
        return f"{self._kinds[index % len(self._kinds)]} {index}"

    def load(self, index: int, rng: random.Random, frames: tuple[int, int]) -> Example:
        """The scene with some of its exchanges."""
        scene = draw(self._kinds[index % len(self._kinds)], index, seed=self._seed)
        conversation = converse(scene, choose_exchanges(rng, scene, MOST_EXCHANGES))
        images = [canvas.image for canvas in scene.canvases]
        pictures = [images] if scene.video else [[image] for image in images]
        return Example(Annotation(conversation, tuple(conversation.attachments)), pictures)
