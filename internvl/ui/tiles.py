"""The tile view: a picture with its grid and numbers, a video's frames, as the model will get them.

The grids and frames come from the preprocessor itself, with the budgets that sending would fix.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from internvl.chat import Attachment, Settings, freeze
from internvl.preprocessing import (
    AttachmentError,
    choose_grid,
    image_size,
    load_image,
)
from internvl.ui.frames import VideoSheet, data_address, draw_video, strip_of
from internvl.ui.html import fill

if TYPE_CHECKING:
    from internvl.ui.examples import Example

_SHOWN = 1024
_SMALL = 224


@dataclass(frozen=True)
class Sheet:
    """One attachment as the tile view shows it; `tiles` counts what the model gets of it.

    One that can't be read any more is "broken", and `sum` says why.
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


def draw_tray(
    attachments: Iterable[Attachment],
    settings: Settings,
    text: Mapping[str, str],
    *,
    earlier: int = 0,
    tokens_per_tile: int = 256,
    tile_size: int = 448,
    examples: "Sequence[Example]" = (),
) -> str:
    """The HTML of everything that goes with the next question.

    `earlier` pictures are in the conversation already; `examples` are offered when nothing is
    attached. Tiles have `tile_size` pixels each way.
    """
    sheets: list[Sheet | VideoSheet] = []
    for attachment in freeze(attachments, settings):
        earlier += attachment.kind == "image"
        try:
            if attachment.kind == "image":
                title = text["tray.picture"].format(number=earlier)
                sheets.append(_picture(attachment, text, title, tokens_per_tile, tile_size))
            else:
                title = text["tray.video"]
                sheets.append(draw_video(attachment, text, title, tokens_per_tile))
        except AttachmentError as error:
            name = Path(attachment.path).name
            sheets.append(Sheet("broken", title, name, 0, sum=str(error), tokens="", facts=()))
    return fill("tray", sheets=sheets, t=text, examples=examples)


@lru_cache(maxsize=256)
def display_copy(path: str, edge: int) -> str:
    """A data address of the picture as JPEG, at most `edge` pixels wide and high."""
    return data_address(load_image(path), edge)


@lru_cache(maxsize=4096)
def count_tiles(attachment: Attachment, tile_size: int = 448) -> int:
    """The tiles of an attachment that was sent, if the model sees all of it; 0 if it is gone."""
    path = str(attachment.path)
    try:
        if attachment.kind == "image":
            return choose_grid(*image_size(path), attachment.max_tiles or 1, tile_size).tiles
        return len(strip_of(attachment).kept)
    except AttachmentError:
        return 0


def _picture(
    attachment: Attachment,
    text: Mapping[str, str],
    title: str,
    tokens_per_tile: int,
    tile_size: int,
) -> Sheet:
    path, allowed = str(attachment.path), attachment.max_tiles or 1
    width, height = image_size(path)
    grid = choose_grid(width, height, allowed, tile_size)
    used = grid.columns * grid.rows
    sum_words = text["tray.one"] if used == 1 else text["tray.several"]
    return Sheet(
        kind="image",
        title=title,
        name=Path(path).name,
        tiles=grid.tiles,
        sum=sum_words.format(columns=grid.columns, rows=grid.rows, tiles=grid.tiles),
        tokens=text["tray.tokens"].format(tokens=f"{grid.tiles * tokens_per_tile:,}"),
        facts=_picture_facts((width, height), used, allowed, tile_size, text),
        source=display_copy(path, _SHOWN),
        thumbnail=display_copy(path, _SMALL) if used > 1 else "",
        columns=grid.columns,
        rows=grid.rows,
        ratio=round(width / height, 4),
    )


def _picture_facts(
    size: tuple[int, int], used: int, allowed: int, tile_size: int, text: Mapping[str, str]
) -> list[str]:
    width, height = size
    facts = [text["tray.size"].format(width=f"{width:,}", height=f"{height:,}")]
    scale = tile_size * math.sqrt(used / (width * height))
    if scale < 0.6:
        facts.append(text["tray.shrunk"].format(percent=round(scale * 100)))
    elif scale < 1:
        facts.append(text["tray.slightly"].format(percent=round(scale * 100)))
    elif scale >= 1.5:
        facts.append(text["tray.enlarged"].format(factor=f"{scale:.1f}"))
    if used < allowed:
        facts.append(text["tray.allowed"].format(allowed=allowed, used=used))
    return facts
