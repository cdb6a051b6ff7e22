"""The first minute on the page in a real browser: examples, paste and drop, a photo, a PDF."""

import base64
import shutil

import pytest
from conftest import FLAGS
from PIL import Image
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import attach

from internvl.ui.examples import find_examples
from internvl.ui.views import About

ANSWER = ["An ", "answer."]
CARRY = """([files, how]) => {
  const carried = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type }));
  }
  const target = how === "paste" ? document.body : document.querySelector(how);
  const options = { bubbles: true, cancelable: true };
  const event = how === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
    : new DragEvent("drop", { ...options, dataTransfer: carried });
  return target.dispatchEvent(event);
}"""


@pytest.fixture
def visit(chromium):
    """A function that opens the page as a new visitor; its errors in the console fail the test."""
    contexts, errors = [], []

    def come(address, width=1440, height=900, browser=chromium, language="en-GB", **options):
        size = {"width": width, "height": height}
        contexts.append(browser.new_context(viewport=size, locale=language, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        expect(page.locator("#tray .tray-empty, #tray .sheet").first).to_be_visible()
        return page

    yield come
    for context in contexts:
        context.close()
    assert errors == []


def carry(page, how, *paths):
    """Paste files, or drop them on what a selector finds; has the page taken them?"""
    kinds = {".png": "image/png", ".mp4": "video/mp4"}
    files = [
        {
            "name": path.name,
            "type": kinds[path.suffix],
            "content": base64.b64encode(path.read_bytes()).decode(),
        }
        for path in paths
    ]
    return not page.evaluate(CARRY, [files, how])


def open_tab(page):
    return page.locator('#panes button[role="tab"][aria-selected="true"]')


@pytest.mark.parametrize("width", [1440, 390])
def test_browser_examples_and_three_steps_while_it_is_empty(serve_page, visit, width):
    engine = ScriptedEngine(ANSWER)
    page = visit(serve_page(engine, examples=find_examples()), width=width, height=844)
    expect(page.locator("#chat .placeholder li")).to_have_count(3)
    expect(page.locator("#tray .example")).to_have_count(7)
    for title, sheets, tab in (
        ("A receipt in small print", 1, "Image"),
        ("Two pictures to compare", 2, "Several images"),
        ("A short clip", 1, "Video"),
    ):
        page.get_by_role("button", name=title).press("Enter")
        expect(page.locator("#tray .sheet")).to_have_count(sheets)
        expect(open_tab(page)).to_have_text(tab)
        expect(page.locator("#question textarea")).not_to_have_value("")
        if tab != "Video":
            for _ in range(sheets):
                page.locator("#tray .remove").first.click()
                sheets -= 1
                expect(page.locator("#tray .sheet")).to_have_count(sheets)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("#tray .frames .tile")).to_have_count(16)
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    expect(page.locator("#chat .placeholder")).to_have_count(0)
    assert engine.asked[0][0].turns[0].question == "In which direction does it move?"


def test_browser_an_example_is_found_and_boxed(serve_page, visit):
    (example,) = (example for example in find_examples() if example.find)
    box = "<ref>it</ref><box>[[100, 100, 400, 500]]</box>"
    engine = ScriptedEngine([box])
    page = visit(serve_page(engine, examples=find_examples()))
    page.get_by_role("button", name=example.titles["en"]).click()
    field = page.locator("#find_text").get_by_role("textbox")
    expect(field).to_have_value(example.questions["en"])
    expect(field).to_be_focused()
    expect(page.locator("#question textarea")).to_have_value("")
    page.locator("#find_send").click()
    expect(page.locator("#chat .place")).to_have_count(1)
    assert engine.asked[0][0].turns[0].region == example.questions["en"]


@pytest.mark.parametrize("embedded", [True, False])
def test_browser_examples_in_chinese(serve_page, visit, embedded):
    about = About("model", embedded=embedded)
    address = serve_page(ScriptedEngine(ANSWER), about=about, examples=find_examples())
    page = visit(address, language="zh-CN")
    page.get_by_role("button", name="小字收据").click()
    question = page.locator("#question textarea")
    if embedded:  # it reads English only, and the page says what is asked
        expect(question).to_have_value("What kind of document is this?")
        expect(page.locator("#notice")).to_contain_text("意思是：这是什么文件？")
    else:
        expect(question).to_have_value("这是什么文件？")
        expect(page.locator("#notice")).to_have_text("")


def test_browser_paste_and_drop_go_to_the_pane_that_takes_them(serve_page, visit, wide, tall, clip):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    sheets = page.locator("#tray .sheet")
    assert carry(page, "paste", tall)
    expect(sheets).to_have_count(1)
    expect(open_tab(page)).to_have_text("Image")
    assert carry(page, "paste", wide, tall)  # several are several
    expect(sheets).to_have_count(2)
    expect(open_tab(page)).to_have_text("Several images")
    page.locator("#clear").click()
    expect(sheets).to_have_count(0)
    assert carry(page, "#chat", clip)  # anywhere on the page
    expect(page.locator("#tray .sheet.video")).to_have_count(1)
    expect(open_tab(page)).to_have_text("Video")
    assert carry(page, "#video_tab .drop", wide)  # a picture where videos go
    expect(page.locator("#tray .sheet.image")).to_have_count(1)
    expect(open_tab(page)).to_have_text("Image")
    page.get_by_role("tab", name="Image", exact=True).click()
    assert carry(page, "#image_tab .drop button", tall, wide)  # two where one goes
    expect(page.locator("#tray .sheet.image")).to_have_count(2)


def test_browser_text_is_pasted_as_text(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    taken = page.locator("#question textarea").evaluate(
        """(field) => {
          const carried = new DataTransfer();
          carried.items.add(new File(["x"], "cells.png", { type: "image/png" }));
          carried.setData("text/plain", "cells");
          const options = { bubbles: true, cancelable: true, clipboardData: carried };
          return !field.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )
    assert not taken


def test_browser_a_photo_from_the_camera_or_a_sentence(serve_page, visit, chromium):
    address = serve_page(ScriptedEngine(ANSWER))
    browser = chromium.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        args=[*FLAGS, "--use-fake-device-for-media-stream"],
    )
    try:
        page = visit(address, browser=browser, permissions=["camera"])
        dialog = page.get_by_role("dialog", name="Take a photo")
        page.get_by_role("button", name="Take a photo").press("Enter")
        expect(dialog.locator("video")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert page.locator(".camera video").evaluate("(view) => view.srcObject === null")
        page.get_by_role("button", name="Take a photo").click()
        dialog.get_by_role("button", name="Use this picture").click()
        expect(page.locator("#tray .sheet .name")).to_contain_text("photo ")
        expect(dialog).to_be_hidden()

        refused = visit(address, browser=browser, width=390, height=844)
        refused.get_by_role("button", name="Take a photo").click()
        dialog = refused.get_by_role("dialog", name="Take a photo")
        expect(dialog).to_contain_text("The camera was not allowed.")
        expect(dialog.get_by_role("button", name="Use this picture")).to_be_disabled()
        dialog.get_by_role("button", name="Cancel").click()
        refused.get_by_role("tab", name="Video", exact=True).click()
        expect(refused.locator(".camera-open")).to_be_hidden()
    finally:
        browser.close()


def test_browser_pages_of_a_pdf(serve_page, visit, tmp_path):
    pages = [Image.new("RGB", (298, 421), (30 * n, 90, 90)) for n in range(1, 8)]
    pages[0].save(tmp_path / "report.pdf", save_all=True, append_images=pages[1:])
    linked = tmp_path / "a [link](http:x).pdf"
    linked.write_bytes((tmp_path / "report.pdf").read_bytes())
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    page.locator("#image_tab .drop input[type=file]").set_input_files(tmp_path / "report.pdf")
    names = page.locator("#tray .sheet .name")
    expect(names).to_have_text(["report page 1.png", "report page 2.png"])
    page.locator("#clear").click()
    attach(page, "Image", linked)
    expect(page.locator("#pages")).to_contain_text("a [link] (http")
    expect(page.locator("#pages a")).to_have_count(0)
    page.locator("#clear").click()
    attach(page, "Image", tmp_path / "report.pdf")
    expect(names).to_have_text(["report page 1.png", "report page 2.png"])
    expect(open_tab(page)).to_have_text("Several images")
    field = page.get_by_label("Pages of the PDF")
    expect(field).to_have_value("1-2")
    expect(page.locator("#pages")).to_contain_text("report.pdf has 7 pages; attached: 1-2.")
    field.fill("6-7, 2")
    field.press("Enter")
    expect(names).to_have_text(["report page 2.png", "report page 6.png", "report page 7.png"])
    expect(field).to_have_value("2, 6-7")
    field.fill("nine")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("“nine” are no page numbers")
    expect(names).to_have_count(3)
    page.locator("#question textarea").fill("What do they say?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    expect(page.locator("#pages")).to_be_hidden()
