"""Attachments as the model sees them: which tiles, known before any pixel is touched.

A tile is named by its picture's content and its place in it, so that equal tiles of different
uploads, sessions and slider positions are read once.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from internvl.chat import Attachment
from internvl.engines.background import in_background, until_done
from internvl.engines.cache import ByteCache
from internvl.engines.memory import check_room
from internvl.preprocessing import (
    AttachmentError,
    choose_grid,
    image_size,
    load_image,
    sample_frames,
    split_into_tiles,
)

if TYPE_CHECKING:
    from PIL.Image import Image

Clip = tuple[str, int, float | None, float | None]
"""A video's digest, and what of it: most frames, start and end in seconds."""

PIXEL = 4
"""Bytes of a pixel of an opened picture: Pillow leaves one of four unused."""

COPIES = 5
"""Times that a picture is in memory while it is opened: one with transparent parts, at most."""

KEPT_TILES = 320
"""Frames of the clips that are kept as tiles (0.8 MB each) between counting and reading them.

The last clip is kept in any case.
"""

DECODER = 2**29
"""Bytes that the process which decodes takes for a 1080p video, half of them for frames ahead."""

FRAME = 48 * 2**20
"""Bytes of 1080p frames on their way from there to tiles, with the gaps that they leave."""

KEPT_FRAMES = 100_000
"""Frames of all clips whose places in their videos are remembered."""


class Tile(NamedTuple):
    """The name of a tile: content digest, what of it (grid and number, or a frame's index)."""

    digest: str
    part: tuple[int, ...] = ()

    def place(self) -> int:
        """A negative 56-bit number that stands for this tile in a prompt's content."""
        text = f"{self.digest}{self.part}".encode()
        return -1 - int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


class Pictures:
    """Opens attachments; remembers which frames a clip gave. Raises AttachmentError."""

    def __init__(self, tile_size: int) -> None:
        self._tile_size, self._tile_bytes = tile_size, PIXEL * tile_size**2
        self._clips: OrderedDict[Clip, Future[list[tuple[Tile, Image]]]] = OrderedDict()
        self._indices = ByteCache[Clip, list[Tile]](KEPT_FRAMES, len)
        self._lock = threading.Lock()

    def opening(self, attachments: Sequence[Attachment]) -> Iterator[None]:
        """Decode the clips that are not known yet; yields every 0.2 s meanwhile."""
        for attachment in attachments:
            if attachment.kind == "video" and not self._indices.get(self._clip(attachment)):
                yield from until_done(self._frames(attachment))

    def tiles(self, attachment: Attachment, counts: Sequence[int] | None = None) -> list[Tile]:
        """The tiles of a frozen attachment in the model's order, cut down to `counts` if given."""
        full = self._full(attachment)
        if counts is None or [len(part) for part in full] == list(counts):
            return [tile for part in full for tile in part]
        return [part[-1] for part, count in zip(full, counts, strict=True) if count]

    def counts(self, attachment: Attachment) -> list[int]:
        """Tiles per picture or frame of a frozen attachment."""
        return [len(part) for part in self._full(attachment)]

    def bytes(self, attachment: Attachment) -> int:
        """The most main memory that `load` takes of a frozen attachment; a video's frames all."""
        tiles = sum(self.counts(attachment))
        if attachment.kind == "video":
            return tiles * self._tile_bytes + FRAME
        width, height = image_size(attachment.path)
        source, cut = PIXEL * width * height, tiles * self._tile_bytes
        return max(COPIES * source, 2 * source + 2 * cut)

    def load(self, attachment: Attachment) -> "Iterator[tuple[Tile, Image]]":
        """Every tile of a frozen attachment with its pixels, (448, 448) RGB."""
        if attachment.kind == "image":
            most = attachment.max_tiles or 1
            cut = split_into_tiles(load_image(attachment.path), most, self._tile_size)
            yield from zip(self.tiles(attachment), cut, strict=True)
        else:
            kept = set(self.tiles(attachment))
            yield from (frame for frame in self._frames(attachment).result() if frame[0] in kept)

    def _full(self, attachment: Attachment) -> list[list[Tile]]:
        """One list per picture or frame; a picture's last tile shows the whole of it."""
        if attachment.kind == "video":
            known = self._indices.get(self._clip(attachment))
            tiles = known or [tile for tile, _ in self._frames(attachment).result()]
            kept = set(attachment.kept_frames([tile.part[0] for tile in tiles]))
            return [[tile] for tile in tiles if tile.part[0] in kept]
        digest = content_digest(attachment.path)
        grid = choose_grid(*image_size(attachment.path), attachment.max_tiles or 1, self._tile_size)
        places = grid.columns * grid.rows
        whole = Tile(digest)
        if places == 1:
            return [[whole]]
        return [[*(Tile(digest, (*grid, place)) for place in range(places)), whole]]

    def _clip(self, video: Attachment) -> Clip:
        return content_digest(video.path), video.max_frames or 1, video.start, video.end

    def _frames(self, video: Attachment) -> "Future[list[tuple[Tile, Image]]]":
        """The frames of a clip as tiles, decoded once for all who ask meanwhile."""
        clip = self._clip(video)
        with self._lock:
            future = self._clips.get(clip)
            if future is None or (future.done() and future.exception()):
                future = in_background(lambda: self._sample(video, clip))
                self._clips[clip] = future
            self._clips.move_to_end(clip)
            while len(self._clips) > 1 and sum(each[1] for each in self._clips) > KEPT_TILES:
                self._clips.popitem(last=False)
            return future

    def _sample(self, video: Attachment, clip: Clip) -> "list[tuple[Tile, Image]]":
        """A clip decoded again has the frames it had: positions in the file don't change."""
        digest, max_frames, start, end = clip
        check_room(max_frames * self._tile_bytes + DECODER)
        frames = sample_frames(video.path, max_frames, start, end, shrink=self._whole)
        tiles = [(Tile(digest, (frame.index,)), frame.picture) for frame in frames]
        self._indices.put(clip, [tile for tile, _ in tiles])
        return tiles

    def _whole(self, picture: "Image") -> "Image":
        """The one tile of a frame."""
        return split_into_tiles(picture, 1, self._tile_size)[0]


def content_digest(path: str | Path) -> str:
    """SHA-256 of a file, computed once per version. Raises AttachmentError when it is gone."""
    try:
        status = Path(path).stat()
        return _digest(str(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        name = Path(path).name
        raise AttachmentError(
            f"{name} is not there any more; please attach it again.", "missing", name=name
        ) from error


@lru_cache(maxsize=4096)
def _digest(path: str, changed: int, size: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
