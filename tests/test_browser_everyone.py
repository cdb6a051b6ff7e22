"""The page for everyone: one announcement, a phone, light and dark, names, what is kept."""

import re

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import ANSWER, attach

from internvl.engines.base import OutOfMemory
from internvl.ui.views import About

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


def test_browser_the_panel_knows_a_public_link_and_a_published_model(serve_page, visit):
    own = "sends nothing of yours to other computers"
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    page.locator("[data-about]").click()
    panel = page.get_by_role("dialog", name="Good to know")
    for sentence in (own, "minutes of presenter mode", "the question you were typing"):
        expect(panel).to_contain_text(sentence)
    about = About("InternVL2_5-1B", "MIT", published=True, shared=True)
    page = visit(serve_page(ScriptedEngine(ANSWER), folder="others", about=about))
    page.locator("[data-about]").click()
    panel = page.get_by_role("dialog", name="Good to know")
    for sentence in ("server of Gradio", "Shanghai AI Laboratory", "describe things that are not"):
        expect(panel).to_contain_text(sentence)
    expect(panel).not_to_contain_text(own)


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
