"""Unlimited labelled pictures, documents, clips and talk, drawn from a seed.

`draw("objects", 17, "train")` is the same scene on every machine with the same fonts. The splits
"train" and "held-out" share no seed, word, question of talk or layout (of charts and documents),
and the pictures of "train" show no held-out pair of colour and shape. "language" is for scenes told
in words: train's, but with all pairs.
"""

from internvl.training.scenes.catalogue import ASKED, KINDS, draw
from internvl.training.scenes.scene import Exchange, Scene, transcribe

__all__ = ["ASKED", "KINDS", "Exchange", "Scene", "draw", "transcribe"]
