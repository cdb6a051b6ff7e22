"""The page by the keyboard alone, always with a ring around what has the focus."""

from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import ANSWER

expect.set_options(timeout=20_000)


def tab_to(page, locator, key="Tab", most=120):
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


def choose(page, drop, path):
    """Attach a file by the keyboard."""
    zone = page.locator(f"{drop} button[data-drop]")
    expect(zone).to_be_visible()
    tab_to(page, zone)
    with page.expect_file_chooser() as choosing:
        zone.and_(page.locator(":focus")).press("Enter")
    choosing.value.set_files(str(path))


def test_browser_by_the_keyboard_alone(serve_page, visit, tall):
    engine = ScriptedEngine(ANSWER, ANSWER, ANSWER, stepping=True)
    page = visit(serve_page(engine))
    expect(page.locator("#model")).to_contain_text("ready")
    choose(page, "#image", tall)
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


def test_browser_every_tool_by_the_keyboard(serve_page, visit, tall, clip):
    tower = "<ref>the tower</ref><box>[[300, 120, 640, 860]]</box>"
    engine = ScriptedEngine([tower], ["Few."], ["Many."], ["Edited."])
    page = visit(serve_page(engine))
    expect(page.locator("#model")).to_contain_text("ready")
    choose(page, "#image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    quick = page.locator("#tray .stops button").first
    tab_to(page, quick)
    page.keyboard.press("Enter")
    expect(page.locator("#tray .tile.read")).to_have_count(1)
    expect(quick).to_be_focused()

    tab_to(page, page.locator("#find"))
    page.keyboard.press("Enter")
    expect(page.locator("#find_text").get_by_role("textbox")).to_be_focused()
    page.keyboard.type("the tower")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .place")).to_have_count(1)
    expect(page.locator("#send")).to_be_visible()

    tab_to(page, page.locator("#compare"))
    page.keyboard.press("Enter")
    expect(page.locator("#keep_second")).to_be_enabled()
    tab_to(page, page.locator("#keep_second"), "Shift+Tab")
    page.keyboard.press("Enter")
    answer = page.locator('#chat [data-testid="bot"]')
    expect(answer).to_contain_text("version 2 of 2")
    tab_to(page, page.locator("#chat .act.back"))
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("version 1 of 2")

    tab_to(page, page.locator("#chat [name=edit]"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#edit_text textarea")).to_be_focused()
    page.keyboard.type(", large")
    tab_to(page, page.locator("#edit_send"))
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("Edited.")

    tab_to(page, page.locator("#cost .earlier summary"))
    page.keyboard.press("Enter")
    pin = page.locator("#cost [data-pin]")
    tab_to(page, pin)
    page.keyboard.press("Enter")
    expect(pin).to_have_attribute("aria-pressed", "true")
    expect(pin).to_be_focused()

    tab_to(page, page.get_by_role("tab", name="Video", exact=True), "Shift+Tab")
    page.keyboard.press("Enter")
    choose(page, "#video", clip)
    frames = page.locator("#tray .frames .tile .moment")
    expect(frames).to_have_count(16)
    first, last = frames.first.inner_text(), frames.last.inner_text()
    for name, key, moment, before in (
        ("start", "ArrowRight", frames.first, first),
        ("end", "ArrowLeft", frames.last, last),
    ):
        tab_to(page, page.locator(f"#{name} input[type=range]"))
        for _ in range(5):
            page.keyboard.press(key)
        expect(moment).not_to_have_text(before)
