"""Receipts, tables and forms in small print: one tile can't read them, twelve can."""

import random

from internvl.training.scenes.canvas import Canvas, Rgb, load_font
from internvl.training.scenes.scene import Scene, ask, pick_layout
from internvl.training.scenes.words import Split, pick_code, pick_words

SHEETS = ((896, 1344), (1000, 1400), (1344, 1792), (1120, 1120), (1344, 896), (900, 1200))
PAPERS: tuple[Rgb, ...] = ((255, 255, 255), (250, 248, 240), (245, 245, 245), (255, 252, 230))
INKS: tuple[Rgb, ...] = ((0, 0, 0), (30, 30, 40), (20, 20, 90))
PRICE = (
    "How much is the {x}?",
    "What does the {x} cost?",
    "What is the price of {x}?",
    "price of {x}?",
)
TOTAL = ("What is the total?", "How much is the total?", "What is the total amount?", "Total?")
FIELD = ("What is the {x}?", "Which {x} is given?", "Read the {x}.", "{x}?")
CELL = ("What is the {c} of {x}?", "Which {c} has {x}?", "How much is the {c} for {x}?")
KIND = ("What kind of document is this?", "What is this?", "Which type of document is it?")
TITLE = (
    "What is the title?",
    "What is written at the top?",
    "Read the title.",
    "Which heading does it have?",
)
FIELDS = ("name", "city", "street", "phone", "code", "date", "number", "account", "item", "order")
COLUMNS = ("price", "number", "weight", "score", "year", "size")


def draw_document(rng: random.Random, split: Split) -> Scene:
    """A receipt, a table or a form."""
    return rng.choice((_receipt, _table, _form))(rng, split)


class _Sheet:
    """Paper with a font whose size is picked for this sheet."""

    def __init__(self, rng: random.Random, split: Split, kind: str) -> None:
        self.size, font = pick_layout(rng, split, kind, SHEETS)
        self.canvas = Canvas(*self.size, rng.choice(PAPERS))
        self.ink = rng.choice(INKS)
        self.font = load_font(font, rng.randint(24, 34))
        self.left = rng.uniform(0.05, 0.12) * self.size[0]
        self.y = rng.uniform(0.04, 0.2) * self.size[1]
        self.step = self.font.size * rng.uniform(1.3, 2.0)

    def write(self, cells: list[tuple[float, str]]) -> None:
        """One line; each cell starts at its x."""
        for x, text in cells:
            self.canvas.text(text, (x, self.y), self.font, "black", self.ink)
        self.y += self.step

    def rule(self) -> None:
        """A thin line across."""
        y = self.y + 0.1 * self.step
        self.canvas.line([(self.left, y), (self.size[0] - self.left, y)], self.ink, 2)
        self.y += 0.4 * self.step

    def title(self, text: str) -> None:
        """A larger line at the top."""
        font = load_font("", int(self.font.size * 1.5))
        self.canvas.text(text, (self.left, self.y), font, "black", self.ink)
        self.y += 1.5 * self.step

    @property
    def room(self) -> int:
        """How many lines still fit."""
        return int((self.size[1] - self.y) / self.step) - 2


def _price(rng: random.Random) -> str:
    return f"{rng.randint(0, 10 ** rng.randint(1, 3))}.{rng.randint(0, 99):02d}"


def _receipt(rng: random.Random, split: Split) -> Scene:
    sheet = _Sheet(rng, split, "receipt")
    scene = Scene("documents", [sheet.canvas])
    title = " ".join(pick_words(rng, split, 2)).upper()
    sheet.title(title)
    column = sheet.left + rng.uniform(11, 14) * sheet.font.size
    items = pick_words(rng, split, rng.randint(3, max(3, min(12, sheet.room - 2))))
    prices = [_price(rng) for _ in items]
    for item, price in zip(items, prices, strict=True):
        sheet.write([(sheet.left, item), (column, price)])
    sheet.rule()
    total = f"{sum(round(100 * float(p)) for p in prices) / 100:.2f}"
    sheet.write([(sheet.left, "TOTAL"), (column, total)])
    for index in rng.sample(range(len(items)), min(5, len(items))):
        scene.add("documents/receipt", ask(rng, PRICE, x=items[index]), prices[index])
    scene.add("documents/total", ask(rng, TOTAL), total)
    scene.add("documents/title", ask(rng, TITLE), title)
    scene.add("documents/kind", ask(rng, KIND), "A receipt.")
    return scene


def _table(rng: random.Random, split: Split) -> Scene:
    sheet = _Sheet(rng, split, "table")
    scene = Scene("documents", [sheet.canvas])
    title = pick_words(rng, split, 1)[0].upper()
    sheet.title(title)
    columns = rng.sample(COLUMNS, rng.randint(1, 3))
    rows = pick_words(rng, split, rng.randint(3, max(3, min(14, sheet.room))))
    xs = [sheet.left + (9 + 5.5 * i) * sheet.font.size for i in range(len(columns))]
    sheet.write([(sheet.left, "name"), *zip(xs, columns, strict=True)])
    sheet.rule()
    cells = {(r, c): str(rng.randint(1, 10 ** rng.randint(1, 4))) for r in rows for c in columns}
    for row in rows:
        values = [(x, cells[row, c]) for x, c in zip(xs, columns, strict=True)]
        sheet.write([(sheet.left, row), *values])
    for row, column in rng.sample(sorted(cells), min(6, len(cells))):
        question = ask(rng, CELL, c=column, x=row)
        scene.add("documents/table", question, cells[row, column])
    scene.add("documents/title", ask(rng, TITLE), title)
    scene.add("documents/kind", ask(rng, KIND), "A table.")
    return scene


def _form(rng: random.Random, split: Split) -> Scene:
    sheet = _Sheet(rng, split, "form")
    scene = Scene("documents", [sheet.canvas])
    title = " ".join([*pick_words(rng, split, 1), "form"]).upper()
    sheet.title(title)
    fields = rng.sample(FIELDS, rng.randint(4, len(FIELDS)))
    column = sheet.left + rng.uniform(5, 9) * sheet.font.size
    for name in fields:
        value = pick_words(rng, split, 1)[0] if rng.random() < 0.5 else pick_code(rng)
        sheet.write([(sheet.left, f"{name}:"), (column, value)])
        scene.add("documents/form", ask(rng, FIELD, x=name), value)
    scene.add("documents/title", ask(rng, TITLE), title)
    scene.add("documents/kind", ask(rng, KIND), "A form.")
    return scene
