"""Axe-core over the page as it is used: light and dark, on a desk and on a phone, no rule off."""

import pytest
from PIL import Image
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import ANSWER, attach, unfold
from test_browser_video import write_clip

from internvl.engines.base import Loading, OutOfMemory
from internvl.ui.examples import find_examples

expect.set_options(timeout=20_000)

FOUND = [
    "In Image-1 I see <ref>the tower</ref><box>[[300, 120, 640, 860]]</box> and ",
    "<ref>lamps</ref><box>[[60, 700, 160, 900]]</box>, so $h = 2w$.\n\n```\nx = 1\n```\n",
]
MEMORY = OutOfMemory("x", needed=9.1, free=2.0)


def violations(page, axe):
    """What axe finds with every rule it has, as sentences."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe)
    found = page.evaluate(
        """async () => (await axe.run(document)).violations
            .flatMap((found) => found.nodes.map(
                (node) => `${found.id}: ${node.target} ${node.html.slice(0, 160)} `
                    + node.failureSummary.slice(0, 300)))"""
    )
    return sorted(found)


def ask(page, question, answers):
    page.locator("#question textarea").fill(question)
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_have_count(answers)
    expect(page.locator("#send")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440)])
def test_browser_axe_finds_nothing(serve_page, visit, axe, tall, clip, scheme, width):
    engine = ScriptedEngine(FOUND, ANSWER, [MEMORY])
    page = visit(serve_page(engine), width, color_scheme=scheme, reduced_motion="reduce")
    found = {}

    def look(state):
        found[state] = violations(page, axe)

    look("empty")
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    unfold(page)
    page.locator("#tray .closer summary").click()
    look("picture")

    ask(page, "What is this?", 1)
    expect(page.locator("#chat .place")).to_have_count(2)
    page.locator("#chat .coordinates summary").click()
    page.locator("#chat .receipt summary").click()
    look("answer with boxes")

    page.locator("#retry").click()
    expect(page.locator("#chat .versions").first).to_contain_text("version 2 of 2")
    for button, panel in (("Edit", "edit"), ("Not good", "opinion")):
        page.locator("#chat").get_by_role("button", name=button).click()
        expect(page.locator(f"#{panel}_text textarea, #{panel}_text input")).to_be_visible()
        look(panel)
    page.locator("#find").click()
    expect(page.locator("#opinion_panel")).to_have_count(0)
    look("find")

    page.locator("#settings > button").click()
    expect(page.locator("#temperature input[type=number]")).to_be_visible()
    look("settings")
    page.locator("#settings > button").click()

    page.locator("#question textarea").fill("Again?")
    page.locator("#send").click()
    expect(page.locator("#notice .steps button").first).to_be_visible()
    page.locator("#chats .history > summary").click()
    page.locator("#chats .more").first.click()
    page.locator("#chats .sure summary").first.click()
    look("card and chats")
    page.keyboard.press("Escape")

    page.locator("[data-about]").click()
    page.locator(".present summary").click()
    look("about")
    page.keyboard.press("Escape")
    attach(page, "Video", clip)
    expect(page.locator("#tray .tile.read")).to_have_count(16)
    look("video")
    assert {state: found for state, found in found.items() if found} == {}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_browser_axe_finds_nothing_in_what_opens(
    serve_page, visit, axe, tall, tmp_path, scheme, width
):
    engine = ScriptedEngine(ANSWER, ["It turns blue in Frame-3."])
    address = serve_page(engine, examples=find_examples())
    page = visit(address, width, color_scheme=scheme, reduced_motion="reduce")
    found = {}

    def look(state):
        found[state] = violations(page, axe)

    expect(page.locator("#tray .example").first).to_be_visible()
    look("examples")
    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator("dialog.camera .said")).to_contain_text("No camera could be opened.")
    look("camera")
    page.keyboard.press("Escape")

    pages = [Image.new("RGB", (298, 421), (60 * n, 90, 90)) for n in range(3)]
    pages[0].save(tmp_path / "report.pdf", save_all=True, append_images=pages[1:])
    attach(page, "Image", tmp_path / "report.pdf")
    expect(page.get_by_label("Pages of the PDF")).to_be_visible()
    look("pages of a PDF")
    ask(page, "What is this?", 1)
    page.locator("#cost .earlier summary").click()
    look("earlier pictures")
    page.locator("#cost [data-pin]").first.click()
    expect(page.locator("#cost [aria-pressed=true]")).to_have_text("Pinned")
    look("a pinned picture")
    page.locator("#chat .enlarge").first.click()
    expect(page.locator("dialog.large")).to_be_visible()
    look("a large picture")
    page.keyboard.press("Escape")

    attach(page, "Video", write_clip(tmp_path / "square.mp4", "libx264"))
    expect(page.locator("#tray .frames .tile.read")).to_have_count(12)
    ask(page, "When does it turn blue?", 2)
    page.locator("#chat .frame-link").last.click()
    expect(page.locator(".dock video")).to_be_visible()
    look("video over the talk")

    page.goto(f"{address}?presenter=5")
    expect(page.locator("#presenter .bar")).to_contain_text("afresh after 5 idle min")
    look("presenter")
    page.context.set_offline(True)
    expect(page.locator("#away")).to_contain_text("The server is away")
    look("server gone")
    assert {state: found for state, found in found.items() if found} == {}


def test_browser_axe_while_it_is_busy_in_chinese(serve_page, visit, axe, tall, wide):
    engine = ScriptedEngine([Loading(0.4), *ANSWER], ANSWER, stepping=True)
    page = visit(serve_page(engine), width=390, height=844, locale="zh-CN", reduced_motion="reduce")
    expect(page.locator("#send")).to_have_text("发送")
    attach(page, "多张图片", tall, wide)
    expect(page.locator("#tray .tile.read")).to_have_count(14)
    page.locator("#question textarea").fill("这是什么？")
    page.locator("#send").click()
    engine.step()
    expect(page.locator("#status progress")).to_be_visible()
    found = {"loading": violations(page, axe)}
    engine.step(2)
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("A tall")
    found["answering"] = violations(page, axe)
    engine.release()
    expect(page.locator("#chat .receipt")).to_be_visible()
    page.locator("#compare").click()
    expect(page.locator("#keep_second")).to_be_enabled()
    found["compared"] = violations(page, axe)
    assert {state: found for state, found in found.items() if found} == {}
