"""From scenes to training samples: token ids, what of them is learned, and the tiles.

The prompt is the one the app uses (`internvl.chat.render`), and pictures are cut the same way.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from internvl.chat import SYSTEM_MESSAGE, Attachment, Conversation, Turn, render
from internvl.model.tokenizer import IMAGE_TOKEN, encode, token_id
from internvl.preprocessing import choose_grid, compress, split_into_tiles
from internvl.training.cells import CELLS, GROUPS, Targets, cut_regions, label_cells
from internvl.training.label_projector import Labels
from internvl.training.mentions import find_places
from internvl.training.places import NOWHERE, Place, find_visual_tokens, look_back, name_places
from internvl.training.preparation import JPEG_QUALITY, JPEG_SHARE
from internvl.training.scenes import Exchange, Scene, draw, transcribe
from internvl.training.scores import BOX

SYSTEMS = ("You are a helpful assistant.", "Answer briefly.", "")
MAX_TILES = (1, 6, 12)


@dataclass(frozen=True)
class Mixture:
    """How often each kind of scene comes, and how often each of `MAX_TILES` for it.

    `as_text` is the share of scenes told in words instead of shown. `apart` is the share of those
    shown where no question sees another one, each as if it were the first. With `labels`, tiles
    come as what was drawn in their cells, not as pixels.
    """

    kinds: dict[str, float]
    tiles: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    as_text: float = 0.0
    apart: float = 0.0
    most_exchanges: int = 20
    seed: int = 3
    labels: bool = False


@dataclass(frozen=True)
class Sample:
    """`ids` with `learned` marks, and uint8 tiles `(tiles, 3, 448, 448)`, or their labels.

    A token sees the earlier ones of part 0 and of its own part; with no `parts` it sees all.
    `places` are tokens that speak of something or show it in a video, what each looking head looks
    at there (a token or -1), and its place (nan where it is not told).
    """

    ids: list[int]
    learned: list[bool]
    tiles: Tensor
    labels: Labels | None = None
    parts: list[int] = field(default_factory=list)
    places: list[tuple[int, tuple[int, ...], Place]] = field(default_factory=list)

    @property
    def tile_count(self) -> int:
        """How many tiles there are, as pixels or labels."""
        return len(self.labels.classes if self.labels else self.tiles)


def converse(
    scene: Scene, exchanges: Sequence[Exchange], system: str = SYSTEM_MESSAGE
) -> Conversation:
    """The exchanges about a scene as a conversation; the last may have an empty answer.

    Pictures come with the first question unless an exchange says how many come with it.
    """
    left = len(scene.canvases)
    conversation = Conversation(system=system, id="scene")
    for exchange in exchanges:
        arriving = left if exchange.pictures is None else min(left, exchange.pictures)
        if scene.video:
            attachments = [Attachment("clip", "video")] if left else []
            arriving = left
        else:
            attachments = [Attachment("picture", "image")] * arriving
        left -= arriving
        turn = Turn(exchange.question, tuple(attachments), exchange.answer, exchange.region)
        conversation.turns.append(turn)
    return conversation


def round_boxes(answer: str) -> str:
    """An answer with its boxes to the nearest ten: a third digit can't be seen, only guessed.

    >>> round_boxes("<box>[[7, 344, 345, 996]]</box>")
    '<box>[[10, 340, 340, 1000]]</box>'
    """

    def tens(side: re.Match[str]) -> str:
        return str(10 * round(int(side[0]) / 10))

    return BOX.sub(lambda box: re.sub(r"\d+", tens, box[0]), answer)


def choose_exchanges(rng: random.Random, scene: Scene, most: int) -> list[Exchange]:
    """Some of a scene's exchanges, mixed unless their order matters."""
    if scene.ordered:
        return scene.exchanges[:most]
    return rng.sample(scene.exchanges, min(most, len(scene.exchanges)))


def cut(scene: Scene, max_tiles: int) -> list[list[Image.Image]]:
    """The tiles of each picture; pictures share the budget, a frame is one tile."""
    return [split_into_tiles(canvas.image, _share(scene, max_tiles)) for canvas in scene.canvases]


def cut_labels(scene: Scene, max_tiles: int) -> list[list[Targets]]:
    """What was drawn in the cells of each picture's tiles."""
    share = _share(scene, max_tiles)
    return [
        [label_cells(canvas.marks, region) for region in cut_regions(canvas.size, share)]
        for canvas in scene.canvases
    ]


def _share(scene: Scene, max_tiles: int) -> int:
    return 1 if scene.video else max(1, max_tiles // max(1, len(scene.canvases)))


def tile_counts(scene: Scene, tiles: Sequence[Sequence[object]]) -> list[list[int]]:
    """One list per attachment, as `render` takes them."""
    counts = [len(picture) for picture in tiles]
    if scene.video:
        return [counts]
    return [[count] for count in counts]


def draw_sample(number: int, mixture: Mixture, tokenizer: Any, tokens_per_tile: int) -> Sample:
    """The training sample with this number."""
    rng = random.Random(f"sample {mixture.seed} {number}")
    kind = rng.choices(list(mixture.kinds), list(mixture.kinds.values()))[0]
    as_text = rng.random() < mixture.as_text and kind not in ("talk", "photo")
    scene = draw(kind, number, "language" if as_text else "train", mixture.seed)
    chosen = choose_exchanges(rng, scene, mixture.most_exchanges)
    exchanges = [replace(exchange, answer=round_boxes(exchange.answer)) for exchange in chosen]
    system = SYSTEM_MESSAGE if rng.random() < 0.85 else rng.choice(SYSTEMS)
    if as_text:
        conversation = converse(Scene(kind), exchanges, system)
        first = conversation.turns[0]
        if first.region is None:
            first.question = f"{transcribe(scene)}\n{first.question}"
        else:
            first.region = f"{first.region}, {transcribe(scene)}"
        ids, learned = encode(tokenizer, render(conversation, [], tokens_per_tile))
        return Sample(ids, learned, torch.empty(0, 3, 448, 448, dtype=torch.uint8))
    weights = mixture.tiles.get(kind, mixture.tiles.get("", (1.0, 0.0, 0.0)))
    max_tiles = rng.choices(MAX_TILES, weights)[0]
    cells = cut_labels(scene, max_tiles) if mixture.labels else []
    tiles = [] if mixture.labels else cut(scene, max_tiles)
    apart = rng.random() < mixture.apart and bool(scene.canvases) and not scene.ordered
    each = [[exchange] for exchange in exchanges] if apart else [exchanges]
    counts = tile_counts(scene, cells or tiles)
    encoded = [
        encode(tokenizer, render(converse(scene, some, system), counts, tokens_per_tile))
        for some in each
    ]
    ids, learned, parts = join_apart(encoded)
    places = find_looks(scene, ids, learned, tokenizer, max_tiles, tokens_per_tile)
    if mixture.labels:
        shown = stack_labels(list(chain(*cells)))
        return Sample(ids, learned, stack([]), shown, parts, places)
    if not scene.video and rng.random() < JPEG_SHARE:
        tiles = [[compress(t, rng.randint(*JPEG_QUALITY)) for t in part] for part in tiles]
    return Sample(ids, learned, stack(list(chain(*tiles))), None, parts, places)


def find_looks(
    scene: Scene,
    ids: Sequence[int],
    learned: Sequence[bool],
    tokenizer: Any,
    max_tiles: int,
    tokens_per_tile: int,
) -> list[tuple[int, tuple[int, ...], Place]]:
    """The `places` of a sample whose scene is cut into at most so many tiles.

    What is new in a frame of a video can't be found at once: there the first looking head looks
    from every thing at the same spot one frame earlier, and only the others at what is spoken of.
    Nothing but these looks is told.
    """
    found = find_places(ids, learned, tokenizer, name_places(scene))
    image = token_id(tokenizer, IMAGE_TOKEN)
    visual = [n for n, token in enumerate(ids) if token == image]
    share = _share(scene, max_tiles)
    grids = [choose_grid(*canvas.size, share) for canvas in scene.canvases]
    side = int(tokens_per_tile**0.5)
    seen = find_visual_tokens(found, visual, grids, side)
    places = [(s.token, looked, s.place) for s, looked in zip(found, seen, strict=True)]
    if not scene.video:
        return places
    back = [(own, (before, -1, -1), NOWHERE) for own, before in look_back(scene, visual, side)]
    return back + [(token, (-1, *looked[1:]), NOWHERE) for token, looked, _ in places]


def join_apart(
    encoded: Sequence[tuple[list[int], list[bool]]],
) -> tuple[list[int], list[bool], list[int]]:
    """Ids, learned marks and parts of prompts whose common start is kept once, as part 0.

    >>> join_apart([([1, 2, 3], [False] * 3), ([1, 2, 4, 5], [False] * 4)])[::2]
    ([1, 2, 3, 4, 5], [0, 0, 1, 2, 2])
    """
    ids, learned = encoded[0]
    if len(encoded) == 1:
        return ids, learned, []
    places = zip(*(ids for ids, _ in encoded), strict=False)
    shared = next((n for n, place in enumerate(places) if len(set(place)) > 1), len(ids))
    parts = [0] * shared
    ids, learned = ids[:shared], learned[:shared]
    for part, (own, marks) in enumerate(encoded, 1):
        ids, learned = ids + own[shared:], learned + marks[shared:]
        parts += [part] * (len(own) - shared)
    return ids, learned, parts


def stack_labels(targets: Sequence[Targets]) -> Labels:
    """The labels of tiles as tensors."""
    classes = np.array([t.classes for t in targets], np.int8).reshape(-1, len(GROUPS), CELLS, CELLS)
    edges = np.array([t.edges for t in targets], np.float32).reshape(-1, 4, CELLS, CELLS)
    return Labels(torch.from_numpy(classes), torch.from_numpy(edges))


def stack(tiles: list[Image.Image]) -> Tensor:
    """Tiles as uint8 `(tiles, 3, 448, 448)`."""
    if not tiles:
        return torch.empty(0, 3, 448, 448, dtype=torch.uint8)
    return torch.from_numpy(np.stack([np.asarray(tile) for tile in tiles])).permute(0, 3, 1, 2)
