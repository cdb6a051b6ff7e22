"""A video on the page in a real browser: player, strip, frames left out, frames in answers."""

import av
import numpy as np
import pytest
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import set_number

from internvl.ui.clips import CLIPS

ANSWER = ["The square turns blue in Frame-3, ", "not in Frame-2 or Frame-12."]


def write_clip(path, codec, step=20):
    """Twelve frames, two a second: a square that moves by `step` and turns blue half way."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=2)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for place in range(12):
            picture = np.full((240, 320, 3), 225, np.uint8)
            if place:
                left = step * place
                picture[80:140, left : left + 60] = (200, 30, 30) if place < 6 else (30, 60, 200)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def visit(chromium):
    """A function that opens the page with a video on it; errors in the console fail the test."""
    contexts, errors = [], []

    def come(address, video, width=1440, height=900):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        expect(page.locator("#tray .tray-empty")).to_be_visible()
        page.get_by_role("tab", name="Video", exact=True).click()
        box = page.locator(".tabitem:visible .drop input[type=file]")
        box.first.set_input_files(str(video))
        expect(page.locator("#tray .frames .tile")).to_have_count(12)
        return page

    yield come
    for context in contexts:
        context.close()
    assert errors == []


def at(page, player, seconds):
    """Wait until a player stands at a time."""
    page.wait_for_function(
        "([name, time]) => Math.abs(document.querySelector(name)?.currentTime - time) < 0.05",
        arg=[player, seconds],
    )


def test_browser_strip_player_and_frames_in_answers(serve_page, visit, tmp_path):
    engine = ScriptedEngine(ANSWER)
    page = visit(serve_page(engine), write_clip(tmp_path / "square.mp4", "libx264"))
    player, frames = page.locator("#tray .player video"), page.locator("#tray .frames .tile")
    page.wait_for_function("document.querySelector('#tray video').readyState >= 1")
    expect(page.locator("#tray .facts")).to_contain_text("Each frame costs 256 visual tokens")

    frames.nth(4).get_by_role("button", name="Show Frame-5").click()
    at(page, "#tray video", 2.0)
    expect(page.locator("#tray .tile.read.now")).to_have_attribute("data-time", "2.000")

    expect(page.locator("#tray .remarks")).to_contain_text("Frame-1 is blank.")
    page.get_by_role("button", name="Leave out what adds nothing").click()
    expect(frames).to_have_count(11)
    expect(page.locator("#tray .sum")).to_contain_text("11 frames = 11 tiles")
    expect(page.locator("#tray .tile.read")).to_have_count(11)
    at(page, "#tray video", 2.0)  # redrawn around the player
    frames.nth(1).get_by_role("button", name="Leave out Frame-2").press("Enter")
    expect(frames).to_have_count(10)
    page.get_by_role("button", name="Bring back the frame at 0:00.0").click()
    expect(frames).to_have_count(11)
    page.reload()
    expect(frames).to_have_count(11)
    expect(page.locator("#tray .left-out")).to_have_count(1)
    expect(player).to_be_visible()

    page.locator("#question textarea").fill("When does it turn blue?")
    page.locator("#send").click()
    links = page.locator('#chat [data-testid="bot"] .frame-link')
    expect(links).to_have_text(["Frame-3", "Frame-2"])
    (attachment,) = engine.asked[0][0].attachments
    assert attachment.dropped == (2,)
    links.first.click()
    at(page, ".dock video", 1.5)  # the third that the model got is the fourth of the video
    expect(page.locator(".dock header p")).to_have_text("Frame-3 at 0:01.5")
    links.nth(1).click()
    at(page, ".dock video", 0.5)
    page.keyboard.press("Escape")
    expect(page.locator(".dock")).to_be_visible()  # the key was not meant for it
    page.get_by_role("button", name="Close the player").press("Escape")
    expect(page.locator(".dock")).to_have_count(0)
    expect(links.nth(1)).to_be_focused()
    sent, playing = page.locator("#chat .sent"), "!document.querySelector('.dock video').paused"
    sent.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(playing)
    page.get_by_role("button", name="Close the player").click()
    expect(page.locator(".dock")).to_have_count(0)
    sent.locator(".screen").click()  # its picture
    page.wait_for_function(playing)


def test_browser_a_clip_it_cannot_play_shows_its_frames(serve_page, visit, tmp_path):
    engine = ScriptedEngine(ANSWER)
    clip = write_clip(tmp_path / "old.avi", "mpeg4")
    page = visit(serve_page(engine), clip, width=390, height=844)
    sentence = page.locator("#tray .unplayable")
    expect(sentence).to_contain_text("This browser can't play this video.")
    expect(page.locator("#tray video")).to_have_count(0)
    expect(page.locator("#tray .frames .tile img").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#question textarea").fill("When does it turn blue?")
    page.locator("#send").click()
    page.locator("#chat .frame-link", has_text="Frame-3").click()
    expect(page.locator(".dock")).to_contain_text("Frame-3 at 0:01.0")
    expect(page.locator(".dock .unplayable")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_text("中文").click()
    expect(page.locator(".dock")).to_have_count(1)
    expect(page.locator("#chat .frame-link", has_text="Frame-3")).to_be_visible()


def test_browser_a_video_that_is_gone_is_said(serve_page, visit, tmp_path):
    page = visit(serve_page(ScriptedEngine(ANSWER)), write_clip(tmp_path / "a.mp4", "libx264"))
    page.wait_for_function("document.querySelector('#tray video').readyState >= 1")
    page.locator("#question textarea").fill("When does it turn blue?")
    page.locator("#send").click()
    link = page.locator("#chat .frame-link", has_text="Frame-3")
    expect(link).to_be_visible()
    CLIPS.path(link.get_attribute("value").split()[0]).unlink()
    page.reload()  # the browser still has what the player showed
    link.click()
    expect(page.locator(".dock .unplayable")).to_contain_text("The video can't be reached.")


def test_browser_frames_that_are_the_same_are_said(serve_page, visit, tmp_path):
    clip = write_clip(tmp_path / "still.mp4", "libx264", step=0)
    page = visit(serve_page(ScriptedEngine(ANSWER)), clip)
    remarks = page.locator("#tray .remarks span")
    expect(remarks).to_have_text(
        [
            "Frame-1 is blank.",
            "Frame-2 to Frame-6 look the same.",
            "Frame-7 to Frame-12 look the same.",
        ]
    )
    page.get_by_role("button", name="Leave out what adds nothing").click()
    expect(page.locator("#tray .frames .tile")).to_have_count(2)
    expect(remarks).to_have_count(0)


def test_browser_the_end_of_a_clip_is_trimmed(serve_page, visit, tmp_path):
    engine = ScriptedEngine(ANSWER)
    page = visit(serve_page(engine), write_clip(tmp_path / "square.mp4", "libx264"))
    set_number(page, "end", 3)
    frames = page.locator("#tray .frames .tile")
    expect(frames.last.locator(".moment")).to_have_text("0:03.0")
    expect(page.locator("#tray .facts")).to_contain_text("From 0:00.0 to 0:03.0 of 0:06.0.")
    page.locator("#question textarea").fill("When does it turn blue?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    (attachment,) = engine.asked[0][0].attachments
    assert (attachment.start, attachment.end) == (None, 3.0)
