"""Where the frames of a video are: their times and keyframes, read from its packets alone."""

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from av.packet import Packet

    VideoPacket = Packet[VideoStream]

MAX_FRAME_PIXELS = 64 * 2**20
# Playlists are left out: they would make FFmpeg open other files and addresses.
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,gif,mxf,ivf"
_PLAIN_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
_PLAIN_CODECS = ("h264", "hevc", "vp9", "mpeg4")


class VideoError(Exception):
    """The file can't be read as a video; the message is the reason alone."""


class Key(NamedTuple):
    """A keyframe: where it is shown, and its packet's times in the stream's unit."""

    position: int
    pts: int | None
    dts: int | None


class _Mark(NamedTuple):
    """What the table needs of a packet."""

    pts: int | None
    dts: int | None
    key: bool
    shown: bool
    corrupt: bool
    duration: int


@dataclass(frozen=True)
class FrameTable:
    """Where a video's frames are. A position counts the frames in the order shown.

    `times` are seconds after the first frame. `positions` leads from presentation times in the
    stream's unit to positions; it is empty where the file doesn't tell them (H.264 in AVI): frames
    are then counted from the start. `order` numbers the packets, by `stamp`, as they lie in the
    file. `plain` says that decord can be trusted with the file.
    """

    times: list[float]
    positions: dict[int | None, int]
    order: dict[int | None, int]
    keys: list[Key]
    fps: float
    duration: float
    plain: bool
    width: int = 0
    height: int = 0

    def stamp(self, packet: "VideoPacket | Key | _Mark") -> int | None:
        """What tells a packet from the others."""
        return packet.pts if self.positions else packet.dts

    def key_before(self, position: int) -> Key:
        """The keyframe where decoding has to begin to reach a position."""
        return self.keys[max(0, bisect_right(self.keys, position, key=lambda k: k.position) - 1)]


@contextlib.contextmanager
def open_video(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file opened and its best moving picture. Raises VideoError, FFmpegError."""
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    with av.open(path, options=options) as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
            raise VideoError("there are no moving pictures in it")
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_FRAME_PIXELS:
            raise VideoError(f"its frames of {width:,} x {height:,} pixels are too large")
        yield container, stream


def packets_of(container: InputContainer, stream: VideoStream) -> "Iterator[VideoPacket]":
    """The stream's packets from here to the end, or to where the file can't be read on."""
    with contextlib.suppress(FFmpegError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def build_table(container: InputContainer, stream: VideoStream) -> FrameTable:
    """The table of an opened video, of size 0 x 0 yet. Raises VideoError, FFmpegError."""
    marks = _marks(container, stream)
    shown = [mark for mark in marks if mark.shown]
    if not shown:
        raise VideoError("there are no frames in it")
    unit = float(stream.time_base or 1)
    fps = float(stream.average_rate or stream.guessed_rate or 1)
    stamps = sorted({mark.pts for mark in shown if mark.pts is not None})
    timed = len(stamps) == len(shown) and not _in_file_order_alone(container, stream, shown)
    if timed:
        times = [(stamp - stamps[0]) * unit for stamp in stamps]
        keys = [
            Key(bisect_left(stamps, mark.pts), mark.pts, mark.dts)
            for mark in marks
            if mark.key and mark.pts is not None
        ]
    else:
        times = [position / fps for position in range(len(shown))]
        keys = []
    table = FrameTable(
        times=times,
        positions={stamp: position for position, stamp in enumerate(stamps)} if timed else {},
        order={},
        keys=keys or [Key(0, marks[0].pts, marks[0].dts)],
        fps=fps,
        duration=times[-1] + (shown[-1].duration * unit or 1 / fps),
        plain=False,
    )
    order = {table.stamp(mark): place for place, mark in enumerate(marks)}
    plain = (
        container.format.name in _PLAIN_CONTAINERS
        and stream.codec_context.name in _PLAIN_CODECS
        and len(table.positions) == len(marks)
        and not any(mark.corrupt for mark in marks)
        and all(order[key.pts] == key.position for key in table.keys)
        and table.keys[0].position == 0
    )
    return replace(table, order=order, plain=plain)


def _in_file_order_alone(
    container: InputContainer, stream: VideoStream, marks: list[_Mark]
) -> bool:
    """AVI numbers the packets as they lie in the file, whatever the order they are shown in."""
    rising = all(a.pts < b.pts for a, b in pairwise(marks) if a.pts is not None and b.pts)
    return rising and bool(stream.codec_context.has_b_frames) and container.format.name == "avi"


def _marks(container: InputContainer, stream: VideoStream) -> list[_Mark]:
    """Of all packets; not of the last in an MPEG-TS that was cut, which nothing else tells."""
    marks = [
        _Mark(p.pts, p.dts, p.is_keyframe, not p.is_discard, p.is_corrupt, p.duration or 0)
        for p in packets_of(container, stream)
    ]
    cut = all(container.size % unit for unit in (188, 192, 204))
    return marks[:-1] if cut and container.format.name == "mpegts" else marks
