"""Presenter mode: type that a room can read, and nothing of the last person for the next."""

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import ANSWER, attach

from internvl.ui.examples import find_examples

expect.set_options(timeout=20_000)
SIZE = "element => parseFloat(getComputedStyle(element).fontSize)"
IDLE = "Date.now = ((now) => () => now() + 400000)(Date.now)"


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
    page.locator("#question textarea").fill("A guest's?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    assert page.locator("#chat .said").evaluate(SIZE) >= 20

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


def too_small(page, *selectors):
    """What has type of less than 17 pixels."""
    sizes = {}
    for selector in selectors:
        expect(page.locator(selector).first).to_be_visible()
        sizes[selector] = page.locator(selector).first.evaluate(SIZE)
    return {selector: size for selector, size in sizes.items() if size < 17}


def test_browser_type_is_large_in_presenter_mode(serve_page, visit, tall):
    address = serve_page(ScriptedEngine(["Yes."]), examples=find_examples())
    page = visit(f"{address}?presenter=5")
    expect(page.locator("#presenter .bar")).to_be_visible()
    assert too_small(page, ".example", ".tray-hint", ".tray-empty", ".caution", "#new") == {}
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#tray .closer summary").click()
    looked = [".stops button", ".stops button span", ".facts", ".facts span", ".sum", ".tile b"]
    looked += [".sheet .name", ".closer p", ".closer button", ".cost", ".cost b", ".status p"]
    assert too_small(page, *looked, "#find", "#compare", "#exact > button span") == {}
    page.locator("#question textarea").fill("What is this?")
    assert too_small(page, "#question textarea") == {}
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    page.locator("#chat .receipt summary").click()
    answered = ["#chat .said", ".receipt summary", ".receipt dt", ".receipt dd", "#chat .act"]
    assert too_small(page, *answered, ".status p", "#again button", ".tray-empty") == {}


def test_browser_the_next_person_finds_nothing_open(serve_page, visit, tall):
    address = serve_page(ScriptedEngine(["Yes."]))
    page = visit(f"{address}?presenter=5")
    expect(page.locator("#presenter .bar")).to_be_visible()
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    expect(page.locator("#send")).to_be_visible()
    page.locator("#chats .history > summary").click()
    search = page.locator("#chats input[type=search]")
    search.fill("my secret")
    page.locator("#chat .enlarge").dispatch_event("click")
    expect(page.locator("dialog.large")).to_be_visible()
    page.evaluate(IDLE)
    expect(page.locator("#chat .said")).to_have_count(0)
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(search).to_be_hidden()
    expect(search).to_have_value("")

    page.get_by_role("button", name="Take a photo").click()
    expect(page.locator("dialog.camera")).to_be_visible()
    page.evaluate(IDLE)
    expect(page.locator("dialog[open]")).to_have_count(0)
