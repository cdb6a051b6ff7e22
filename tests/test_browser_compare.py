"""Comparing one tile with many, in a browser: one after the other, side by side, stopped."""

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_everyone import LISTEN
from test_browser_page import attach, wait_until

expect.set_options(timeout=20_000)


def begin(page, engine, tall):
    """Ask for a comparison about a picture that has been read; the engine then waits."""
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#question textarea").fill("What is this?")
    engine.stepping = True
    page.locator("#compare").click()
    wait_until(page, lambda: len(engine.asked) == 1)


def test_browser_the_close_look_comes_after_the_quick_one(serve_page, visit, tall):
    engine = ScriptedEngine(["Few ", "words."], ["Many ", "words."])
    page = visit(serve_page(engine))
    page.evaluate(LISTEN)
    first, second = (page.locator(f"#compare_{side}") for side in ("first", "second"))
    begin(page, engine, tall)
    engine.step()
    expect(first).to_contain_text("Few")
    assert len(engine.asked) == 1
    expect(page.locator("#keep_first")).to_be_disabled()
    engine.step(2)
    expect(first).to_contain_text("1 tile · ")
    engine.step()
    expect(second).to_contain_text("Many")
    engine.release()
    expect(second).to_contain_text("7 tiles · ")
    budgets = [[a.max_tiles for a in chat.attachments] for chat, _ in engine.asked]
    assert budgets == [[1], [12]]
    expect(page.locator("#keep_second")).to_be_enabled()
    left, right = first.bounding_box(), second.bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert abs(left["y"] - right["y"]) < 2
    expect(page.locator("#status")).to_contain_text("Both answers are ready.")
    assert page.evaluate("window.said") == ["Both answers are ready."]


def test_browser_what_came_before_stop_can_be_kept(serve_page, visit, tall):
    engine = ScriptedEngine(["Few ", "words."], ["Many ", "words."])
    page = visit(serve_page(engine))
    begin(page, engine, tall)
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#compare_panel")).to_have_count(0)  # there is nothing to keep

    engine.answers = [["Few ", "words."], ["Many ", "words."]]
    page.locator("#compare").click()
    engine.step()
    expect(page.locator("#compare_first")).to_contain_text("Few")
    page.locator("#stop").click()
    expect(page.locator("#compare_first")).to_contain_text("stopped")
    expect(page.locator("#compare_second")).to_contain_text("not answered")
    expect(page.locator("#keep_second")).to_be_disabled()
    page.locator("#keep_first").click()
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("Few")
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")
    expect(page.locator("#compare_panel")).to_have_count(0)
