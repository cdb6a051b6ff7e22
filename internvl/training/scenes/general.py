"""What people ask of any picture: what it is, what it doesn't show, and talk in between."""

import random

from internvl.training.scenes import charts, documents, images, text
from internvl.training.scenes import phrasings as say
from internvl.training.scenes.canvas import SHAPES
from internvl.training.scenes.scene import Scene, article, ask, sentence
from internvl.training.scenes.talk import ask_of_life, say_something
from internvl.training.scenes.things import pick_pair
from internvl.training.scenes.words import Split

DRAWN = "This is a drawn scene; I see nothing of the kind."
NARROW = ("object", "shape", "What is this", "What is it")
SHOWS = (
    *(question for question in (*say.WHAT, *say.CAPTION) if not any(n in question for n in NARROW)),
    *("Summarise this.", "Summarise the picture.", "What is shown here?", "What can you see?"),
)
SEVERAL = (
    "Describe the pictures.",
    "Describe the images.",
    "What is in the pictures?",
    "What do the pictures show?",
    "What do you see?",
    "Tell me about these pictures.",
)
KIND = (
    "What kind of picture is this?",
    "What kind of image is this?",
    "Which type of picture is it?",
    "What am I looking at?",
)
HAS_TEXT = (
    "Is there text in the picture?",
    "Is there any text?",
    "Do you see words?",
    "Is something written here?",
)
OF_TEXT = (*text.READ, *text.COUNT, *charts.TITLE, *documents.TOTAL)
OF_CHARTS = (*charts.TREND, charts.HIGHEST[0], charts.LOWEST[0], charts.LARGEST[0])
OF_SHAPES = (say.COLOUR_OF, say.WHERE, say.COUNT_ALL, say.LARGEST, say.SMALLEST, say.FIND)


def add_general(rng: random.Random, scene: Scene, split: Split) -> None:
    """Add questions and talk that fit any picture to what was asked of this one."""
    if scene.kind != "talk":  # a photograph
        told = {e.task: e.answer for e in reversed(scene.exchanges)}
        nature = _nature(scene, told)
        if scene.kind != "objects" and rng.random() < 0.8:
            shows = SEVERAL if scene.kind == "images" else SHOWS
            scene.add("talk/describe", ask(rng, shows), _describe(scene, told))
        if scene.kind == "objects":
            _ask_missing(rng, scene, split)
        if rng.random() < 0.6:
            scene.add("talk/absent", _ask_stray(rng, scene.kind), f"I see only {nature}.")
        if rng.random() < 0.4:
            shown = {"shapes": "a drawing of shapes", "text": "a text"}.get(nature, nature)
            scene.add("talk/kind", ask(rng, KIND), sentence(shown))
        if rng.random() < 0.2:
            scene.add("talk/kind", ask(rng, HAS_TEXT), "No" if nature == "shapes" else "Yes")
        if rng.random() < 0.2 and len(scene.canvases) == 1:
            scene.add("talk/kind", ask(rng, images.PICTURES), "1")
        if rng.random() < 0.7:
            scene.add("talk/drawn", ask_of_life(rng), DRAWN)
    for _ in range(rng.choice((0, 1, 1, 2))):
        scene.add("talk/beside", *say_something(rng, split))


def _nature(scene: Scene, told: dict[str, str]) -> str:
    if scene.kind in ("charts", "documents"):
        return told[f"{scene.kind}/kind"].rstrip(".").lower()
    return "text" if scene.kind == "text" else "shapes"


def _describe(scene: Scene, told: dict[str, str]) -> str:
    """The answers to a scene's own questions, put together."""
    if scene.kind == "text":
        colour = sentence(article(f"{told['text/colour'].lower()} text")).rstrip(".")
        return f"{colour}:\n{told.get('text/word') or told['text/lines']}"
    if scene.kind == "charts":
        return f"{told['charts/kind'].rstrip('.')} with the title {told['charts/title']}."
    if scene.kind == "images":
        each = [e.answer for e in scene.exchanges if e.task in ("images/in-one", "images/later")]
        listed = "\n".join(f"Image {number}: {shown}" for number, shown in enumerate(each, 1))
        return listed or told["images/difference"]
    return told["documents/kind" if scene.kind == "documents" else "video/describe"]


def _ask_stray(rng: random.Random, kind: str) -> str:
    """A question about something that pictures of this kind never show."""
    shapeless = kind in ("text", "charts", "documents")
    if kind not in ("charts", "documents") and rng.random() < 0.3:
        return ask(rng, OF_CHARTS)
    return ask(rng, rng.choice(OF_SHAPES), x=rng.choice(SHAPES)) if shapeless else ask(rng, OF_TEXT)


def _ask_missing(rng: random.Random, scene: Scene, split: Split) -> None:
    """Ask about a shape, or a pair of colour and shape, that is not there, unless it is."""
    pair = pick_pair(rng, split)
    whole = rng.random() < 0.5
    name = " ".join(pair) if whole else pair[1]
    shown = {f"{m.colour} {m.shape}" if whole else m.shape for m in scene.canvases[0].marks}
    if name in shown:
        return
    templates = rng.choice((say.WHERE, say.FIND) if whole else (say.COLOUR_OF, say.WHERE, say.FIND))
    box = templates is say.FIND and rng.random() < 0.5
    question = "" if box else ask(rng, templates, x=name)
    scene.add("talk/absent", question, f"I see no {name}.", region=name if box else None)
