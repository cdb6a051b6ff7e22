"""Talk: greetings, what the model is, what it can do, and what it honestly can't."""

import random

from PIL import Image

from internvl.training.scenes.canvas import Canvas
from internvl.training.scenes.phrasings import CAPTION, WHAT
from internvl.training.scenes.scene import SIZES, Exchange, Scene, ask
from internvl.training.scenes.words import Split

PHOTO = (
    "I can't tell. This looks like a photograph, and I was trained on drawn scenes; "
    "for photographs use a published model."
)
SCOPE = (
    "I was trained on drawn scenes: shapes, words, documents, charts and short clips. "
    "For anything else use a published model."
)
NO_PICTURE = "I see no picture yet. Please add one and ask again."
# The last question of each is held out.
TALK: dict[str, tuple[tuple[str, ...], str]] = {
    "greeting": (
        (
            "Hello",
            "Hi",
            "Hey",
            "Hello!",
            "Hi there!",
            "Good morning",
            "Good evening",
            "Hello there",
            "Hey there",
            "Good day",
        ),
        "Hello! Send me a drawn picture and ask about it.",
    ),
    "mood": (
        ("How are you?", "How are you doing?", "How is it going?", "What's up?"),
        "I am fine, thank you. What shall I look at?",
    ),
    "name": (
        (
            "Who are you?",
            "What are you?",
            "What is your name?",
            "Tell me about yourself.",
            "Which model is this?",
            "Are you InternVL?",
            "Introduce yourself.",
            "What model are you?",
        ),
        "I am a very small InternVL model, trained on drawn scenes.",
    ),
    "skills": (
        (
            "What can you do?",
            "What are you able to do?",
            "How can you help me?",
            "Help",
            "What can I ask?",
            "What should I ask?",
            "What do you know?",
        ),
        "I can name shapes and colours, count, read words and documents, "
        "and answer questions on charts, several pictures and short clips.",
    ),
    "limits": (
        (
            "What can't you do?",
            "What are your limits?",
            "Can you describe photographs?",
            "Do you understand photos?",
            "Can you look at a photo?",
            "Can you recognise people?",
            "Do you know animals?",
            "Can you see photos?",
        ),
        "I was trained on drawn scenes; for photographs use a published model.",
    ),
    "size": (
        (
            "How big are you?",
            "How many parameters do you have?",
            "How large are you?",
            "Are you a large model?",
        ),
        "I am very small: about eleven million parameters.",
    ),
    "language": (
        (
            "Do you speak Chinese?",
            "Which languages do you speak?",
            "Do you speak German?",
            "Can you speak French?",
            "Which language do you know?",
        ),
        "I know a little English only.",
    ),
    "thanks": (
        (
            "Thank you",
            "Thanks",
            "Thanks a lot!",
            "Thank you very much.",
            "Great, thanks",
            "Good job",
        ),
        "You are welcome.",
    ),
    "bye": (("Bye", "Goodbye", "See you", "Good night", "Bye bye", "See you later"), "Goodbye!"),
    "scope": (
        (
            "Write a poem.",
            "What is the capital of France?",
            "Tell me a joke.",
            "Who is the president?",
            "Write some code.",
            "What is the weather today?",
            "Tell me a story.",
            "Translate this.",
            "What is the meaning of life?",
            "What time is it?",
            "Who won the game?",
            "Explain gravity.",
            "Write a python program.",
            "Sing a song.",
            "What is two plus two?",
            "Solve this equation.",
            "Who was Einstein?",
            "How do I cook rice?",
            "What is the news?",
            "Where is Berlin?",
            "Recommend a book.",
            "Write an email to my boss.",
        ),
        SCOPE,
    ),
}


def draw_talk(rng: random.Random, split: Split) -> Scene:
    """A few exchanges without a picture."""
    scene = Scene("talk", ordered=True)
    for name in rng.sample(list(TALK), rng.randint(2, 5)):
        questions, answer = TALK[name]
        own = questions[-1:] if split == "held-out" else questions[:-1]
        scene.add(f"talk/{name}", ask(rng, own), answer)
    if rng.random() < 0.3:
        scene.exchanges.insert(0, _no_picture(rng))
    return scene


def _no_picture(rng: random.Random) -> Exchange:
    question = ask(rng, rng.choice((WHAT, CAPTION)))
    return Exchange("talk/no-picture", question, NO_PICTURE)


def draw_photo(rng: random.Random, split: Split) -> Scene:
    """Something as busy as a photograph, for which the honest answer is that it can't tell."""
    canvas = Canvas(*rng.choice(SIZES), (0, 0, 0))
    layers = [_clouds(rng, canvas.size, cells) for cells in (3, 9, 40, 120)]
    picture = layers[0]
    for layer, weight in zip(layers[1:], (0.5, 0.4, 0.3), strict=True):
        picture = Image.blend(picture, layer, weight * rng.uniform(0.4, 1.0))
    canvas.image.paste(picture)
    scene = Scene("talk", [canvas])
    for _ in range(2):
        scene.add("talk/photo", ask(rng, rng.choice((WHAT, CAPTION))), PHOTO)
    return scene


def _clouds(rng: random.Random, size: tuple[int, int], cells: int) -> Image.Image:
    """Coloured noise whose spots are a given share of the picture."""
    columns, rows = cells, max(1, round(cells * size[1] / size[0]))
    tint = [rng.randint(90, 255) for _ in range(3)]
    noise = bytes(rng.randrange(tint[k % 3] + 1) for k in range(3 * columns * rows))
    small = Image.frombytes("RGB", (columns, rows), noise)
    return small.resize(size, rng.choice((Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)))
