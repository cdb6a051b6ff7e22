"""Decodes videos in a process of its own, since a decoder can hang or abort its whole process.

    python -m internvl.preprocessing.video_reader

takes one JSON request a line on standard input and answers on standard output with JSON lines: the
table of a video's frames, or frames each followed by its RGB bytes, and last `{"end": true}` or
`{"error": "why"}`; `{"again": true}` takes the frames before it back. It ends with its input.
Standard error is a file: FFmpeg's complaints go there. The other side is
`internvl.preprocessing.video`.

decord reads what is plain. PyAV reads what decord can't (AV1) or gets wrong in silence: MPEG-TS,
open groups of pictures, edit lists, damaged data. A picture built on damaged data is never given.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from internvl.preprocessing.video_table import (
    MAX_FRAME_PIXELS,
    FrameTable,
    Key,
    VideoError,
    build_table,
    open_video,
    packets_from,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from internvl.preprocessing.video_table import VideoPacket

    Picture = NDArray[np.uint8]  # (height, width, 3), RGB


class _DamagedError(Exception):
    """A packet can't be decoded; decoding with one thread tells exactly which."""


@lru_cache(maxsize=4)
def read_table(path: str, changed: int) -> FrameTable:
    """The table of a video last changed at `changed` (ns). Raises VideoError, FFmpegError."""
    with open_video(path) as (container, stream):
        table, codec = build_table(container, stream), stream.codec_context.name
    first = next(read_with_av(path, table, [0], len(table.times)), None)
    if first is None:
        raise VideoError("none of its frames is intact", "damaged", codec)
    height, width, _ = first[1].shape
    return replace(table, width=width, height=height)


def read_with_av(
    path: str, table: FrameTable, wanted: Sequence[int], end: int
) -> "Iterator[tuple[int, Picture]]":
    """Positions and pictures of the wanted frames, which rise.

    A damaged frame gives way to the next sound one before the following wanted frame, or before
    `end`; where there is none, it is left out. Damage shows where the decoder objects to it: a few
    changed bits in HEVC or VP9 can pass for other pictures.
    """
    last = -1
    try:
        for last, picture in _sound_pictures(path, table, wanted, end, threads=True):
            yield last, picture
    except _DamagedError:
        wanted = [position for position in wanted if position > last]
        yield from _sound_pictures(path, table, wanted, end, threads=False)


def read_with_decord(
    path: str, table: FrameTable, wanted: Sequence[int]
) -> "Generator[tuple[int, Picture], None, bool]":
    """Positions and pictures of the wanted frames; False at the first sign that any is wrong."""
    try:
        import decord
    except (ImportError, OSError):  # no wheel for this machine
        return False
    failures = (decord.DECORDError, decord.DECORDLimitReachedError, RuntimeError, OSError)
    # decord shows the frame before in place of one that it can't decode, unless told not to, and
    # can't tell that FFmpeg has patched a damaged one with old pixels: only FFmpeg's log does, and
    # it is complete only when the reader and its threads are gone.
    complaints = os.fstat(2).st_size
    with contextlib.suppress(AssertionError, *failures):
        sound = yield from _decord_pictures(decord, path, table, wanted)
        return sound and os.fstat(2).st_size == complaints
    return False


def _decord_pictures(
    decord: Any, path: str, table: FrameTable, wanted: Sequence[int]
) -> "Generator[tuple[int, Picture], None, bool]":
    complaints = os.fstat(2).st_size
    reader = decord.VideoReader(path, fault_tol="0.0000001")
    times = reader.get_frame_timestamp(range(len(reader)))[:, 0]
    if len(times) != len(table.times) or abs(times - times[0] - table.times).max() > 2e-3:
        return False
    for position in wanted:
        picture = reader.get_batch([position]).asnumpy()[0]
        if picture.shape[:2] != (table.height, table.width) or os.fstat(2).st_size > complaints:
            return False
        yield position, picture
    return True


def _sound_pictures(
    path: str, table: FrameTable, wanted: Sequence[int], end: int, threads: bool
) -> "Iterator[tuple[int, Picture]]":
    with open_video(path) as (container, stream):
        context = stream.codec_context
        context.thread_type = "AUTO"
        context.thread_count = 0 if threads else 1
        context.options = {"err_detect": "explode", "max_pixels": str(MAX_FRAME_PIXELS)}
        frames: Iterator[tuple[int, VideoFrame]] = iter(())
        found: tuple[int, VideoFrame] | None = None
        begun: Key | None = None
        for target, following in pairwise([*wanted, end]):
            key = table.key_before(target)
            if key != begun and (found is None or key.position > found[0] + 1):
                begun = key
                frames = _sound_frames(stream, table, packets_from(container, stream, table, key))
                found = next(frames, None)
            while found and found[0] < target:
                found = next(frames, None)
            if found and found[0] < following:
                yield found[0], _picture(found[1])


def _sound_frames(
    stream: VideoStream, table: FrameTable, packets: "Iterator[VideoPacket]"
) -> Iterator[tuple[int, VideoFrame]]:
    """Positions and frames, without those that rest on damaged data.

    After a packet that can't be decoded, nothing is sound before the next keyframe. The frame
    before it isn't either: where the damage begins is often decoded without complaint.
    """
    starts = {table.stamp(key): key.position for key in table.keys}
    base: int | None = None  # position of the keyframe from which everything is sound
    held: tuple[int, VideoFrame] | None = None
    count = 0
    for packet in chain(packets, [None]):
        frames = _decoded(stream, packet)
        if packet and base is None and frames is not None:
            base = starts.get(table.stamp(packet))
        elif packet and frames is None and base is not None:
            # What is shown before its keyframe rests on the one before: it may well be missing.
            leading = table.positions.get(table.stamp(packet), base) < base
            base, held = (base, held) if leading else (None, None)
        for frame in frames or ():
            position = table.positions.get(frame.pts, -1) if table.positions else count
            count += 1
            if base is not None and position >= base:
                if held:
                    yield held
                held = position, frame
    if held:
        yield held


def _decoded(stream: VideoStream, packet: "VideoPacket | None") -> list[VideoFrame] | None:
    """The frames that come out after a packet; None when it is damaged."""
    with contextlib.suppress(FFmpegError):
        frames = stream.decode(packet)
        if not (packet and packet.is_corrupt) and not any(frame.is_corrupt for frame in frames):
            return frames
    if stream.codec_context.thread_count != 1:
        raise _DamagedError
    return None


def _picture(frame: VideoFrame) -> "Picture":
    upright = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    return np.ascontiguousarray(upright)


def _answer(request: dict[str, Any]) -> "Iterator[tuple[dict[str, Any], Picture | None]]":
    path = request["path"]
    table = read_table(path, Path(path).stat().st_mtime_ns)
    if "wanted" not in request:
        names = ("times", "fps", "duration", "width", "height")
        yield {name: getattr(table, name) for name in names}, None
        return
    room = request["max_pixels"]
    for found in _pictures(request, table):
        if found is None:
            room = request["max_pixels"]
            yield {"again": True}, None
            continue
        position, picture = found
        room -= picture.shape[0] * picture.shape[1]
        if room < 0:
            raise VideoError("its frames grow too large", "large")
        yield {"position": position, "shape": picture.shape}, picture


def _pictures(request: dict[str, Any], table: FrameTable) -> "Iterator[tuple[int, Picture] | None]":
    """The frames, all by one decoder; None takes back those that came before."""
    path, wanted = request["path"], request["wanted"]
    if request["decord"] and table.plain:
        if (yield from read_with_decord(path, table, wanted)):
            return
        yield None
    yield from read_with_av(path, table, wanted, request["end"])


def _write(answers: BinaryIO, header: dict[str, Any], picture: "Picture | None" = None) -> None:
    answers.write(json.dumps(header).encode() + b"\n")
    if picture is not None:
        answers.write(picture.data)
    answers.flush()


def main() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    for line in sys.stdin.buffer:
        request = json.loads(line)
        with contextlib.suppress(OSError):  # not a file when run by hand
            os.ftruncate(2, os.lseek(2, 0, os.SEEK_SET))
        if hasattr(signal, "alarm"):  # ends a hanging reader whose parent is gone
            signal.alarm(int(request["seconds"]) + 10)
        try:
            for header, picture in _answer(request):
                _write(answers, header, picture)
            _write(answers, {"end": True})
        except (VideoError, FFmpegError, OSError, ValueError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            known = {name: getattr(error, name, "") for name in ("kind", "codec")}
            _write(answers, {"error": reason, **known})
        if hasattr(signal, "alarm"):
            signal.alarm(0)


if __name__ == "__main__":
    main()
