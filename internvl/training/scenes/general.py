"""What people ask of any picture: what it is, what it doesn't show, and talk in between."""

import random
import re

from internvl.training.scenes import charts, documents, images, text
from internvl.training.scenes import phrasings as say
from internvl.training.scenes.canvas import SHAPES, Canvas, Mark
from internvl.training.scenes.scene import Scene, article, ask, listing, region_box, sentence
from internvl.training.scenes.talk import say_something
from internvl.training.scenes.things import pick_pair, place_name
from internvl.training.scenes.words import Split

DRAWN = "This is a drawn scene; I see nothing of the kind."
IT = ("What is this?", "What is it?", "What's this?")
SHOWS = (
    "What is in this picture?",
    "What is in the picture?",
    "What's in this picture?",
    "What's in the image?",
    "What do you see?",
    "What does the picture show?",
    "What is shown here?",
    "Summarise this.",
    "Summarise the picture.",
    "Describe it.",
    "Describe this.",
    "Describe",
    "Caption this.",
    "Explain this picture.",
    "What is this about?",
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
OF_SHAPES = (*say.COLOUR_OF, *say.WHERE, *say.FIND, *say.COUNT_ALL)
ROUND = ("circle", "square")  # pies, and the keys to their slices


def add_general(rng: random.Random, scene: Scene, kind: str, split: Split) -> None:
    """Add questions and talk that fit any picture to what was asked of this one.

    Pictures like photographs have questions of their own, and get talk only.
    """
    if kind != "photo":
        _ask_general(rng, scene, split)
    if rng.random() < 0.4:
        scene.add("talk/beside", *say_something(rng, split))


def ask_of_life(rng: random.Random) -> tuple[str, str | None]:
    """A question about what no drawn scene shows, with its region if it is for a box."""
    if rng.random() < 0.5:
        return ask(rng, say.PHOTO), None
    noun = rng.choice(say.LIFE)
    if rng.random() < 0.1:
        return "", noun
    templates, shown = rng.choice(
        (
            (say.COLOUR_OF, noun),
            (say.COUNT, f"{noun}s"),
            (say.EXISTS, article(noun)),
            (say.WHERE, noun),
            (say.FIND, noun),
        )
    )
    return ask(rng, templates, x=shown), None


def _ask_general(rng: random.Random, scene: Scene, split: Split) -> None:
    told = {e.task: e.answer for e in reversed(scene.exchanges)}
    nature = _nature(scene, told)
    single = "objects/single-shape" in told  # which has short answers of its own
    if not single and rng.random() < 0.7:
        shows: tuple[str, ...] = SEVERAL if scene.kind == "images" else SHOWS
        if scene.kind in ("objects", "text", "video"):
            shows += IT
        scene.add("talk/describe", ask(rng, shows), _describe(scene, told))
    if scene.kind == "objects":
        _ask_shape(rng, scene, split)
    if rng.random() < 0.35:
        question = _ask_stray(rng, scene.kind)
        if not _is_written(question, scene):
            scene.add("talk/absent", question, f"I see only {nature}.")
    if rng.random() < 0.25:
        shown = {"shapes": "a drawing of shapes", "text": "a text"}.get(nature, nature)
        scene.add("talk/kind", ask(rng, KIND), sentence(shown))
    if rng.random() < 0.1:
        scene.add("talk/kind", ask(rng, HAS_TEXT), "No" if nature == "shapes" else "Yes")
    if rng.random() < 0.1 and len(scene.canvases) == 1:
        scene.add("talk/kind", ask(rng, images.PICTURES), "1")
    if rng.random() < 0.4:
        question, region = ask_of_life(rng)
        if not _is_written(f"{question} {region or ''}", scene) and "happening" not in question:
            scene.add("talk/drawn", question, DRAWN, region=region)


def _nature(scene: Scene, told: dict[str, str]) -> str:
    if scene.kind in ("charts", "documents"):
        return told[f"{scene.kind}/kind"].rstrip(".").lower()
    return "text" if scene.kind == "text" else "shapes"


def _describe(scene: Scene, told: dict[str, str]) -> str:
    if scene.kind == "text":
        colour = sentence(article(f"{told['text/colour'].lower()} text")).rstrip(".")
        return f"{colour}:\n{told.get('text/word') or told['text/lines']}"
    if scene.kind == "charts":
        return f"{told['charts/kind'].rstrip('.')} with the title {told['charts/title']}."
    if scene.kind == "images":
        each = enumerate(map(_name_all, scene.canvases), 1)
        return "\n".join(f"Image {number}: {names}" for number, names in each)
    last = {"objects": "caption", "documents": "kind", "video": "describe"}[scene.kind]
    return told[f"{scene.kind}/{last}"]


def _name_all(canvas: Canvas) -> str:
    """The things in a picture, from left to right."""
    ordered = sorted(_things(canvas), key=lambda mark: (mark.centre or (0, 0))[0])
    return sentence(listing([article(f"{mark.colour} {mark.shape}") for mark in ordered]))


def _things(canvas: Canvas) -> list[Mark]:
    return [mark for mark in canvas.marks if mark.shape in SHAPES]


def _is_written(question: str, scene: Scene) -> bool:
    """Whether a word of the question is also on a picture."""
    lines = " ".join(line.text for canvas in scene.canvases for line in canvas.lines)
    asked, written = (set(re.findall(r"[a-z]+", said.lower())) for said in (question, lines))
    return bool(asked & written)


def _ask_stray(rng: random.Random, kind: str) -> str:
    """A question about something that pictures of this kind never show."""
    if kind not in ("charts", "documents") and rng.random() < 0.3:
        return ask(rng, OF_CHARTS)
    if kind in ("text", "charts", "documents"):
        shapes = [shape for shape in SHAPES if kind != "charts" or shape not in ROUND]
        return ask(rng, OF_SHAPES, x=rng.choice(shapes))
    return ask(rng, OF_TEXT)


def _ask_shape(rng: random.Random, scene: Scene, split: Split) -> None:
    """Ask where a shape is, or a pair of colour and shape that is not there."""
    canvas, (colour, shape) = scene.canvases[0], pick_pair(rng, split)
    whole = rng.random() < 0.5
    if not whole and rng.random() < 0.5:
        shape = str(rng.choice(_things(canvas)).shape)
    found = [m for m in _things(canvas) if m.shape == shape and (not whole or m.colour == colour)]
    name = f"{colour} {shape}" if whole else shape
    find = rng.random() < 0.5
    region = name if find and rng.random() < 0.5 else None
    question = "" if region else ask(rng, say.FIND if find else say.WHERE, x=name)
    if not found:
        if not whole and rng.random() < 0.3:
            question, region = ask(rng, say.COLOUR_OF, x=name), None
        scene.add("talk/absent", question, f"I see no {name}.", region=region)
    elif len(found) == 1 and not whole:
        box, centre = found[0][:4], found[0].centre or (0, 0)
        place = f"In the {place_name(centre, canvas.size)}."
        boxed = f"<ref>{name}</ref>{region_box(box, canvas.size)}"
        scene.add("talk/shape", question, boxed if find else place, region=region)
