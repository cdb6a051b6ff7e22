"""Samples frames of a video with their real times.

Decoding happens in one child process for all videos: decord, which is asked first, can hang or
abort its process (dmlc/decord issues 373, 375). A child that does is killed, and PyAV reads the
video in a new one.
"""

import contextlib
import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from internvl.preprocessing.image import AttachmentError
from internvl.preprocessing.video_process import Answer, Shrink, ask

TIME_LIMIT = 60.0
MAX_FRAMES = 512
MAX_VIDEO_PIXELS = 1_000_000_000
AHEAD = 2**28
"""Bytes of frames that decord may decode ahead of who waits for none: it knows no bound itself."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """A picture from a video (RGB, upright), its position there from 0, and its time in seconds."""

    picture: Image.Image
    index: int
    time: float


@dataclass(frozen=True)
class VideoInfo:
    """How many frames a video has, how many a second on average, its seconds, its upright size."""

    frames: int
    fps: float
    duration: float
    width: int
    height: int


def frame_indices(
    frames_in_video: int, fps: float, segments: int, bound: tuple[float, float] | None = None
) -> list[int]:
    """The middle of each of `segments` equal parts of the clip (OpenGVLab/InternVL README.md:1109).

    `bound` is the clip's start and end in seconds, None the whole video; the clip ends with the
    video. Raises ValueError for an empty clip.

    >>> frame_indices(100, 25, 4)
    [12, 37, 62, 86]
    """
    if frames_in_video < 1 or segments < 1 or fps <= 0:
        raise ValueError(
            f"frames_in_video, segments and fps must be positive, not "
            f"{frames_in_video}, {segments}, {fps}"
        )
    last = frames_in_video - 1
    if bound is None:
        return _middles(0, last, segments)
    start, end = _clip(bound[0], bound[1], frames_in_video / fps)
    return _middles(min(round(start * fps), last), min(round(end * fps), last), segments)


def sample_frames(
    path: str | Path,
    max_frames: int,
    start: float | None = None,
    end: float | None = None,
    *,
    shrink: Shrink | None = None,
    frame_limit: int = MAX_FRAMES,
    max_pixels: int = MAX_VIDEO_PIXELS,
    time_limit: float = TIME_LIMIT,
) -> list[Frame]:
    """min(max_frames, frames in the clip) frames, spread as the official code does.

    A clip without more frames than asked for gives each of them once. A damaged frame gives way to
    the next sound one before the following of these frames, or is left out. `shrink` makes each
    frame smaller as it comes, so that no two are in memory whole. `max_pixels` counts all frames
    together, `time_limit` the seconds a decoder (and `shrink`) may take.

    The same call on a sound file gives the frames at the same positions, whichever decoder reads
    them. All come from one decoder: PyAV when decord fails or complains of any. A damaged file can
    give others the next time only where decord shows patched frames without a complaint and is
    killed the next time, or where the machine has another number of cores (decoding threads).

    Safe to call from several threads; videos are then read one after the other. Raises
    AttachmentError, for an empty clip as well.
    """
    name = Path(path).name
    _check_frames(name, max_frames, frame_limit)
    table = _read_table(path, time_limit)
    times: list[float] = table["times"]
    try:
        first, last = _clip_frames(times, table["fps"], table["duration"], start, end)
    except ValueError as error:
        raise AttachmentError(f"In {name} {error}.", "clip", name=name) from error
    everything = max_frames > last - first
    wanted = list(range(first, last + 1)) if everything else _middles(first, last, max_frames)
    _check_pixels(name, len(wanted), len(wanted) * table["width"] * table["height"], max_pixels)
    request = {"wanted": wanted, "end": last + 1, "max_pixels": max_pixels}
    ahead = (last + 1 - first) * table["width"] * table["height"] * 3
    decoders = (False,) if shrink and ahead > AHEAD else (True, False)
    found = _ask(path, request, time_limit, shrink, decoders)
    _check_found(name, len(found), len(wanted))
    return [
        Frame(picture, at["position"], times[at["position"]]) for at, picture in found if picture
    ]


def video_info(path: str | Path, *, time_limit: float = TIME_LIMIT) -> VideoInfo:
    """What the page has to know of a video. Raises AttachmentError when it can't be read."""
    table = _read_table(path, time_limit)
    size = table["width"], table["height"]
    return VideoInfo(len(table["times"]), table["fps"], table["duration"], *size)


def _check_frames(name: str, wanted: int, most: int) -> None:
    if not 1 <= wanted <= most:
        raise AttachmentError(
            f"{wanted} frames of {name} were asked for; please ask for 1 to {most}.",
            "frames",
            name=name,
            wanted=wanted,
            most=most,
        )


def _check_pixels(name: str, frames: int, pixels: int, most: int) -> None:
    if pixels > most:
        raise AttachmentError(
            f"{frames} frames of {name} have {pixels:,} pixels, and {most:,} is the "
            "most; please ask for fewer frames or attach a smaller video.",
            "video_pixels",
            name=name,
            frames=frames,
        )


def _check_found(name: str, found: int, wanted: int) -> None:
    if not found:
        raise AttachmentError(
            f"{name} is damaged: none of the {wanted} frames asked for is intact; "
            "please choose another part of it or attach another copy.",
            "frames_damaged",
            name=name,
            frames=wanted,
        )
    if found < wanted:
        _log.warning("%s: %d of %d frames are damaged", name, wanted - found, wanted)


def _middles(first: int, last: int, segments: int) -> list[int]:
    """The official formula; it can pass the end only where parts are shorter than a frame."""
    part = (last - first) / segments
    middles = (int(first + part / 2 + round(part * k)) for k in range(segments))
    return [min(middle, last) for middle in middles]


def _clip(start: float, end: float, duration: float) -> tuple[float, float]:
    """The part of the clip within the video. Raises ValueError when there is none."""
    if start >= duration:
        raise ValueError(
            f"the clip starts at {start:g} s, but the video ends at {duration:g} s; "
            "please let it start earlier"
        )
    start, end = max(0.0, start), min(end, duration)
    if not end > start:
        raise ValueError(
            f"the clip from {start:g} s to {end:g} s is empty; please let it end after its start"
        )
    return start, end


def _clip_frames(
    times: Sequence[float], fps: float, duration: float, start: float | None, end: float | None
) -> tuple[int, int]:
    """The first and the last frame of the clip: those nearest to its start and end."""
    start, end = _clip(start or 0.0, duration if end is None else end, duration)
    last = len(times) - 1
    if all(abs(time - index / fps) < 0.5 / fps for index, time in enumerate(times)):
        return min(round(start * fps), last), min(round(end * fps), last)
    return _nearest(times, start), _nearest(times, end)


def _nearest(times: Sequence[float], time: float) -> int:
    after = bisect_left(times, time)
    near = range(max(0, after - 1), min(after + 1, len(times)))
    return min(near, key=lambda index: abs(times[index] - time))


def _read_table(path: str | Path, time_limit: float) -> dict[str, Any]:
    return _ask(path, {}, time_limit)[0][0]


def _ask(
    path: str | Path,
    request: dict[str, Any],
    time_limit: float,
    shrink: Shrink | None = None,
    decoders: Sequence[bool] = (True, False),
) -> list[Answer]:
    """The reader's answers about a video: with decord, then without. Raises AttachmentError."""
    name = Path(path).name
    if not Path(path).is_file():
        raise AttachmentError(
            f"{name} is not there any more; please attach it again.", "missing", name=name
        )
    request = {**request, "path": str(Path(path).absolute()), "seconds": time_limit}
    for decord in decoders:
        with contextlib.suppress(EOFError, BrokenPipeError):
            *answers, (ending, _) = ask({**request, "decord": decord}, time_limit, shrink)
            break
    else:
        raise AttachmentError(
            f"{name} could not be read within {time_limit:g} s, or ended its decoder; "
            "please attach a shorter or smaller copy.",
            "slow",
            name=name,
            seconds=time_limit,
        )
    if "error" in ending:
        codec = ending.get("codec")
        coded = f" (its pictures are coded as {codec})" if codec else ""
        raise AttachmentError(
            f"{name} can't be read as a video{coded}: {ending['error']}. "
            "Please attach another copy, or save it again as MP4 with H.264.",
            "codec" if codec else "video",
            name=name,
            reason=ending["error"],
            why=ending.get("kind", ""),
            codec=codec or "",
        )
    return answers
