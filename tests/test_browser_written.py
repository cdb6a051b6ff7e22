"""What an answer is written in: Markdown, boxes on several pictures; opinions and receipts."""

import re

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_answers import BOT, ask
from test_browser_page import attach
from test_browser_video import write_clip

expect.set_options(timeout=20_000)
MARKDOWN = (
    "It is **tall**:\n\n- iron\n- old\n\n| what | how much |\n|---|---|\n| height | 330 m |\n"
)
PLACES = (
    "In Image-1 <ref>the tower</ref><box>[[300, 120, 640, 860]]</box> and "
    "<ref>a lamp</ref><box>[[60, 700, 160, 900]]</box>, "
    "in Image-2 <ref>A lamp</ref><box>[[780, 690, 900, 910]]</box>."
)


def test_browser_bold_lists_and_tables(serve_page, visit):
    page = visit(serve_page(ScriptedEngine([MARKDOWN])))
    ask(page, "What is it like?")
    answer = page.locator(BOT)
    expect(answer.locator("strong")).to_have_text("tall")
    expect(answer.locator("li")).to_have_text(["iron", "old"])
    expect(answer.locator("table th")).to_have_text(["what", "how much"])
    expect(answer.locator("table td")).to_have_text(["height", "330 m"])


def test_browser_boxes_are_drawn_on_their_own_pictures(serve_page, visit, tall, wide):
    page = visit(serve_page(ScriptedEngine([PLACES])))
    attach(page, "Several images", tall, wide)
    expect(page.locator("#tray .tile.read")).to_have_count(14)
    ask(page, "What is where?")
    figures = page.locator(f"{BOT} .figure")
    expect(figures).to_have_count(2)
    for figure, title, labels in (
        (figures.first, "Image-1", {"the tower", "a lamp"}),
        (figures.last, "Image-2", {"A lamp"}),
    ):
        expect(figure.locator("img")).to_have_attribute("alt", title)
        assert {*figure.locator(".place b").all_text_contents()} == labels
    chips = page.locator(f"{BOT} .chip")
    expect(chips).to_have_text(["the tower", "a lamp", "A lamp"])
    colours = [re.search(r"colour-\d", chip.get_attribute("class"))[0] for chip in chips.all()]
    assert colours[1] == colours[2] != colours[0]


def test_browser_the_receipt_of_a_video_names_its_frames(serve_page, visit, tmp_path):
    page = visit(serve_page(ScriptedEngine(["It moves."])))
    attach(page, "Video", write_clip(tmp_path / "square.mp4", "libx264"))
    expect(page.locator("#tray .tile.read")).to_have_count(12)
    ask(page, "What happens?")
    expect(page.locator("#chat .receipt summary")).to_contain_text("12 frames · 12 tiles")
    expect(page.locator("#chat .sent .tile.read")).to_have_count(12)


def test_browser_an_opinion_needs_no_reason(serve_page, visit):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    ask(page, "Is it?")
    page.get_by_role("button", name="Good", exact=True).click()
    page.locator("#opinion_consent input").check()
    page.locator("#opinion_save").click()
    expect(page.locator(BOT)).to_contain_text("You found this good; kept with this chat.")
    page.reload()
    expect(page.locator(BOT)).to_contain_text("You found this good; kept with this chat.")
