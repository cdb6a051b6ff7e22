"""What a first visitor stumbled over, in a browser: see docs/first-use.md."""

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import attach
from test_browser_video import at, write_clip

expect.set_options(timeout=20_000)
ANSWER = ["It turns red in Frame-3.\n\n", *["It stays red. "] * 60]


def ask(page, question):
    page.locator("#question textarea").fill(question)
    page.locator("#send").click()
    expect(page.locator("#chat .receipt").last).to_contain_text("complete")


def between(page, element, above, below):
    """Whether an element lies in sight, under one box and over another; None stands for no box."""
    top = above.bounding_box() if above else None
    floor, box = below.bounding_box(), element.bounding_box()
    return (top["y"] + top["height"] if top else 0) <= box["y"] < floor["y"] - 16


def overlap(first, second):
    a, b = first.bounding_box(), second.bounding_box()
    across = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
    return across and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]


def test_browser_the_first_screen_asks_for_nothing_but_a_picture(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    for name in ("#exact", "#max_tiles", "#find", "#compare", "#retry"):
        expect(page.locator(name)).to_be_hidden()
    page.get_by_role("tab", name="Video", exact=True).click()
    expect(page.locator("#max_frames")).to_be_hidden()
    expect(page.locator(".caution")).to_contain_text("often wrong")
    page.get_by_role("button", name="What it can do").click()
    dialog = page.get_by_role("dialog", name="Good to know")
    expect(dialog).to_contain_text("don't rely on what it says")
    box = dialog.bounding_box()
    assert box["y"] > 10 and box["y"] + box["height"] < 890
    page.keyboard.press("Escape")

    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    expect(page.locator("#tray")).to_contain_text("How closely should it look?")
    expect(page.locator("#find")).to_be_visible()
    ask(page, "What is it?")
    expect(page.locator("#tray .tray-empty")).to_contain_text("just ask on")

    page.locator("#chat").get_by_role("button", name="Picture").press("Enter")
    large = page.get_by_role("dialog", name="Picture")
    page.wait_for_function("document.querySelector('dialog.large img').naturalHeight === 600")
    large.get_by_role("button", name="Close").click()
    expect(page.locator("dialog.large")).to_have_count(0)


def test_browser_the_player_covers_neither_question_nor_answer(serve_page, visit, tmp_path):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    attach(page, "Video", write_clip(tmp_path / "square.mp4", "libx264"))
    frame = page.locator("#tray .frames .tile").first
    expect(page.locator("#tray .tile.read")).to_have_count(12)
    for mark in ("b", ".moment", ".leave"):
        assert not overlap(frame.locator("img"), frame.locator(mark))
    ask(page, "When does it turn red?")
    page.locator("#chat .frame-link").last.click()
    at(page, ".dock video", 1.0)
    assert not overlap(page.locator(".dock"), page.locator("#talk"))
    page.locator("#new").click()
    expect(page.locator(".dock")).to_have_count(0)  # it belongs to the other chat


def test_browser_on_a_phone_the_next_thing_is_in_sight(serve_page, visit, tall, tmp_path):
    phone = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
    page = visit(serve_page(ScriptedEngine(ANSWER)), **phone)
    expect(page.locator("#image button[data-drop]")).to_have_attribute("data-drop", "Choose a file")
    composer = page.locator("#composer")
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#find").click()
    field = page.locator("#find_text").get_by_role("textbox")
    expect(field).to_be_focused()
    assert between(page, field, None, composer)
    page.locator("#find_close").click()

    ask(page, "What is it?")
    assert between(page, page.locator('#chat [data-testid="bot"]'), None, composer)
    page.reload()
    expect(page.locator("#chat .receipt")).to_be_visible()
    page.wait_for_function("scrollY > 100")

    page.locator("#new").click()
    page.wait_for_function("scrollY === 0")
    attach(page, "Video", write_clip(tmp_path / "square.mp4", "libx264"))
    expect(page.locator("#tray .tile.read")).to_have_count(12)
    ask(page, "When does it turn red?")
    link = page.locator('#chat [data-testid="bot"] .frame-link')
    link.click()
    at(page, ".dock video", 1.0)
    assert between(page, link, page.locator(".dock"), composer)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
