"""The tile view: a picture with its grid and numbers, a video's frames, as the model will get them.

The grids and frames come from the preprocessor itself, with the budgets that sending would fix.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from internvl.chat import Attachment, Limits, Settings, Turn, freeze
from internvl.preprocessing import (
    AttachmentError,
    Grid,
    choose_grid,
    image_size,
    load_image,
)
from internvl.ui.cards import sentence
from internvl.ui.frames import SMALL, VideoSheet, data_address, draw_video, strip_of
from internvl.ui.html import fill
from internvl.ui.looks import Looker, shares, stops

if TYPE_CHECKING:
    from PIL import Image

    from internvl.ui.examples import Example

SHOWN = 1024
"""Pixels of the tile view's copy of a picture, each way at most."""

LOOKS = (1, 12)
"""The most tiles a message has at a quick look and at a close one, which can be compared."""


@dataclass(frozen=True)
class Sheet:
    """One attachment as the tile view shows it; `tiles` counts what the model gets of it.

    One that can't be read any more is "broken", and `sum` says why. `looks` is what a picture of
    `size` would be at each budget.
    """

    kind: Literal["image", "broken"]
    title: str
    name: str
    tiles: int
    sum: str
    tokens: str
    facts: Sequence[str]
    source: str = ""
    thumbnail: str = ""
    columns: int = 0
    rows: int = 0
    ratio: float = 1.0
    looks: str = ""
    size: tuple[int, int] | None = None


class _Looking(TypedDict):
    """What a `Looker` has to know beside the picture and the words."""

    most: int
    tile_size: int
    tokens_per_tile: int


def titles_of(
    attachments: Iterable[Attachment], text: Mapping[str, str], earlier: int = 0
) -> list[str]:
    """What attachments are called, as in the prompt: pictures by number, unless there is but one.

    `earlier` pictures are in the conversation before them.
    """
    kinds = [attachment.kind for attachment in attachments]
    lone = earlier + kinds.count("image") == 1
    titles = []
    for kind in kinds:
        earlier += kind == "image"
        picture = text["tray.lone"] if lone else text["tray.picture"].format(number=earlier)
        titles.append(picture if kind == "image" else text["tray.video"])
    return titles


def draw_tray(
    attachments: Iterable[Attachment],
    settings: Settings,
    text: Mapping[str, str],
    *,
    earlier: int = 0,
    tokens_per_tile: int = 256,
    tile_size: int = 448,
    examples: "Sequence[Example]" = (),
    most: int = Limits.tiles,
    moved: int | None = None,
    asked: bool = False,
) -> str:
    """The HTML of everything that goes with the next question.

    `earlier` pictures are in the conversation already; `examples` are offered when nothing is
    attached. Tiles have `tile_size` pixels each way, and a message may have `most`. The picture at
    position `moved` has just come there. `asked`: something was sent in this chat before.
    """
    frozen = freeze(attachments, settings)
    given = shares(sum(a.kind == "image" for a in frozen), most)
    looking: _Looking = {
        "most": max(given, default=1),
        "tile_size": tile_size,
        "tokens_per_tile": tokens_per_tile,
    }
    titled = zip(frozen, titles_of(frozen, text, earlier), strict=True)
    sheets = [_sheet(attachment, title, text, looking) for attachment, title in titled]
    sizes = [sheet.size for sheet in sheets if isinstance(sheet, Sheet) and sheet.size]
    return fill(
        "tray",
        sheets=sheets,
        t=text,
        examples=examples,
        stops=stops(sizes, settings.max_tiles, most, tile_size),
        shares=given,
        pictures=len(sizes),
        moved=moved,
        asked=asked,
    )


@lru_cache(maxsize=256)
def display_copy(path: str, edge: int) -> str:
    """A data address of the picture as JPEG, at most `edge` pixels wide and high."""
    return data_address(load_image(path), edge)


def crop(path: str | Path, left: int, top: int, right: int, bottom: int) -> "Image.Image":
    """A part of a picture, its edges per mille of width and height.

    Raises AttachmentError, or ValueError for a part that is none.
    """
    if not (0 <= left < right <= 1000 and 0 <= top < bottom <= 1000):
        raise ValueError(f"no part of a picture: {left}, {top}, {right}, {bottom}")
    picture = load_image(path)
    width, height = picture.size
    edges = (left * width // 1000, top * height // 1000)
    ends = (-(-right * width // 1000), -(-bottom * height // 1000))
    return picture.crop((*edges, *ends))


@lru_cache(maxsize=4096)
def grid_of(picture: Attachment, tile_size: int) -> tuple[Grid, float]:
    """The grid of a picture that was sent, and its width / height. Raises AttachmentError."""
    width, height = image_size(picture.path)
    return choose_grid(width, height, picture.max_tiles or 1, tile_size), width / height


@lru_cache(maxsize=4096)
def count_tiles(attachment: Attachment, tile_size: int = 448) -> int:
    """The tiles of an attachment that was sent, if the model sees all of it; 0 if it is gone."""
    try:
        if attachment.kind == "image":
            return grid_of(attachment, tile_size)[0].tiles
        return len(strip_of(attachment).kept)
    except AttachmentError:
        return 0


def with_tiles(turns: Iterable[Turn], budget: int) -> list[Turn]:
    """Copies of turns, the pictures of each sharing so many tiles."""
    copies = []
    for turn in turns:
        loose = [replace(a, max_tiles=None) for a in turn.attachments]
        copies.append(replace(turn, attachments=freeze(loose, Settings(max_tiles=budget))))
    return copies


def looks_differ(turns: Sequence[Turn], most: int, tile_size: int) -> bool:
    """Does a close look, of `most` tiles at most, have other tiles than a quick one?"""
    quick, close = (
        [
            count_tiles(attachment, tile_size)
            for turn in with_tiles(turns, min(budget, most))
            for attachment in turn.attachments
            if attachment.kind == "image"
        ]
        for budget in LOOKS
    )
    return quick != close


def _sheet(
    attachment: Attachment, title: str, text: Mapping[str, str], looking: _Looking
) -> Sheet | VideoSheet:
    try:
        if attachment.kind == "image":
            looker = Looker(image_size(attachment.path), text, **looking)
            return _picture(attachment, title, looker)
        return draw_video(attachment, text, title, looking["tokens_per_tile"])
    except AttachmentError as error:
        name = Path(attachment.path).name
        return Sheet("broken", title, name, 0, sum=sentence(error, text), tokens="", facts=())


def _picture(attachment: Attachment, title: str, looker: Looker) -> Sheet:
    path = str(attachment.path)
    width, height = looker.size
    look = looker.look(attachment.max_tiles or 1)
    return Sheet(
        kind="image",
        title=title,
        name=Path(path).name,
        tiles=look.tiles,
        sum=look.sum,
        tokens=look.tokens,
        facts=look.facts,
        source=display_copy(path, SHOWN),
        thumbnail=display_copy(path, SMALL),
        columns=look.columns,
        rows=look.rows,
        ratio=round(width / height, 4),
        looks=looker.table(),
        size=looker.size,
    )
