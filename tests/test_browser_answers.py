"""Answers in a real browser: boxes, formulas, receipts, versions, and what one does with them."""

import dataclasses
import re
import time

import pytest
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import attach, wait_until

from internvl.ui import flow

expect.set_options(timeout=20_000)

TOWER = "<ref>the tower</ref><box>[[300, 120, 640, 860]]</box>"
LAMPS = "<ref>lamps</ref><box>[[60, 700, 160, 900], [780, 690, 900, 910]]</box>"
SEEN = (
    f"I see {TOWER} and {LAMPS}, so \\(h = 2w\\) and $$A = h^2$$ for $5 or $6. "
    "<script>alert(1)</script> <ref>bad</ref><box>[[9, 9, 1, 1]]</box> "
    "Also $x^2 = 4$ and \\[y = 1\\]\n\n```\nx = '<b>'\n```\n"
)
BOT = '#chat [data-testid="bot"]'


class Cutting(ScriptedEngine):
    """Its first answer to a question that says so is cut off."""

    def receipt(self, conversation, settings):
        turn = conversation.turns[-1]
        cut = "story" in turn.question and not turn.answer
        receipt = super().receipt(conversation, settings)
        return dataclasses.replace(receipt, finish_reason="length" if cut else "stop")


def ask(page, question):
    count = page.locator("#chat .receipt").count()
    page.locator("#question textarea").fill(question)
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_have_count(count + 1)
    expect(page.locator("#send")).to_be_visible()


def style(locator, name):
    return locator.evaluate(f"element => getComputedStyle(element)['{name}']")


def test_browser_boxes_formulas_and_receipt(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine([SEEN])))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    ask(page, "What is this?")
    answer = page.locator(BOT)

    chips, places = answer.locator(".chip"), answer.locator(".place")
    expect(chips).to_have_text(["the tower", "lamps"])
    expect(places).to_have_count(3)
    picture = answer.locator(".pointed").bounding_box()
    tower = answer.locator('.place[value="0"]').bounding_box()
    assert tower["x"] - picture["x"] == pytest.approx(0.3 * picture["width"], abs=1)
    assert tower["height"] == pytest.approx(0.74 * picture["height"], abs=1)
    colours = [
        style(answer.locator(f'.place[value="{n}"]').first, "borderTopColor") for n in (0, 1)
    ]
    assert colours[0] != colours[1]

    # Once all pictures are there, nothing moves away from under the pointer.
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    chips.nth(1).hover()
    expect(answer.locator('.place[value="1"]')).to_have_class([re.compile("lit")] * 2)
    expect(answer.locator('.place[value="0"]')).not_to_have_class(re.compile("lit"))
    answer.locator('.place[value="0"]').focus()
    expect(chips.nth(0)).to_have_class(re.compile("lit"))
    page.keyboard.press("Enter")
    answer.locator('.place[value="0"]').blur()
    expect(chips.nth(0)).to_have_class(re.compile("held"))

    expect(answer.locator(".katex")).to_have_count(4)
    expect(answer.locator(".katex-display")).to_have_count(2)
    expect(answer.locator(".katex-error")).to_have_count(0)
    expect(answer).to_contain_text("for $5 or $6. <script>alert(1)</script> <ref>bad</ref>")
    expect(answer.locator("pre code")).to_have_text("x = '<b>'\n")
    assert page.locator("#chat script").count() == 0

    answer.locator(".coordinates summary").click()
    answer.get_by_role("button", name="Copy coordinates").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "the tower [[300, 120, 640, 860]]\nlamps [[60, 700, 160, 900], [780, 690, 900, 910]]"
    )
    answer.get_by_role("button", name="Copy", exact=True).click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("I see the tower and lamps, so h = 2w and A = h^2 for $5 or $6.")
    assert "tokens/s" not in copied and "thousandths" not in copied

    details = answer.locator(".receipt details")
    expect(details).to_contain_text("7 tiles · began after 0.4 s · 21.0 tokens/s · complete")
    expect(details.locator("dd").first).to_be_hidden()
    details.locator("summary").press("Enter")
    expect(details.get_by_text("seed 7")).to_be_visible()
    expect(details.locator("dt")).to_have_text(
        [
            *("Model", "Seen", "Visual tokens", "Read", "Written", "First word after", "Speed"),
            *("To repeat it", "Ended", "Settings"),
        ]
    )
    expect(details.locator("dd").nth(8)).to_have_text("the model was done")
    page.reload()
    expect(page.locator(f"{BOT} .place")).to_have_count(3)


def test_browser_half_written_boxes_do_not_flash(serve_page, visit, tall):
    engine = ScriptedEngine(list(f"See {TOWER} there."), stepping=True)
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#question textarea").fill("Where?")
    page.locator("#send").click()
    expect(page.locator(BOT)).to_have_count(1)
    page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => window.seen.push(
        document.querySelector('#chat [data-testid="bot"]').textContent)).observe(
        document.querySelector('#chat'), {childList: true, subtree: true, characterData: true}) }"""
    )
    engine.step(30)
    expect(page.locator(BOT)).to_have_text(re.compile(r"^See\s*$"))
    engine.step(1000)
    expect(page.locator(f"{BOT} .place")).to_have_count(1)
    assert not [text for text in page.evaluate("window.seen") if "<" in text]


def test_browser_continue_versions_edit_and_opinion(serve_page, visit):
    engine = Cutting(["Once upon "], ["a time."], ["Another."], ["Edited."])
    page = visit(serve_page(engine))
    answer = page.locator(BOT).last
    ask(page, "A story?")
    expect(answer).to_contain_text("cut off after 3 tokens")
    page.get_by_role("button", name="Continue").click()
    expect(answer).to_contain_text("Once upon a time.")
    expect(answer).to_contain_text("complete")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)

    page.locator("#retry").click()
    expect(answer).to_contain_text("version 2 of 2")
    expect(page.get_by_role("button", name="Later version")).to_be_disabled()
    page.get_by_role("button", name="Earlier version").press("Enter")
    expect(answer).to_contain_text("Once upon a time.")
    expect(answer).to_contain_text("version 1 of 2")
    page.reload()
    expect(answer).to_contain_text("version 1 of 2")

    page.get_by_role("button", name="Not good").click()
    reason = page.locator("#opinion_text textarea")
    expect(reason).to_be_focused()
    reason.fill("Too short")
    page.locator("#opinion_save").click()
    expect(page.get_by_role("alert")).to_contain_text("tick the box")
    page.locator("#opinion_consent input").check()
    page.locator("#opinion_save").click()
    expect(answer).to_contain_text("You found this not good")
    page.get_by_role("button", name="Delete my opinion").click()
    expect(answer).not_to_contain_text("You found this")

    page.get_by_role("button", name="Edit").click()
    expect(page.locator("#edit_text textarea")).to_have_value("A story?")
    page.locator("#edit_text textarea").fill("A tale?")
    page.locator("#edit_send").click()
    expect(page.locator("#chat .said")).to_have_text("A tale?")
    expect(answer).to_contain_text("Edited.")
    expect(page.locator("#edit_panel")).to_have_count(0)


def test_browser_stop_while_continuing(serve_page, visit):
    engine = Cutting(["Once upon "], ["a ", "time."])
    page = visit(serve_page(engine))
    ask(page, "A story?")
    engine.stepping = True
    page.get_by_role("button", name="Continue").click()
    engine.step()
    expect(page.locator(BOT)).to_contain_text("Once upon a")
    page.locator("#question textarea").fill("Not now")
    events = []
    page.on("request", lambda sent: "/queue/join" in sent.url and events.append(sent))
    page.locator("#question textarea").press("Enter")
    wait_until(page, lambda: len(events) > 1)  # the next one comes when the first was refused
    page.locator("#stop").click()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")
    wait_until(page, lambda: engine.closed == 1)
    assert len(engine.asked) == 2


def come_to_rest(page):
    """Wait until nothing more is drawn in the chat."""
    before = None
    while (now := page.locator("#chat").text_content()) != before:
        before = now
        page.wait_for_timeout(1500)


BUSY = """(button) => {
    const until = performance.now() + 2500
    while (performance.now() < until);
    document.querySelector(button).click()
}"""


def test_browser_nothing_is_drawn_after_a_stop(serve_page, visit, monkeypatch):
    """A browser that was busy has views to draw yet when it asks for Stop, or for another chat."""

    class Long(ScriptedEngine):
        def stream(self, conversation, settings):
            for event in super().stream(conversation, settings):
                time.sleep(0.01)
                yield event

    monkeypatch.setattr(flow, "PACE", (0.0, 1.0))
    page = visit(serve_page(Long([f"word{n} " for n in range(20000)])))
    page.locator("#question textarea").fill("Count.")
    page.locator("#send").click()
    expect(page.locator(BOT)).to_contain_text("word9 ")
    page.evaluate(BUSY, "#stop")
    expect(page.locator("#send")).to_be_visible()
    come_to_rest(page)
    expect(page.locator("#chat .receipt .mark")).to_have_text("stopped")
    page.locator("#retry").click()
    expect(page.locator(BOT)).to_contain_text("word9 ")
    expect(page.locator("#stop")).to_be_visible()
    page.evaluate(BUSY, "#new")
    expect(page.locator("#send")).to_be_visible()
    come_to_rest(page)
    expect(page.locator(BOT)).to_have_count(0)
    expect(page.locator("#send")).to_be_visible()


def test_browser_find_and_compare(serve_page, visit, tall):
    engine = ScriptedEngine([TOWER], ["Few words."], ["Many words."])
    page = visit(serve_page(engine))
    expect(page.locator("#find")).to_be_hidden()  # there is nothing to find it in
    expect(page.locator("#compare")).to_be_hidden()
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#compare").click()
    expect(page.get_by_role("alert")).to_contain_text("write a question first")
    expect(page.locator("#tray .tile.read")).to_have_count(7)  # what was read stays marked
    page.locator("#find").click()
    field = page.locator("#find_text").get_by_role("textbox")
    expect(field).to_be_focused()
    field.fill("the tower")
    field.press("Enter")
    expect(page.locator(f"{BOT} .place")).to_have_count(1)
    expect(page.locator("#find_panel")).to_be_hidden()  # the box has the room
    expect(page.locator("#chat .said")).to_have_text("Find: the tower")
    assert engine.asked[0][0].turns[0].region == "the tower"

    page.locator("#compare").click()
    expect(page.locator("#compare_first")).to_contain_text("Few words.")
    expect(page.locator("#compare_second")).to_contain_text("Many words.")
    expect(page.locator("#compare_second")).to_contain_text("7 tiles")
    page.locator("#keep_second").click()
    expect(page.locator(BOT)).to_contain_text("version 2 of 2")
    expect(page.locator(BOT)).to_contain_text("Many words.")
    expect(page.locator("#compare_panel")).to_have_count(0)


def test_browser_on_a_phone_and_in_chinese(serve_page, visit, tall):
    engine = ScriptedEngine([SEEN], ["Few."], ["Many."])
    page = visit(serve_page(engine), width=390, height=844, locale="zh-CN")
    attach(page, "图片", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    ask(page, "这是什么？")
    page.locator(f"{BOT} .receipt summary").click()
    expect(page.locator(f"{BOT} dl")).to_contain_text("词元/秒")
    page.locator("#compare").click()
    expect(page.locator("#keep_second")).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first, second = (
        page.locator(f"#compare_{side}").bounding_box() for side in ("first", "second")
    )
    assert second["y"] > first["y"]


def test_browser_words_come_as_fast_as_the_model_writes(serve_page, visit):
    class Fast(ScriptedEngine):
        """Writes two hundred pieces a second."""

        def stream(self, conversation, settings):
            for event in super().stream(conversation, settings):
                time.sleep(0.005)
                times.append(time.monotonic())
                yield event

    times = []
    page = visit(serve_page(Fast([f"word{n} " for n in range(400)])))
    ask(page, "Count.")
    expect(page.locator(BOT)).to_contain_text("word0 word1 ")
    expect(page.locator(BOT)).to_contain_text("word398 word399")
    assert times[-1] - times[0] < 8  # 10 s when every piece was drawn on a machine with two cores


def test_browser_panels_mind_the_chat_and_the_answer_under_way(serve_page, visit):
    engine = ScriptedEngine(["One."], ["Two."], ["Three ", "words."])
    page = visit(serve_page(engine))
    ask(page, "First?")
    page.locator("#new").click()
    expect(page.locator("#chat .said")).to_have_count(0)
    ask(page, "Second?")
    page.get_by_role("button", name="Edit").click()
    expect(page.locator("#edit_text textarea")).to_have_value("Second?")
    page.locator("#chats .history > summary").click()
    page.locator("#chats li .open", has_text="First?").click()
    expect(page.locator("#chat .said")).to_have_text("First?")
    expect(page.locator("#edit_panel")).to_have_count(0)

    page.get_by_role("button", name="Not good").click()
    expect(page.locator("#opinion_text textarea")).to_be_visible()
    engine.stepping = True
    page.locator("#question textarea").fill("Third?")
    page.locator("#send").click()
    engine.step()
    expect(page.locator(BOT).last).to_contain_text("Three")
    expect(page.get_by_role("button", name="Edit")).to_have_count(0)
    expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(1)
    page.locator("#opinion_consent input").check()
    page.locator("#opinion_save").click()
    expect(page.locator("#opinion_panel")).to_have_count(0)
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#send")).to_be_hidden()
    engine.release()
    expect(page.locator(BOT).last).to_contain_text("Three words.")
    expect(page.locator(BOT).first).to_contain_text("You found this not good")
    expect(page.locator("#send")).to_be_visible()
