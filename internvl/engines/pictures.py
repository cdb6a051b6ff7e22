"""Attachments as the model sees them: which tiles, known before any pixel is touched.

A tile is named by its picture's content and its place in it, so that equal tiles of different
uploads, sessions and slider positions are read once.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from internvl.chat import Attachment
from internvl.preprocessing import (
    Frame,
    choose_grid,
    image_size,
    load_image,
    sample_frames,
    split_into_tiles,
)

if TYPE_CHECKING:
    from PIL.Image import Image


Clip = tuple[str, str, int, float | None, float | None]
"""A video's digest and path, and what of it: most frames, start and end in seconds."""


class Tile(NamedTuple):
    """The name of a tile: content digest, what of it (grid and number, or a frame's index)."""

    digest: str
    part: tuple[int, ...] = ()

    def place(self) -> int:
        """A negative 56-bit number that stands for this tile in a prompt's content."""
        text = f"{self.digest}{self.part}".encode()
        return -1 - int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


class Pictures:
    """Opens attachments; remembers their digests and which frames a clip gave."""

    def __init__(self, tile_size: int) -> None:
        self._tile_size = tile_size
        self._digests: dict[tuple[str, int, int], str] = {}
        self._indices: dict[Clip, list[int]] = {}
        self._sampled: dict[Clip, list[Frame]] = {}
        self._lock = threading.Lock()

    def tiles(self, attachment: Attachment, counts: Sequence[int] | None = None) -> list[Tile]:
        """The tiles of a frozen attachment in the model's order, cut down to `counts` if given."""
        full = self._full(attachment)
        if counts is None or [len(part) for part in full] == list(counts):
            return [tile for part in full for tile in part]
        return [part[-1] for part, count in zip(full, counts, strict=True) if count]

    def counts(self, attachment: Attachment) -> list[int]:
        """Tiles per picture or frame of a frozen attachment."""
        return [len(part) for part in self._full(attachment)]

    def load(self, attachment: Attachment) -> "Iterator[tuple[Tile, Image]]":
        """Every tile of a frozen attachment with its pixels, (448, 448) RGB."""
        if attachment.kind == "image":
            image = load_image(attachment.path)
            cut = split_into_tiles(image, attachment.max_tiles or 1, self._tile_size)
            yield from zip(self.tiles(attachment), cut, strict=True)
            return
        digest = self._digest(attachment)
        for frame in self._frames(attachment):
            tile = split_into_tiles(frame.picture, 1, self._tile_size)[0]
            yield Tile(digest, (frame.index,)), tile

    def _full(self, attachment: Attachment) -> list[list[Tile]]:
        """One list per picture or frame; a picture's last tile shows the whole of it."""
        digest = self._digest(attachment)
        if attachment.kind == "video":
            return [[Tile(digest, (index,))] for index in self._frame_indices(attachment)]
        grid = choose_grid(*image_size(attachment.path), attachment.max_tiles or 1, self._tile_size)
        places = grid.columns * grid.rows
        whole = Tile(digest)
        if places == 1:
            return [[whole]]
        return [[*(Tile(digest, (*grid, place)) for place in range(places)), whole]]

    def _digest(self, attachment: Attachment) -> str:
        path = Path(attachment.path)
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in self._digests:
            with path.open("rb") as stream:
                self._digests[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[key]

    def _frame_indices(self, video: Attachment) -> list[int]:
        clip = self._clip(video)
        with self._lock:
            if clip not in self._indices:
                frames = sample_frames(*clip[1:])
                self._indices[clip] = [frame.index for frame in frames]
                self._sampled = {clip: frames}
            return self._indices[clip]

    def _frames(self, video: Attachment) -> list[Frame]:
        """The frames, decoded once if they were counted just now."""
        clip = self._clip(video)
        with self._lock:
            return self._sampled.pop(clip, None) or sample_frames(*clip[1:])

    def _clip(self, video: Attachment) -> Clip:
        digest = self._digest(video)
        return digest, str(video.path), video.max_frames or 1, video.start, video.end
