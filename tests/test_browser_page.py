"""The page in a real browser, as a visitor uses it."""

import re

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine

from internvl.chat import Limits
from internvl.engines.base import QueueFull, Waiting

ANSWER = ["A ", "tall ", "tower", " at ", "night."]
expect.set_options(timeout=20_000)


def attach(page, pane, *paths):
    page.get_by_role("tab", name=pane, exact=True).click()
    box = page.locator(".drop input[type=file]:visible, .tabitem:visible .drop input[type=file]")
    box.first.set_input_files([str(path) for path in paths])


def set_number(page, slider, value):
    field = page.locator(f"#{slider} input[type=number]")
    field.fill(str(value))
    field.press("Tab")


def unfold(page):
    """Bring the slider of tiles into sight; Gradio makes it only then, and is not done at once."""
    page.locator("#exact > button").click()
    expect(page.locator("#max_tiles input[type=range]")).to_be_visible()
    page.evaluate("() => new Promise((done) => requestIdleCallback(done))")


def test_browser_upload_slide_send_stop_and_come_back(serve_page, visit, tall, tmp_path):
    engine = ScriptedEngine(ANSWER, stepping=True)
    page = visit(serve_page(engine))

    attach(page, "Image", tall)
    tiles = page.locator("#tray .tile")
    expect(tiles).to_have_count(7)
    expect(page.locator("#tray .sum")).to_contain_text("2 × 3 tiles + thumbnail = 7 tiles")
    expect(page.locator("#tray .tile b")).to_have_text([str(n) for n in range(1, 8)])
    expect(page.locator("#tray .tile.read")).to_have_count(7)

    expect(page.locator("#max_tiles input[type=range]")).to_be_hidden()
    unfold(page)
    slider = page.locator("#max_tiles input[type=range]")
    slider.focus()
    for _ in range(7):
        slider.press("ArrowLeft")
    expect(page.locator("#tray .sum")).to_contain_text("1 × 2 tiles + thumbnail = 3 tiles")
    expect(tiles).to_have_count(3)
    expect(page.locator("#tray .tile.read")).to_have_count(3)
    set_number(page, "max_tiles", 1)
    expect(tiles).to_have_count(1)
    set_number(page, "max_tiles", 12)
    expect(tiles).to_have_count(7)
    expect(page.locator("#tray .tile.read")).to_have_count(7)

    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#send")).to_be_hidden()
    answer = page.locator('#chat [data-testid="bot"]').last
    engine.step()
    expect(answer).to_have_text(re.compile(r"^A\s*$"))
    engine.step(2)
    expect(answer).to_have_text(re.compile(r"^A tall tower\s*$"))
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    expect(answer).to_contain_text("A tall tower")
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")
    expect(page.locator("#tray .tray-empty")).to_be_visible()
    expect(page.locator("#chat .sent figcaption")).to_have_text(f"Picture {tall.name}")

    page.reload()
    expect(page.locator('#chat [data-testid="user"]')).to_contain_text("What is this?")
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("A tall tower")
    expect(page.locator("#chats .here")).to_have_text("What is this?")
    (asked,) = engine.asked
    assert [a.max_tiles for a in asked[0].turns[0].attachments] == [12]
    wait_until(page, lambda: engine.closed == 1)


def test_browser_reads_ahead_again_while_the_slider_moves(serve_page, visit, tall):
    class Slow(ScriptedEngine):
        """Its second reading hangs until there is a third one."""

        def prepare(self, conversation, settings):
            calls.append(settings.max_tiles)
            if len(calls) == 2:
                yield Waiting(1)
                self.steps.acquire(timeout=15)
            elif len(calls) == 3:
                self.step()
            yield from super().prepare(conversation, settings)

    calls = []
    page = visit(serve_page(Slow(ANSWER)))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    unfold(page)
    set_number(page, "max_tiles", 1)
    expect(page.locator("#status")).to_contain_text("You are next in line")
    set_number(page, "max_tiles", 2)
    expect(page.locator("#tray .tile.read")).to_have_count(3)
    assert calls == [12, 1, 2]


def test_browser_small_limits(serve_page, visit, tall):
    engine = ScriptedEngine(ANSWER)
    page = visit(serve_page(engine, limits=Limits(tiles=4, frames=8)))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(3)
    unfold(page)
    expect(page.locator("#max_tiles input[type=number]")).to_have_value("4")
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("3 tiles")


def test_browser_stop_before_the_first_word(serve_page, visit):
    page = visit(serve_page(ScriptedEngine(ANSWER, stepping=True)))
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("What is this?")
    expect(page.locator("#chat .said")).to_have_count(0)


def test_browser_stop_holds_against_a_flood_of_words(serve_page, visit):
    engine = ScriptedEngine([f"word{n} " for n in range(100_000)])
    page = visit(serve_page(engine))
    page.locator("#question textarea").fill("Count.")
    page.locator("#send").click()
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("word50")
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    wait_until(page, lambda: engine.closed == 1)
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")
    expect(page.locator("#status")).to_have_text("")


def wait_until(page, condition):
    """Wait for something that only this process knows."""
    for _ in range(400):
        if condition():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it did not come true within 10 seconds")


def test_browser_answers_to_the_end_and_again(serve_page, visit, wide, tall):
    engine = ScriptedEngine(ANSWER)
    page = visit(serve_page(engine))
    attach(page, "Several images", wide, tall)
    expect(page.locator("#tray .sheet h2")).to_contain_text(["Image-1", "Image-2"])
    page.get_by_role("button", name=f"Remove {wide.name}").click()
    expect(page.locator("#tray .sheet")).to_have_count(1)
    page.locator("#question textarea").fill("What is <b>this</b>?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#chat .receipt")).to_contain_text("7 tiles")
    expect(page.locator("#chat .receipt")).to_contain_text("seed 7")
    expect(page.locator("#chat .said")).to_have_text("What is <b>this</b>?")
    expect(page.locator("#question textarea")).to_have_value("")
    page.locator("#retry").click()
    wait_until(page, lambda: len(engine.asked) == 2)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator('#chat [data-testid="bot"]')).to_have_count(1)
    page.locator("#undo").click()
    expect(page.locator("#question textarea")).to_have_value("What is <b>this</b>?")
    expect(page.locator("#tray .sheet")).to_have_count(1)


def test_browser_video_frames_follow_the_sliders(serve_page, visit, clip):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    attach(page, "Video", clip)
    frames = page.locator("#tray .frames .tile")
    expect(frames).to_have_count(16)
    set_number(page, "max_frames", 4)
    expect(frames).to_have_count(4)
    first = frames.first.locator(".moment").inner_text()
    set_number(page, "start", 0.8)
    expect(frames.first.locator(".moment")).not_to_have_text(first)
    page.reload()
    expect(frames).to_have_count(4)
    expect(page.locator("#start input[type=number]")).to_have_value("0.8")


def test_browser_errors_are_a_sentence_and_lose_nothing(serve_page, visit, tall, tmp_path):
    engine = ScriptedEngine([QueueFull("32 visitors are waiting; please try again soon.")], ANSWER)
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .sheet")).to_have_count(1)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "32 visitors are waiting; please try again soon."
    )
    expect(page.locator("#question textarea")).to_have_value("What is this?")
    expect(page.locator("#tray .sheet")).to_have_count(1)
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    expect(page.get_by_role("alert")).to_have_count(0)
    fake = tmp_path / "fake.png"
    fake.write_text("no picture")
    attach(page, "Image", fake)
    expect(page.get_by_role("alert")).to_contain_text("fake.png")
    page.locator("#question textarea").fill("Is it still said?")
    page.locator("#question textarea").blur()
    expect(page.get_by_role("alert")).to_contain_text("fake.png")


def test_browser_two_tabs_share_and_two_visitors_do_not(serve_page, visit, tall):
    address = serve_page(ScriptedEngine(ANSWER))
    page = visit(address)
    page.locator("#question textarea").fill("Hello there")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    second = page.context.new_page()
    second.goto(address)
    expect(second.locator("#chat .said")).to_have_text("Hello there")
    stranger = visit(address)
    expect(stranger.locator("#chat .said")).to_have_count(0)


def test_browser_speaks_chinese_and_remembers(serve_page, visit):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    page.get_by_text("中文").click()
    expect(page.locator("#send")).to_have_text("发送")
    expect(page.get_by_role("tab", name="视频")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.reload()
    expect(page.locator("#send")).to_have_text("发送")
    expect(page.locator("#tray")).to_contain_text("也可以直接提问")
    expect(page.locator(".caution")).to_contain_text("只懂英文")


def test_browser_on_a_phone_nothing_sticks_out(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine(ANSWER)), width=390, height=844)
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile")).to_have_count(7)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#send")).to_be_in_viewport()
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_browser_shows_the_model_loading(serve_page, visit):
    engine = ScriptedEngine(ANSWER)
    engine.loading = 0.4
    page = visit(serve_page(engine))
    expect(page.locator("#model")).to_contain_text("loading the model: 40 %")
    engine.loading = None
    expect(page.locator("#model")).to_contain_text("ready")
