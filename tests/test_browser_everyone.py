"""The page for everyone: the keyboard alone, a phone, light and dark, presenter mode."""

import re

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import ANSWER, attach

from internvl.engines.base import OutOfMemory

expect.set_options(timeout=20_000)
LISTEN = """() => {
    window.said = [];
    const spoken = '[role="status"], [role="alert"], [aria-live]:not([aria-live="off"])';
    new MutationObserver(() => document
        .querySelectorAll(spoken)
        .forEach((place) => {
            const words = place.textContent.trim();
            if (words && window.said.at(-1) !== words) window.said.push(words);
        })).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
MEMORY = OutOfMemory("x", needed=9.1, free=2.0)


def tab_to(page, locator, key="Tab", most=60):
    """Press Tab until something is focused, with a ring to see it by."""
    for _ in range(most):
        page.keyboard.press(key)
        if locator.evaluate("element => element === document.activeElement"):
            ring = locator.evaluate(
                """element => [element, element.closest("label"), element.parentElement]
                    .filter(Boolean).some((place) => {
                        const style = getComputedStyle(place);
                        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
                            || style.boxShadow !== "none";
                    })"""
            )
            assert ring, f"{locator} has no ring"
            return
    raise AssertionError(f"{locator} can't be reached by {key}")


def test_browser_by_the_keyboard_alone(serve_page, visit, tall):
    engine = ScriptedEngine(ANSWER, ANSWER, ANSWER, stepping=True)
    page = visit(serve_page(engine))
    expect(page.locator("#model")).to_contain_text("ready")
    expect(page.locator("#image button[data-drop]")).to_be_visible()
    tab_to(page, page.locator("#image button[data-drop]"))
    with page.expect_file_chooser() as choosing:
        page.locator("#image button[data-drop]:focus").press("Enter")
    choosing.value.set_files(str(tall))
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    tab_to(page, page.locator("#exact > button"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("#max_tiles input[type=range]"))
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#tray .tile")).to_have_count(3)

    question = page.locator("#question textarea")
    tab_to(page, question)
    page.keyboard.type("What is this?")
    page.keyboard.press("Enter")
    engine.step(2)
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("A tall")
    tab_to(page, page.locator("#stop button, button#stop"))
    page.keyboard.press("Enter")
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")

    engine.release()
    tab_to(page, page.locator("#retry button, button#retry"))
    page.keyboard.press("Enter")
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    tab_to(page, page.locator("#chat .receipt [name=copy]"))
    tab_to(page, page.locator("#new button, button#new"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .said")).to_have_count(0)

    tab_to(page, page.locator("#chats .history > summary"), "Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#chats input[type=search]")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .said")).to_have_text("What is this?")

    tab_to(page, page.locator("[data-about]"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.about")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-about]")).to_be_focused()
    tab_to(page, page.locator("#language input:checked"), "Shift+Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#send")).to_have_text("发送")


def test_browser_an_answer_is_announced_once(serve_page, visit):
    engine = ScriptedEngine(ANSWER, stepping=True)
    page = visit(serve_page(engine))
    voice = page.locator("#voice").element_handle()
    page.evaluate(LISTEN)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    answer = page.locator('#chat [data-testid="bot"]').last
    for _ in ANSWER:
        engine.step()
    engine.release()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    expect(answer).to_have_attribute("aria-label", re.compile("Model: A tall tower at night"))
    assert page.evaluate("window.said") == ["The answer is ready."]
    assert voice.text_content() == "The answer is ready."  # by the place that was there before


def test_browser_a_phone_from_picture_to_answer(serve_page, visit, tall):
    page = visit(
        serve_page(ScriptedEngine(ANSWER, [MEMORY])), width=390, height=844, has_touch=True
    )
    width = "document.documentElement.scrollWidth"
    page.locator(".drop input[type=file]").first.set_input_files(str(tall))
    expect(page.locator("#tray .tile")).to_have_count(7)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").tap()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    for reached in ("#question textarea", "#send"):
        expect(page.locator(reached)).to_be_in_viewport(ratio=1)
    page.locator("#chats .history > summary").tap()
    expect(page.locator("#chats .panel")).to_be_in_viewport(ratio=1)
    page.locator("#chats .more").tap()
    assert page.evaluate(width) <= 390
    page.mouse.click(195, 20)
    expect(page.locator("#chats .panel")).to_be_hidden()
    page.locator("#question textarea").fill("Again?")
    page.locator("#send").tap()
    expect(page.locator("#notice .steps button").first).to_be_in_viewport(ratio=1)
    page.locator("[data-about]").tap()
    expect(page.locator("dialog.about")).to_be_in_viewport(ratio=1)
    assert page.evaluate(width) <= 390
    for small in page.locator("button:visible").all():
        box = small.bounding_box()
        assert box["height"] >= 24 and box["width"] >= 24, small.evaluate("e => e.outerHTML")


def test_browser_light_and_dark_are_remembered(serve_page, visit):
    page = visit(serve_page(ScriptedEngine(ANSWER)), color_scheme="light")
    body, look = page.locator("body"), page.locator("[data-look]")
    expect(look).to_have_accessible_name("Colours: Dark")
    look.click()
    expect(body).to_have_class(re.compile(r"\bdark\b"))
    expect(look).to_have_text("Light")
    page.reload()
    expect(body).to_have_class(re.compile(r"\bdark\b"))
    look.click()
    expect(body).not_to_have_class(re.compile(r"\bdark\b"))
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_class(re.compile(r"\bdark\b"))
    expect(look).to_have_text("Light")


def test_browser_the_panel_says_what_is_kept(serve_page, visit):
    address = serve_page(ScriptedEngine(ANSWER))
    page, asked = visit(address), []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.locator("[data-about]").click()
    panel = page.get_by_role("dialog", name="Good to know")
    for sentence in ("are deleted 7 days after your last visit", "can read everything", "photos"):
        expect(panel).to_contain_text(sentence)
    panel.get_by_role("button", name="Open the list of chats").click()
    expect(panel).to_be_hidden()
    expect(page.locator("#chats input[type=search]")).to_be_focused()
    elsewhere = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    assert asked and elsewhere == []


def test_browser_presenter_mode(serve_page, visit):
    engine = ScriptedEngine(ANSWER)
    address = serve_page(engine)
    page = visit(address)
    page.locator("#question textarea").fill("The presenter's own?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    page.locator("[data-about]").click()
    page.locator(".present summary").click()
    page.locator(".present button").click()
    expect(page.locator("#presenter .bar")).to_contain_text("afresh after 5 idle min")
    expect(page.locator("#chat .said")).to_have_count(0)
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    page.locator("#question textarea").fill("A guest's?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    assert page.locator("#chat .said").evaluate(size) >= 20

    page.goto(f"{address}?presenter=0.51")
    expect(page.locator("#chat .said")).to_have_text("A guest's?")
    expect(page.locator(".soon")).to_contain_text("Starting afresh for the next person in")
    page.get_by_role("button", name="I'm still here").click()
    expect(page.locator(".soon .counted")).to_contain_text("30 s")
    page.evaluate("Date.now = ((now) => () => now() + 40000)(Date.now)")
    expect(page.locator("#chat .said")).to_have_count(0)
    assert len(engine.forgotten) >= 1
    page.locator("[data-present-leave]").click()
    expect(page.locator("#chat .said")).to_have_text("The presenter's own?")
    expect(page.locator("#presenter .bar")).to_be_hidden()


def test_browser_names_for_screen_readers_follow_the_language(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    page.locator("#question textarea").fill("What costs $5?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    asked = page.locator('#chat [data-testid="user"]')
    expect(asked).to_have_accessible_name("You: What costs $5?")
    attach(page, "Image", tall)
    exact = page.get_by_role("button", name="An exact number of tiles", exact=True)
    exact.click()
    expect(page.get_by_role("slider", name="Most tiles per message", exact=True)).to_be_visible()
    page.get_by_text("中文").click()
    expect(page.get_by_role("slider", name="每条消息的最多图块数", exact=True)).to_be_visible()
    expect(page.locator("#exact").get_by_role("button", name="恢复初始值")).to_be_visible()
    expect(asked).to_have_accessible_name("您：What costs $5?")
    expect(page.get_by_role("log", name="对话", exact=True)).to_be_visible()
