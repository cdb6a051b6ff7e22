"""The phases of the nano model's training as data: what trains, on what, how fast, how long."""

from dataclasses import dataclass

from internvl.training.samples import Mixture

FIRST = {"single": 3.0, "objects": 4.0, "talk": 0.4, "photo": 0.05}
"""One picture of one tile: the projector alone learns where things stand."""
EVEN = {
    "single": 1.0,
    "objects": 4.0,
    "text": 3.5,
    "strings": 3.0,
    "documents": 0.5,
    "charts": 3.5,
    "images": 2.0,
    "video": 1.5,
    "talk": 1.0,
    "photo": 2.5,
}
LABELLED = EVEN | {
    "single": 0.3,
    "objects": 5.0,
    "documents": 1.0,
    "charts": 4.0,
    "video": 0.7,
    "talk": 0.5,
    "photo": 0.3,
}
"""Where seeing costs nothing, more of what takes long to learn; photographs have no labels."""
FEW_TILES = {"": (0.88, 0.04, 0.08), "documents": (0.15, 0.3, 0.55)}


@dataclass(frozen=True)
class Phase:
    """What trains, on which mixture, how fast, for how many steps.

    In `listen` steps at the start a fresh label projector learns what the trained projector says,
    in `gloss` steps the projector what the labels of a tile say; in the `tower_gloss` steps after
    these the vision tower learns along (stage 1.5). With `average`, what is saved as a checkpoint
    is a running mean of the weights that keeps this share at every step: good at any moment, where
    the last weights are only good after the learning rate has fallen. `pointing` is the weight of
    what a `Pointer` misses, `looking` that of how far the looking heads stray. With `keep_labels`
    the label projector does not learn along, so that a gloss by it can go on beside this phase.
    """

    name: str
    trains: tuple[str, ...]
    mixture: Mixture
    lr: float
    steps: int
    listen: int = 0
    gloss: int = 0
    tower_gloss: int = 0
    average: float = 0.0
    pointing: float = 0.0
    looking: float = 0.0
    keep_labels: bool = False

    @property
    def glosses(self) -> bool:
        """Whether it begins with labels and the projector learning from each other."""
        return self.listen + self.gloss + self.tower_gloss > 0


_LANGUAGE = ("language_model", "lm_head")
_PROJECTOR = ("multi_modal_projector",)
_TOWER = ("vision_tower",)

PHASES = {
    phase.name: phase
    for phase in (
        Phase("language", _LANGUAGE, Mixture(EVEN | {"photo": 0.0}, as_text=1.0), 1e-3, 600),
        Phase(
            "labels",
            _LANGUAGE,
            Mixture(LABELLED, FEW_TILES, as_text=0.1, apart=0.7, seed=8, labels=True),
            1e-3,
            8000,
            average=0.99,
            pointing=1.0,
            looking=0.3,
        ),
        Phase(
            "projector", _PROJECTOR, Mixture(FIRST, seed=4), 2e-3, 150, gloss=300, tower_gloss=500
        ),
        Phase(
            "growth",
            _PROJECTOR + _LANGUAGE,
            Mixture(EVEN, FEW_TILES, as_text=0.1, apart=0.7, seed=6),
            5e-4,
            12000,
            average=0.996,
            pointing=1.0,
            looking=0.3,
        ),
        Phase(
            "everything",
            _TOWER + _PROJECTOR + _LANGUAGE,
            Mixture(EVEN, FEW_TILES, as_text=0.1, apart=0.7, seed=7),
            2e-4,
            3000,
            average=0.996,
            pointing=1.0,
            looking=0.3,
        ),
    )
}
