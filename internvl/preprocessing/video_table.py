"""Where the frames of a video are: their times and keyframes, read from its packets alone."""

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise
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
    """The file can't be read as a video; the message is the reason alone, `kind` names it.

    `codec` is how its pictures are coded, where that is known.
    """

    def __init__(self, message: str, kind: str, codec: str = "") -> None:
        super().__init__(message)
        self.kind, self.codec = kind, codec


class Key(NamedTuple):
    """A keyframe: where it is shown, where it lies in the file, its times in the stream's unit."""

    position: int
    place: int
    pts: int | None
    dts: int | None


class _Mark(NamedTuple):
    """What the table needs of a packet."""

    pts: int | None
    dts: int | None
    size: int
    key: bool
    restarts: bool
    shown: bool
    corrupt: bool
    duration: int


@dataclass(frozen=True)
class FrameTable:
    """Where a video's frames are. A position counts the frames in the order shown.

    `times` are seconds after the first frame. `positions` leads from presentation times in the
    stream's unit to positions; it is empty where the file doesn't tell them (H.264 in AVI): frames
    are then counted from the start. `places` leads from packets, by `stamp` and size, to where they
    lie in the file. `closed` says that nothing after a keyframe rests on what came before it,
    `plain` that decord can be trusted with the file.
    """

    times: list[float]
    positions: dict[int | None, int]
    places: dict[tuple[int | None, int], int]
    keys: list[Key]
    fps: float
    duration: float
    seekable: bool = True
    closed: bool = False
    plain: bool = False
    width: int = 0
    height: int = 0

    def stamp(self, packet: "VideoPacket | Key | _Mark") -> int | None:
        """The time by which packets are known."""
        return packet.pts if self.positions else packet.dts

    def place(self, packet: "VideoPacket") -> int:
        """Where a packet lies in the file; -1 for a packet the table doesn't know."""
        return self.places.get((self.stamp(packet), packet.size), -1)

    def key_before(self, position: int) -> Key:
        """The keyframe where decoding has to begin to reach a position.

        Where groups of pictures are open it is one more before: decoding leans on frames that
        were shown earlier, though the pictures do not.
        """
        number = bisect_right(self.keys, position, key=lambda k: k.position) - 1
        return self.keys[max(0, number if self.closed else number - 1) if self.seekable else 0]


@contextlib.contextmanager
def open_video(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file opened and its best moving picture. Raises VideoError."""
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
    try:
        opened = av.open(path, options=options)
    except FFmpegError as error:
        raise VideoError(
            "it is no video of a known kind, or a part of it is missing", "unknown"
        ) from error
    with opened as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
            raise VideoError("there are no moving pictures in it", "still")
        if not stream.codec_context:
            raise VideoError("there is no decoder for its pictures here", "decoder")
        try:
            width, height = stream.codec_context.width, stream.codec_context.height
            if width * height > MAX_FRAME_PIXELS:
                raise VideoError(
                    f"its frames of {width:,} x {height:,} pixels are too large", "large"
                )
            yield container, stream
        except VideoError as error:
            error.codec = stream.codec_context.name
            raise


def packets_of(container: InputContainer, stream: VideoStream) -> "Iterator[VideoPacket]":
    """The stream's packets from here to the end, or to where the file can't be read on."""
    with contextlib.suppress(FFmpegError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def packets_from(
    container: InputContainer, stream: VideoStream, table: FrameTable, key: Key
) -> "Iterator[VideoPacket]":
    """The packets from a keyframe on, or from somewhere before it."""
    # Some containers seek by presentation times, others by decoding times.
    for time in (key.pts, key.dts, table.keys[0].dts, -(2**40)):
        with contextlib.suppress(FFmpegError):
            if time is not None:
                container.seek(time, stream=stream)
        packets = packets_of(container, stream)
        before: list[VideoPacket] = []
        place = -1
        for packet in packets:
            before.append(packet)
            last, place = place, table.place(packet)
            if place == key.place or (len(before) > 1 and place != last + 1):
                break
        if place == key.place:
            return chain(before, packets)
    return iter(())


def build_table(container: InputContainer, stream: VideoStream) -> FrameTable:
    """The table of an opened video, of size 0 x 0 yet. Raises VideoError, FFmpegError."""
    marks = _marks(container, stream)
    shown = [mark for mark in marks if mark.shown]
    if not shown:
        raise VideoError("there are no frames in it", "empty")
    unit = float(stream.time_base or 1)
    fps = float(stream.average_rate or stream.guessed_rate or 1)
    stamps = sorted({mark.pts for mark in shown if mark.pts is not None})
    timed = len(stamps) == len(shown) and not _in_file_order_alone(container, stream, shown)
    keys = []
    times = [position / fps for position in range(len(shown))]
    if timed:
        times = [(stamp - stamps[0]) * unit for stamp in stamps]
        keys = [
            Key(bisect_left(stamps, mark.pts), place, mark.pts, mark.dts)
            for place, mark in enumerate(marks)
            if mark.key and mark.pts is not None
        ]
    table = FrameTable(
        times=times,
        positions={stamp: position for position, stamp in enumerate(stamps)} if timed else {},
        places={},
        keys=keys or [Key(0, 0, marks[0].pts, marks[0].dts)],
        fps=fps,
        duration=times[-1] + (shown[-1].duration * unit or 1 / fps),
        seekable=container.format.name != "mpeg",  # it guesses other times after seeking
    )
    places = {(table.stamp(mark), mark.size): place for place, mark in enumerate(marks)}
    closed = all(key.place == key.position for key in table.keys) and all(
        mark.restarts for mark in marks if mark.key
    )
    plain = (
        closed
        and container.format.name in _PLAIN_CONTAINERS
        and stream.codec_context.name in _PLAIN_CODECS
        and len(table.positions) == len(marks)
        and not any(mark.corrupt for mark in marks)
        and table.keys[0].position == 0
    )
    return replace(table, places=places, closed=closed, plain=plain)


def _in_file_order_alone(
    container: InputContainer, stream: VideoStream, marks: list[_Mark]
) -> bool:
    """AVI numbers the packets as they lie in the file, whatever the order they are shown in."""
    rising = all(a.pts < b.pts for a, b in pairwise(marks) if a.pts is not None and b.pts)
    return rising and bool(stream.codec_context.has_b_frames) and container.format.name == "avi"


def _marks(container: InputContainer, stream: VideoStream) -> list[_Mark]:
    """Of all packets; not of the last in an MPEG-TS that was cut, which nothing else tells."""
    marks = [
        _Mark(
            pts=p.pts,
            dts=p.dts,
            size=p.size,
            key=p.is_keyframe,
            restarts=p.is_keyframe and _restarts(stream, p),
            shown=not p.is_discard,
            corrupt=p.is_corrupt,
            duration=p.duration or 0,
        )
        for p in packets_of(container, stream)
    ]
    cut = all(container.size % unit for unit in (188, 192, 204))
    return marks[:-1] if cut and container.format.name == "mpegts" else marks


def _restarts(stream: VideoStream, packet: "VideoPacket") -> bool:
    """H.264 may mark as keyframe what is none (intra refresh); an IDR picture surely is one."""
    if stream.codec_context.name != "h264":
        return True
    data, place = bytes(packet), 0
    extradata = stream.codec_context.extradata
    if not (extradata and extradata[0] == 1):  # start codes between the units
        return any(unit[0] & 31 == 5 for unit in data.split(b"\0\0\1")[1:] if unit)
    size = (extradata[4] & 3) + 1  # a length before each unit
    while place + size < len(data):
        if data[place + size] & 31 == 5:
            return True
        place += size + int.from_bytes(data[place : place + size], "big")
    return False
