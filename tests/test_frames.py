"""A video's strip in the tile view: numbers, frames left out, needless ones, the player."""

from pathlib import Path

import av
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from internvl.chat import Attachment, Conversation, Settings, Turn, freeze
from internvl.chat.record import turn_from_json, turn_to_json
from internvl.ui import clips
from internvl.ui.chat import draw_chat
from internvl.ui.frames import draw_video, strip_of
from internvl.ui.links import last_video, link_frames
from internvl.ui.text import words
from internvl.ui.tiles import count_tiles, draw_tray

TEXT = words("en")
GREY, RED, BLUE = (128, 128, 128), (200, 30, 30), (30, 60, 200)


@pytest.fixture
def write_clip(tmp_path):
    """A function that writes a clip of four frames a second: a square on grey in each colour."""

    def write(colours, name="clip.mp4", codec="libx264"):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=4)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            for place, colour in enumerate(colours):
                picture = np.full((96, 128, 3), GREY, np.uint8)
                if colour:
                    picture[20:60, 8 * place : 8 * place + 40] = colour
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
        return path

    return write


def clip_of(path, **details):
    return freeze([Attachment(path, "video", **details)], Settings())[0]


def test_what_the_model_gets_is_numbered_and_the_rest_is_shown(write_clip):
    video = clip_of(write_clip([RED, BLUE, RED, BLUE]), dropped=(1, 99))
    strip = strip_of(video)
    assert [number for number, _ in strip.frames] == [1, 0, 2, 3]
    assert [frame.index for frame in strip.kept] == [0, 2, 3]
    assert strip.left_out == "1"
    assert count_tiles(video) == 3
    sheet = draw_video(video, TEXT, "Video", 64)
    assert (sheet.sum, sheet.tokens) == ("3 frames = 3 tiles", "read as 192 visual tokens")
    assert "Each frame costs 64 visual tokens." in sheet.facts
    html = draw_tray([video], Settings(), TEXT)
    assert html.count('class="tile"') == 3
    assert html.count('data-bring="1"') == 2  # in its place, and for all of them
    assert 'aria-label="Leave out Frame-2 at 0:00.5"' in html


def test_when_every_frame_was_dropped_the_model_gets_them_all(write_clip):
    strip = strip_of(clip_of(write_clip([RED, BLUE]), dropped=(0, 1)))
    assert [number for number, _ in strip.frames] == [1, 2]


def test_blank_and_repeated_frames_are_said(write_clip, tmp_path):
    still = [RED]
    path = write_clip([None, *still])
    assert draw_video(clip_of(path), TEXT, "", 256).remarks == ["Frame-1 is blank."]
    assert strip_of(clip_of(path)).needless == "0"
    held = write_clip([None, None], "blank.mp4")
    assert draw_video(clip_of(held), TEXT, "", 256).remarks == ["Frames 1, 2 are blank."]
    assert strip_of(clip_of(held)).needless == "1"  # one frame stays
    moving = write_clip([RED, RED, BLUE, RED], "moving.mp4")
    assert draw_video(clip_of(moving), TEXT, "", 256).remarks == []


def test_a_held_picture_is_said_once(tmp_path):
    path = tmp_path / "held.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        noise = np.random.default_rng(0)
        for place in (0, 1, 1, 1, 2, 3, 3):
            picture = np.full((96, 128, 3), GREY, np.int16)
            picture[20:60, 16 * place : 16 * place + 40] = RED
            picture += noise.integers(-6, 7, picture.shape)  # of a camera
            frame = av.VideoFrame.from_ndarray(picture.astype(np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    sheet = draw_video(clip_of(path), TEXT, "", 256)
    assert sheet.remarks == [
        "Frame-2 to Frame-4 look the same.",
        "Frame-6 and Frame-7 look the same.",
    ]
    assert sheet.strip.needless == "2,3,6"
    assert (
        "Frame-6 和 Frame-7 看起来一样。" in draw_video(clip_of(path), words("zh"), "", 1).remarks
    )
    left = draw_video(clip_of(path, dropped=(2, 3, 6)), TEXT, "", 256)
    assert (left.remarks, left.tiles) == ([], 4)


def test_leaving_out_and_bringing_back_on_the_page(handlers, visitor, session, engine, write_clip):
    handlers.add_video(visitor, str(write_clip([RED, BLUE, RED])))
    handlers.touch(visitor, "", "leave", "1")
    list(handlers.prepare(visitor))
    sent = engine.prepared[-1][0].attachments[0]
    assert sent.dropped == (1,)
    assert engine.tile_counts(engine.prepared[-1][0]) == [[1, 1]]
    shown = handlers.touch(visitor, "", "leave", "0,2")
    assert "One frame has to stay" in shown["notice"]["value"]
    for junk in ("-1", "7", "1e3", "x", ""):
        handlers.touch(visitor, "", "leave", junk)
    assert session.draft.attachments[0].dropped == (1,)
    handlers.touch(visitor, "", "bring", "0,1,2")
    assert session.draft.attachments[0].dropped == ()


def test_dropped_frames_are_kept_with_the_turn_and_old_records_load(tmp_path):
    turn = Turn("?", (Attachment(tmp_path / "a.mp4", "video", dropped=(3, 5)),))
    content = turn_to_json(turn, tmp_path)
    assert turn_from_json(content, tmp_path) == turn
    content["attachments"][0]["dropped"] = [3, 5]  # what JSON makes of it
    assert hash(turn_from_json(content, tmp_path).attachments[0]) == hash(turn.attachments[0])
    del content["attachments"][0]["dropped"]
    assert turn_from_json(content, tmp_path).attachments[0].dropped == ()


def test_frames_in_answers_are_links_where_there_is_such_a_frame(write_clip):
    video = clip_of(write_clip([RED, BLUE, RED]), dropped=(0,))
    linked = link_frames("Frame-1, (frame 2), Frame-3, Keyframe-1, [x](Frame-1)", video, TEXT)
    assert linked.count("<button") == 2
    assert 'title="Frame-1 at 0:00.2">Frame-1</button>, (' in linked  # the first is left out
    assert ">frame 2</button>)" in linked
    assert linked.endswith(", Frame-3, Keyframe-1, [x](Frame-1)")
    assert link_frames("Frame-1", None, TEXT) == "Frame-1"


def test_a_later_answer_speaks_of_the_last_video(write_clip):
    first, second = (clip_of(write_clip([RED], name)) for name in ("a.mp4", "b.mp4"))
    turns = [
        Turn("One?", (first,), "Frame-1."),
        Turn("And?", (), "Frame-1, `Frame-1`."),
        Turn("Two?", (second,), "Frame-1."),
    ]
    assert [last_video(turns[:n]) for n in range(4)] == [None, first, first, second]
    answers = [m["content"] for m in draw_chat(Conversation(turns=turns), TEXT)[1::2]]
    keys = [clips.CLIPS.key(video.path) for video in (first, first, second)]
    for answer, key in zip(answers, keys, strict=True):
        assert answer.count(f'value="{key} 0.000"') == 1


def test_only_videos_shown_are_served_in_ranges_and_as_nothing_but_video(tmp_path):
    shown = clips.Clips(most=2)
    client = TestClient(Starlette(routes=[clips.clip_route(shown)]))
    movie, page = tmp_path / "a.mp4", tmp_path / "a.html"
    movie.write_bytes(b"0123456789")
    page.write_bytes(b"<script>")
    key = shown.key(movie)
    assert shown.key(str(movie)) == key
    got = client.get(f"/clips/{key}", headers={"Range": "bytes=2-4"})
    assert (got.status_code, got.content) == (206, b"234")
    assert got.headers["content-type"] == "video/mp4"
    odd = client.get(f"/clips/{shown.key(page)}")
    assert odd.headers["content-type"] == "application/octet-stream"
    assert odd.headers["x-content-type-options"] == "nosniff"
    for unknown in ("x", "..%2f..%2fetc%2fpasswd", str(movie).replace("/", "%2f")):
        assert client.get(f"/clips/{unknown}").status_code == 404
    movie.unlink()
    assert client.get(f"/clips/{key}").status_code == 404
    shown.key(Path("b.mp4"))  # one more than are kept
    assert shown.path(key) is None and shown.key(movie) != key
