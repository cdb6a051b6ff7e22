"""A video in the tile view: the frames the model gets, those left out, and what is wrong with them.

Frames are compared by copies of 32 x 32 pixels: cheap, and deaf to the noise of a camera.
"""

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from internvl.chat import Attachment
from internvl.preprocessing import sample_frames, video_info
from internvl.ui.clips import CLIPS

SMALL = 224
"""Pixels of a small copy of a picture or frame, each way at most."""
_LOOK = (32, 32)
BLANK = 4.0
"""A frame is blank whose copy deviates from its mean by less, of 255, in every colour."""
SAME = 10
"""Frames look the same whose copies differ by no more, of 255, anywhere."""


@dataclass(frozen=True)
class FrameView:
    """A frame of a video: a small copy as a data address, its time, its position in the video.

    `look` is what frames are compared by (32 x 32 RGB).
    """

    source: str
    seconds: float
    index: int
    look: bytes

    @property
    def time(self) -> str:
        """The time in words."""
        return clock(self.seconds)

    @property
    def blank(self) -> bool:
        """Is there nothing to see?"""
        return max(ImageStat.Stat(_picture(self.look)).stddev) < BLANK

    def looks_like(self, other: "FrameView") -> bool:
        """Would a person call the two frames the same?"""
        difference = ImageChops.difference(_picture(self.look), _picture(other.look))
        return max(high for _, high in difference.getextrema()) <= SAME  # type: ignore[misc]


@dataclass(frozen=True)
class Strip:
    """All frames of a clip in order, each with the number the model knows it by (0: left out)."""

    frames: Sequence[tuple[int, FrameView]]

    @property
    def kept(self) -> list[FrameView]:
        """The frames the model gets; the first is Frame-1."""
        return [frame for number, frame in self.frames if number]

    @property
    def left_out(self) -> str:
        """The positions of those it does not get, as the page sends them back."""
        return _positions(frame for number, frame in self.frames if not number)

    @property
    def needless(self) -> str:
        """The positions of the frames that tell nothing new: blank, or as the one before.

        One frame at least stays, so that this can be followed.
        """
        repeated = {
            frame.index for run in self.runs for frame in self.kept[run.start : run.stop - 1]
        }
        found = [f for f in self.kept if f.blank or f.index in repeated]
        return _positions(found[1:] if len(found) == len(self.kept) else found)

    @property
    def runs(self) -> list[range]:
        """Where frames that are not blank look the same, as ranges of their numbers (from 1)."""
        kept, runs, start = self.kept, [], 0
        for place in range(1, len(kept) + 1):
            if place == len(kept) or not kept[place].looks_like(kept[place - 1]):
                if place - start > 1 and not kept[start].blank:
                    runs.append(range(start + 1, place + 1))
                start = place
        return runs


@dataclass(frozen=True)
class VideoSheet:
    """A video as the tile view shows it; `clip` is its key for the player."""

    name: str
    title: str
    tiles: int
    sum: str
    tokens: str
    facts: Sequence[str]
    remarks: Sequence[str]
    strip: Strip
    clip: str
    kind: str = "video"


def draw_video(
    video: Attachment, text: Mapping[str, str], title: str, tokens_per_tile: int
) -> VideoSheet:
    """The sheet of a frozen attachment. Raises AttachmentError."""
    path, seconds = str(video.path), video_seconds(str(video.path))
    strip = strip_of(video)
    tiles = len(strip.kept)
    clip = {
        "start": clock(video.start or 0.0),
        "end": clock(seconds if video.end is None else video.end),
        "duration": clock(seconds),
    }
    costs = text["clip.each"].format(tokens=f"{tokens_per_tile:,}")
    return VideoSheet(
        name=Path(path).name,
        title=title,
        tiles=tiles,
        sum=text["tray.frames"].format(tiles=tiles),
        tokens=text["tray.tokens"].format(tokens=f"{tiles * tokens_per_tile:,}"),
        facts=[text["tray.clip"].format(**clip), costs],
        remarks=remarks(strip, text),
        strip=strip,
        clip=CLIPS.key(path),
    )


def strip_of(video: Attachment) -> Strip:
    """The frames of a frozen attachment. Raises AttachmentError."""
    views = frame_views(str(video.path), video.max_frames or 1, video.start, video.end)
    kept = video.kept_frames([view.index for view in views])
    numbers = {index: number for number, index in enumerate(kept, 1)}
    return Strip([(numbers.get(view.index, 0), view) for view in views])


def remarks(strip: Strip, text: Mapping[str, str]) -> list[str]:
    """Sentences on frames that are blank or repeat the one before."""
    blank = [number for number, frame in enumerate(strip.kept, 1) if frame.blank]
    said = []
    if len(blank) == 1:
        said.append(text["clip.blank"].format(number=blank[0]))
    elif 1 < len(blank) <= 6:
        said.append(text["clip.blank.some"].format(numbers=", ".join(map(str, blank))))
    elif blank:
        said.append(text["clip.blanks"].format(count=len(blank), total=len(strip.kept)))
    runs = strip.runs
    if len(runs) > 3:
        count = sum(len(run) - 1 for run in runs)
        said.append(text["clip.repeats"].format(count=count, total=len(strip.kept)))
        return said
    for run in runs:
        key = "clip.same" if len(run) == 2 else "clip.alike"
        said.append(text[key].format(first=run[0], last=run[-1]))
    return said


@lru_cache(maxsize=32)
def frame_views(
    path: str, max_frames: int, start: float | None, end: float | None
) -> tuple[FrameView, ...]:
    """Small copies of the frames of a clip, with their times. Raises AttachmentError."""
    frames = sample_frames(path, max_frames, start, end, shrink=_small)
    return tuple(
        FrameView(
            data_address(frame.picture, SMALL),
            frame.time,
            frame.index,
            frame.picture.resize(_LOOK, Image.Resampling.BOX).tobytes(),
        )
        for frame in frames
    )


@lru_cache(maxsize=256)
def video_seconds(path: str) -> float:
    """How long a video is. Raises AttachmentError."""
    return video_info(path).duration


def clock(seconds: float) -> str:
    """A time in a video as people write it.

    >>> clock(63.25)
    '1:03.2'
    """
    tenths = math.floor(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def small_jpeg(picture: Image.Image, edge: int) -> bytes:
    """A copy of at most `edge` pixels each way as a JPEG file."""
    copy = picture.copy()
    copy.thumbnail((edge, edge))
    content = io.BytesIO()
    copy.save(content, "JPEG", quality=85)
    return content.getvalue()


def data_address(picture: Image.Image, edge: int) -> str:
    """The same in a data address."""
    return "data:image/jpeg;base64," + base64.b64encode(small_jpeg(picture, edge)).decode()


def _small(picture: Image.Image) -> Image.Image:
    """What the page needs of a frame."""
    picture.thumbnail((SMALL, SMALL))
    return picture


def _positions(frames: Iterable[FrameView]) -> str:
    return ",".join(str(frame.index) for frame in frames)


def _picture(look: bytes) -> Image.Image:
    return Image.frombytes("RGB", _LOOK, look)
