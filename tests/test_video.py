"""Frames of real encoded videos. Every frame carries its number in black and white bars."""

import json
import os
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from internvl.preprocessing import (
    AttachmentError,
    Frame,
    VideoInfo,
    frame_indices,
    sample_frames,
    video_info,
    video_process,
)
from internvl.preprocessing.video_table import build_table, open_video

GOLDEN = json.loads(Path("tests/data/golden/frames.json").read_text())
BITS = 7
WIDTH, HEIGHT = 16 * BITS + 16, 64


def numbered(number: int) -> np.ndarray:
    """A picture of WIDTH x HEIGHT: bits of the number as bars, a red mark top left."""
    picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for bit in range(BITS):
        picture[20:60, 16 * bit + 8 : 16 * bit + 24] = 255 * (number >> bit & 1)
    picture[:16, :32] = 255, 0, 0
    return picture


def number_of(picture: Image.Image) -> int | None:
    """What `numbered` drew; None when it can't be told: blank, patched or another picture."""
    assert picture.mode == "RGB" and picture.size == (WIDTH, HEIGHT)
    pixels = np.asarray(picture).astype(int)
    bars = [pixels[30:50, 16 * bit + 12 : 16 * bit + 20] for bit in range(BITS)]
    red, other = pixels[4:12, 4:28].mean((0, 1)), pixels[4:12, 44:].mean()
    if red[0] < 180 or red[1] > 90 or not 30 < other < 90:
        return None
    if any(40 < bar.mean() < 215 for bar in bars):
        return None
    return sum(int(bar.mean() > 127) << bit for bit, bar in enumerate(bars))


def numbers(frames: Sequence[Frame]) -> list[int | None]:
    return [number_of(frame.picture) for frame in frames]


def indices(frames: Sequence[Frame]) -> list[int]:
    return [frame.index for frame in frames]


def encode(
    path: Path,
    codec: str = "libx264",
    frames: int = 60,
    times: Sequence[int] = (),
    gop: int = 12,
    muxer: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """A video of numbered frames at 25 a second, or at `times` in milliseconds."""
    if codec not in av.codecs_available:
        pytest.skip(f"no encoder {codec} here")
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        unit = Fraction(1, 1000) if times else Fraction(1, 25)
        stream.codec_context.time_base = unit
        stream.codec_context.gop_size = gop
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered(number), "rgb24")
            frame.pts, frame.time_base = (times[number] if times else number), unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def remux(source: Path, target: Path, turn: int | None = None, shift: int = 0) -> Path:
    """A copy with a rotation, or with all times shifted by some frames (an edit list)."""
    muxer = {"avoid_negative_ts": "disabled"} if shift else {}
    with av.open(str(source)) as old, av.open(str(target), "w", options=muxer) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        if turn is not None:
            stream.set_display_rotation(turn)
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                offset = round(shift / 25 / packet.time_base)
                packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                packet.stream = stream
                new.mux(packet)
    return target


def is_plain(path: Path) -> bool:
    """Whether decord is asked about the file at all."""
    with open_video(str(path)) as (container, stream):
        return build_table(container, stream).plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    """60 frames of H.264 in MP4, its index at the front."""
    return encode(folder / "plain.mp4", muxer={"movflags": "faststart"})


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    """No child process yet; the one that this test starts is ended after it."""
    processes: dict = {}
    monkeypatch.setattr(video_process, "_processes", processes)
    yield processes
    for process in processes.values():
        if process._child:
            process._child.communicate()


def test_indices_equal_the_official_ones() -> None:
    for case in GOLDEN:
        found = frame_indices(case["frames_in_video"], case["fps"], case["segments"], case["bound"])
        assert found == case["indices"], case


def test_indices_never_leave_the_video() -> None:
    assert frame_indices(10, 5, 4, (1.0, 99.0)) == [5, 6, 7, 8]
    assert frame_indices(10, 5, 3, (-4.0, 0.2)) == [0, 0, 1]
    assert frame_indices(10, 5, 2, (1.99, 5.0)) == [9, 9]
    assert max(frame_indices(1, 30, 64)) == 0


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ((1.0, 1.0), "from 1 s to 1 s is empty"),
        ((1.5, 0.5), "is empty"),
        ((2.0, 3.0), "starts at 2 s, but the video ends at 2 s"),
        ((-3.0, -1.0), "is empty"),
        ((0.0, float("nan")), "is empty"),
    ],
)
def test_an_empty_clip_is_refused_in_words(bound: tuple[float, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frame_indices(10, 5, 4, bound)


def test_numbers_that_make_no_sense_are_refused() -> None:
    for numbers_ in ((0, 25, 4), (10, 0, 4), (10, 25, 0)):
        with pytest.raises(ValueError, match="must be positive"):
            frame_indices(*numbers_)


CONTAINERS = [
    ("plain.mp4", "libx264", {}),
    ("plain.mkv", "libx264", {}),
    ("stream.ts", "libx264", {}),
    ("old.avi", "libx264", {}),
    ("divx.avi", "mpeg4", {"bf": "2"}),
    ("old.mpg", "mpeg2video", {}),
    ("closed.mp4", "libx265", {"x265-params": "open-gop=0:log-level=none"}),
    ("open.mp4", "libx265", {"x265-params": "open-gop=1:bframes=3:log-level=none"}),
    ("open.mkv", "libx264", {"x264-params": "open-gop=1:bframes=3:b-adapt=0"}),
    ("refresh.mp4", "libx264", {"x264-params": "intra-refresh=1"}),
    ("web.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ("hidden.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
    ("new.mp4", "libsvtav1", {"preset": "12"}),
    ("new.webm", "libsvtav1", {"preset": "12"}),
    ("flash.flv", "flv", {}),
    ("windows.wmv", "wmv2", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CONTAINERS, ids=[c[0] for c in CONTAINERS])
def test_every_frame_is_the_one_it_says(
    folder: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = encode(folder / name, codec, **options)
    info = video_info(path)
    assert info == VideoInfo(60, 25.0, pytest.approx(2.4, abs=0.02), WIDTH, HEIGHT)
    few = sample_frames(path, 8)
    assert numbers(few) == indices(few) == frame_indices(60, 25, 8)
    assert [frame.time for frame in few] == pytest.approx([i / 25 for i in indices(few)], abs=1e-3)
    clip = sample_frames(path, 5, start=1.0, end=1.9)
    assert numbers(clip) == indices(clip) == frame_indices(60, 25, 5, (1.0, 1.9))
    every = sample_frames(path, 100)
    assert numbers(every) == indices(every) == list(range(60))


def test_decord_is_asked_about_plain_files_only(folder: Path, plain: Path) -> None:
    files = {name: (codec, options) for name, codec, options in CONTAINERS}
    for name, expected in (("closed.mp4", True), ("open.mp4", False), ("refresh.mp4", False)):
        codec, options = files[name]
        assert is_plain(encode(folder / name, codec, **options)) == expected, name
    assert is_plain(plain)


@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_turned_video_comes_upright(folder: Path, codec: str, turn: int) -> None:
    options = {"x265-params": "open-gop=1:bframes=3:log-level=none"} if codec == "libx265" else {}
    lying = encode(folder / f"lying-{codec}.mp4", codec, frames=30, **options)
    assert is_plain(lying) == (codec == "libx264")  # decord turns the one, PyAV the other
    path = remux(lying, folder / f"turned-{codec}-{turn}.mp4", turn=turn)
    size = (WIDTH, HEIGHT) if turn == 180 else (HEIGHT, WIDTH)
    info = video_info(path)
    assert (info.width, info.height) == size
    for frame in sample_frames(path, 3):
        assert frame.picture.size == size
        assert number_of(frame.picture.rotate(-turn, expand=True)) == frame.index


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven-av1.mp4"])
def test_a_variable_frame_rate_keeps_its_real_times(folder: Path, name: str) -> None:
    times = [0]
    for step in [20, 33, 50, 200, 40, 500, 10] * 6:
        times.append(times[-1] + step)
    codec = "libsvtav1" if "av1" in name else "libx264"
    path = encode(folder / name, codec, frames=len(times), times=times)
    frames = sample_frames(path, 64)
    assert numbers(frames) == list(range(len(times)))
    assert [frame.time for frame in frames] == pytest.approx([t / 1000 for t in times], abs=2e-3)
    clip = sample_frames(path, 64, start=1.0, end=2.0)
    assert times[clip[0].index] == min(times, key=lambda t: abs(t - 1000))
    assert times[clip[-1].index] == min(times, key=lambda t: abs(t - 2000))
    assert numbers(clip) == indices(clip)


def test_frames_that_an_edit_list_hides_are_not_shown(folder: Path, plain: Path) -> None:
    path = remux(plain, folder / "trimmed.mp4", shift=-5)
    frames = sample_frames(path, 100)
    assert numbers(frames) == list(range(5, 60))
    assert indices(frames) == list(range(55))
    assert frames[1].time == pytest.approx(0.04)


def test_no_more_frames_than_the_clip_has(plain: Path) -> None:
    assert indices(sample_frames(plain, 16, start=0.4, end=0.6)) == [10, 11, 12, 13, 14, 15]
    assert indices(sample_frames(plain, 1)) == [29]
    assert indices(sample_frames(plain, 2, start=2.3)) == [57, 58]


def test_frames_are_made_smaller_as_they_come(plain: Path) -> None:
    whole: list[weakref.ref[Image.Image]] = []

    def shrink(picture: Image.Image) -> Image.Image:
        assert not any(before() for before in whole)  # none but this one is in memory
        whole.append(weakref.ref(picture))
        return picture.resize((8, 4))

    frames = sample_frames(plain, 6, shrink=shrink)
    assert [frame.picture.size for frame in frames] == [(8, 4)] * 6
    assert indices(frames) == indices(sample_frames(plain, 6))
    assert len(whole) == 6


def test_decord_is_not_let_run_ahead_of_frames_made_smaller(
    plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def ask(request: dict, *rest: object) -> list:
        asked.append(request["decord"])
        return video_process.ask(request, *rest)

    monkeypatch.setattr("internvl.preprocessing.video.ask", ask)
    usual = sample_frames(plain, 6, shrink=lambda picture: picture)
    assert asked == [True, True]
    monkeypatch.setattr("internvl.preprocessing.video.AHEAD", 59 * WIDTH * HEIGHT * 3)
    assert sample_frames(plain, 6, shrink=lambda picture: picture) == usual
    assert sample_frames(plain, 6) == usual
    assert asked[2:] == [True, False, True, True]


def test_a_clip_outside_the_video_is_refused(plain: Path) -> None:
    with pytest.raises(
        AttachmentError, match=r"In plain\.mp4 the clip starts at 9 s, but .* 2.4 s"
    ):
        sample_frames(plain, 4, start=9)
    with pytest.raises(AttachmentError, match=r"plain\.mp4 the clip from 1 s to 0.5 s is empty"):
        sample_frames(plain, 4, start=1, end=0.5)


def test_limits_have_words(plain: Path) -> None:
    with pytest.raises(AttachmentError, match=r"99 frames of plain\.mp4 .* ask for 1 to 64"):
        sample_frames(plain, 99, frame_limit=64)
    with pytest.raises(AttachmentError, match="0 frames of"):
        sample_frames(plain, 0)
    words = r"8 frames of plain\.mp4 have 65,536 pixels, and 60,000 is the most"
    with pytest.raises(AttachmentError, match=words):
        sample_frames(plain, 8, max_pixels=60_000)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("cut.mp4", "libx264"),
        ("cut.mkv", "libx264"),
        ("cut.ts", "libx264"),
        ("cut.webm", "libvpx-vp9"),
        ("cut-av1.mp4", "libsvtav1"),
    ],
)
def test_a_truncated_video_gives_the_frames_that_are_there(
    folder: Path, name: str, codec: str
) -> None:
    muxer = {"movflags": "faststart"} if name.endswith("mp4") else {}
    whole = encode(folder / f"whole-{name}", codec, muxer=muxer)
    data = whole.read_bytes()
    path = folder / name
    path.write_bytes(data[: len(data) * 7 // 10])
    frames = sample_frames(path, 60)
    assert 15 <= len(frames) < 60
    assert numbers(frames) == [round(frame.time * 25) for frame in frames]


@pytest.mark.parametrize("name", ["hurt.mp4", "hurt.mkv", "hurt.avi", "hurt-av1.mp4"])
@pytest.mark.parametrize("seed", range(4))
def test_damaged_data_gives_good_frames_or_words(folder: Path, name: str, seed: int) -> None:
    codec = {"hurt.avi": "mpeg4", "hurt-av1.mp4": "libsvtav1"}.get(name, "libx264")
    whole = folder / f"whole-{name}"
    if not whole.exists():
        encode(whole, codec, muxer={"movflags": "faststart"} if name.endswith("mp4") else {})
    data = bytearray(whole.read_bytes())
    random = np.random.default_rng(seed)
    place = int(random.integers(len(data) // 3, len(data) - 2500))
    data[place : place + 700] = random.bytes(700)
    path = folder / f"{seed}-{name}"
    path.write_bytes(data)
    try:
        frames = sample_frames(path, 60)
    except AttachmentError as error:
        assert path.name in str(error)
    else:
        assert 0 < len(frames) < 60
        found = numbers(frames)
        if name.endswith("avi"):  # it numbers the frames without those that are lost
            assert None not in found and found == sorted(set(found))
        else:
            assert found == [round(frame.time * 25) for frame in frames]


def test_a_damaged_frame_gives_way_to_the_next_sound_one(folder: Path) -> None:
    whole = encode(folder / "whole.mp4", muxer={"movflags": "faststart"}, sc_threshold="0")
    with av.open(str(whole)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(whole.read_bytes())
    for place, size in packets[13:16]:  # in the group of frames 12 to 23
        data[place : place + size] = b"\xa5" * size
    path = folder / "hole.mp4"
    path.write_bytes(data)
    frames = sample_frames(path, 3)
    assert numbers(frames) == indices(frames) == frame_indices(60, 25, 3)
    frames = sample_frames(path, 2, start=0.6, end=1.4)  # wants 20 and 30
    assert numbers(frames) == indices(frames) == [24, 30]
    with pytest.raises(AttachmentError, match=r"hole\.mp4 is damaged: none of the 1 frames"):
        sample_frames(path, 1, start=0.64, end=0.72)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nplain.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile plain.mp4\n",
    ],
    ids=["empty", "text", "playlist", "concat"],
)
def test_what_is_no_video_is_refused(folder: Path, plain: Path, content: bytes) -> None:
    path = folder / "letter.mp4"
    path.write_bytes(content)
    with pytest.raises(AttachmentError, match=r"^letter\.mp4 can't be read as a video") as error:
        video_info(path)
    assert str(folder) not in str(error.value)


@pytest.mark.parametrize(
    ("coded", "sentence"),
    [(b"zzzz", "no decoder for its pictures here"), (b"aprn", "coded as prores_raw")],
)
def test_how_unreadable_pictures_are_coded_is_said(
    folder: Path, plain: Path, coded: bytes, sentence: str
) -> None:
    content = plain.read_bytes()
    place = content.index(b"avc1", content.index(b"stsd"))
    path = folder / "odd.mp4"
    content = content[:place] + coded + content[place + 4 :]
    path.write_bytes(content.replace(b"avcC", b"free"))
    with pytest.raises(AttachmentError, match=sentence) as error:
        video_info(path)
    assert error.value.facts["name"] == "odd.mp4"
    assert error.value.kind == ("codec" if coded == b"aprn" else "video")


def test_sound_and_missing_files_are_refused(folder: Path) -> None:
    path = folder / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(AttachmentError, match="no moving pictures"):
        video_info(path)
    with pytest.raises(AttachmentError, match=r"gone\.mp4 is not there any more"):
        sample_frames(folder / "gone.mp4", 4)


def fake_module(folder: Path, name: str, body: str) -> Path:
    """A module that the child process finds in place of the real one."""
    folder.mkdir(exist_ok=True)
    marker = folder / "reached"
    code = f"import os, pathlib, threading\npathlib.Path({str(marker)!r}).touch()\n{body}\n"
    (folder / f"{name}.py").write_text(code)
    return marker


@pytest.mark.parametrize("body", ["threading.Event().wait()", "os.abort()"], ids=["hang", "abort"])
def test_decord_may_hang_or_abort(
    body: str,
    plain: Path,
    tmp_path: Path,
    own_process: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marker = fake_module(tmp_path, "decord", body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    frames = sample_frames(plain, 8, time_limit=5)
    assert marker.exists()
    assert numbers(frames) == indices(frames) == frame_indices(60, 25, 8)


def test_a_file_that_hangs_every_decoder_is_refused(
    plain: Path, tmp_path: Path, own_process: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_module(tmp_path, "av", "threading.Event().wait()")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(AttachmentError, match=r"plain\.mp4 could not be read within 0.5 s"):
            sample_frames(plain, 8, time_limit=0.5)
    assert numbers(sample_frames(plain, 3)) == frame_indices(60, 25, 3)


def test_without_decord_pyav_reads_the_same_pixels(
    plain: Path, tmp_path: Path, own_process: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = sample_frames(plain, 6)
    own_process.popitem()[1]._child.communicate()
    fake_module(tmp_path, "decord", "raise ImportError('no wheel')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert sample_frames(plain, 6) == usual


LATE_COMPLAINT = """
import numpy as np
class DECORDError(Exception): pass
class DECORDLimitReachedError(Exception): pass
class Batch:
    def asnumpy(self): return np.zeros((1, 64, 128, 3), np.uint8)
class VideoReader:
    def __init__(self, path, fault_tol): pass
    def __len__(self): return 60
    def get_frame_timestamp(self, places): return np.array([[place / 25] * 2 for place in places])
    def get_batch(self, places): return Batch()
    def __del__(self): os.write(2, b"concealing errors")
"""


def test_frames_are_taken_back_when_decord_complains_at_the_end(
    plain: Path, tmp_path: Path, own_process: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = fake_module(tmp_path, "decord", LATE_COMPLAINT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    frames = sample_frames(plain, 6, max_pixels=6 * WIDTH * HEIGHT)
    assert marker.exists()
    assert numbers(frames) == indices(frames) == frame_indices(60, 25, 6)


def test_a_child_that_ended_is_replaced(plain: Path, own_process: dict) -> None:
    first = numbers(sample_frames(plain, 3))
    (process,) = own_process.values()
    ended = process._child
    ended.kill()
    ended.wait()
    assert numbers(sample_frames(plain, 3)) == first
    assert process._child is not ended


def test_threads_share_one_child(folder: Path, plain: Path, own_process: dict) -> None:
    other = encode(folder / "other.webm", "libvpx-vp9", frames=40, deadline="realtime")
    requests = [(plain, 3), (other, 5), (plain, 7), (other, 9)] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda request: sample_frames(*request), requests))
    for (path, count), frames in zip(requests, found, strict=True):
        length = 60 if path == plain else 40
        assert numbers(frames) == indices(frames) == frame_indices(length, 25, count)
    assert len(own_process) == 1


def test_the_child_ends_with_its_input() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "internvl.preprocessing.video_reader"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.communicate(timeout=60) == (b"", None)
    assert child.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_unguarded_scripts_and_forks(plain: Path, tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        textwrap.dedent(f"""
            import os
            print("started", flush=True)
            from internvl.preprocessing import sample_frames
            expected = sample_frames({str(plain)!r}, 8)
            forked = os.fork()
            right = all(sample_frames({str(plain)!r}, 8) == expected for _ in range(10))
            if not forked:
                os._exit(0 if right else 1)
            print(right, os.waitpid(forked, 0)[1], [f.index for f in expected])
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert lines == ["started", f"True 0 {frame_indices(60, 25, 8)}"], done.stderr


def test_real_clips() -> None:
    gradio = pytest.importorskip("gradio")
    folder = Path(gradio.__file__).parent / "media_assets" / "videos"
    for path in sorted(folder.iterdir()):
        frames = sample_frames(path, 4)
        info = video_info(path)
        assert len(frames) == 4
        assert {frame.picture.size for frame in frames} == {(info.width, info.height)}
        assert all(np.asarray(frame.picture).std() > 5 for frame in frames)
