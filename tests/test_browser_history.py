"""Chats in a real browser: kept over restarts, searched, renamed, deleted, carried as files."""

import json
import re

import pytest
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_answers import Cutting
from test_browser_page import ANSWER, attach, unfold

from internvl.chat import SessionStore
from internvl.engines.base import Loading, OutOfMemory, PromptTooLong, QueueFull, Waiting
from internvl.ui.handlers import Handlers
from internvl.ui.layout import build_page
from internvl.ui.serve import serve
from internvl.ui.views import About

expect.set_options(timeout=20_000)


def ask(page, question):
    page.locator("#question textarea").fill(question)
    page.locator("#send").click()
    expect(page.locator("#chat .said").last).to_have_text(question)
    expect(page.locator("#chat .receipt").last).to_contain_text("complete")


def open_chats(page):
    page.locator("#chats .history > summary").click()
    expect(page.locator("#chats .panel")).to_be_visible()


def row(page, title):
    return page.locator("#chats li", has=page.locator(".title", has_text=title))


def start_again(tmp_path, engine, port, upload_bytes=200 * 2**20):
    """A server over the same folder of sessions, as after a restart."""
    page = build_page(Handlers(engine, SessionStore(tmp_path / "sessions"), About("nano")))
    return page, serve(page, port=port, upload_bytes=upload_bytes, wait=False)


def test_browser_a_list_of_chats(serve_page, visit, tall):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    attach(page, "Image", tall)
    expect(page.locator("#tray .sheet")).to_have_count(1)
    ask(page, "What is on the receipt?")
    page.locator("#new").click()
    expect(page.locator("#chat .said")).to_have_count(0)
    ask(page, "Where is the ball?")
    open_chats(page)
    expect(page.locator("#chats .title")).to_have_text(
        ["Where is the ball?", "What is on the receipt?"]
    )
    expect(page.locator("#chats time").first).to_contain_text("today")

    search = page.locator("#chats input[type=search]")
    search.fill("RECEIPT what")
    expect(page.locator("#chats li:visible .title")).to_have_text(["What is on the receipt?"])
    search.fill("nowhere")
    expect(page.locator("#chats .none")).to_have_text("No chat has these words.")
    search.fill("")

    row(page, "receipt").locator(".more").click()
    row(page, "receipt").locator("input[name=title]").fill("Groceries")
    row(page, "receipt").locator("input[name=title]").press("Enter")
    expect(page.locator("#chats .title")).to_have_text(["Where is the ball?", "Groceries"])
    expect(page.locator("#chats .panel")).to_be_visible()
    expect(row(page, "Groceries").locator(".more")).to_be_focused()

    row(page, "Groceries").locator(".open").click()
    expect(page.locator("#chat .said")).to_have_text("What is on the receipt?")
    expect(page.locator("#chats .here")).to_have_text("Groceries")
    expect(page.locator("#chats .panel")).to_be_hidden()

    open_chats(page)
    row(page, "Groceries").locator(".more").click()
    expect(page.locator("#chats .danger:visible")).to_have_count(0)
    row(page, "Groceries").locator(".sure summary").click()
    row(page, "Groceries").locator(".danger").click()
    expect(page.locator("#chats .title")).to_have_text(["Where is the ball?"])
    expect(page.locator("#chat .said")).to_have_text("Where is the ball?")
    page.keyboard.press("Escape")
    expect(page.locator("#chats .panel")).to_be_hidden()
    expect(page.locator("#chats .history > summary")).to_be_focused()


def test_browser_each_chat_has_its_own_draft(serve_page, visit, tall, wide):
    page = visit(serve_page(ScriptedEngine(ANSWER)))
    question, sheets = page.locator("#question textarea"), page.locator("#tray .sheet")
    ask(page, "First?")
    attach(page, "Image", tall)
    expect(sheets).to_have_count(1)
    question.fill("half a sen")
    page.locator("#new").click()
    expect(sheets).to_have_count(0)
    expect(question).to_have_value("")
    attach(page, "Image", wide)
    expect(page.locator("#tray .sheet .name")).to_have_text(wide.name)
    question.fill("another")
    open_chats(page)
    row(page, "First?").locator(".open").click()
    expect(question).to_have_value("half a sen")
    expect(page.locator("#tray .sheet .name")).to_have_text(tall.name)
    expect(page.locator("#tray .tile.read")).to_have_count(7)  # it is read ahead at once
    open_chats(page)
    row(page, "another").locator(".open").click()
    expect(question).to_have_value("another")
    expect(page.locator("#tray .sheet .name")).to_have_text(wide.name)


def test_browser_chats_as_files_and_deleting_everything(serve_page, visit, tall, tmp_path):
    engine = ScriptedEngine(ANSWER)
    address = serve_page(engine)
    page = visit(address)
    attach(page, "Image", tall)
    expect(page.locator("#tray .sheet")).to_have_count(1)
    ask(page, "What is <this>?")
    open_chats(page)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save all chats as a file").click()
    file = tmp_path / saving.value.suggested_filename
    saving.value.save_as(file)
    assert json.loads(file.read_text())["chats"][0]["turns"][0]["question"] == "What is <this>?"
    page.locator("#chats .more").click()
    for button, ending, said in (
        ("Markdown", "md", "> What is <this>?"),
        ("web page", "html", "<"),
    ):
        with page.expect_download() as saving:
            page.get_by_role(
                "button", name=f"Save as a {button}" if said == "<" else "Markdown"
            ).click()
        assert saving.value.suggested_filename == f"What is this.{ending}"
        saving.value.save_as(tmp_path / f"chat.{ending}")
        assert said in (tmp_path / f"chat.{ending}").read_text()
    saved = page.context.new_page()
    saved.goto(f"file://{tmp_path / 'chat.html'}")
    expect(saved.locator(".you p")).to_have_text("What is <this>?")
    assert saved.locator("img").evaluate("image => image.naturalWidth") == 377
    saved.close()

    other = visit(address)
    attach(other, "Image", tall)
    expect(other.locator("#tray .sheet")).to_have_count(1)
    page.locator("#chats .all .sure summary").click()
    page.get_by_role("button", name="Delete everything now").click()
    expect(page.locator("#notice")).to_contain_text("Everything has been deleted")
    expect(page.locator("#chat .said")).to_have_count(0)
    expect(page.locator("#chats .here")).to_have_text("Nothing asked yet")
    assert len(engine.forgotten) == 1
    page.reload()
    expect(page.locator("#tray .tray-empty")).to_be_visible()
    expect(page.locator("#chat .said")).to_have_count(0)
    (kept,) = (tmp_path / "sessions").glob("*/files/*/*")  # the other visitor's
    assert kept.name == tall.name
    other.reload()
    expect(other.locator("#tray .sheet")).to_have_count(1)

    page.locator("#imported input[type=file]").set_input_files(str(file))
    expect(page.locator("#notice")).to_contain_text("1 chat was added to the list")
    open_chats(page)
    row(page, "What is").locator(".open").click()
    expect(page.locator("#chat .said")).to_have_text("What is <this>?")
    expect(page.locator("#chat .sent img")).to_have_count(1)
    file.write_text(file.read_text().replace('"question"', '"path": "/etc/passwd", "question"'))
    page.locator("#imported input[type=file]").set_input_files(str(file))
    expect(page.get_by_role("alert")).to_contain_text("a field “path” that this page doesn't know")
    expect(page.locator("#chat .said")).to_have_text("What is <this>?")


def test_browser_the_server_goes_and_comes_back(uploads, visit, tmp_path, tall):
    from conftest import free_port

    port = free_port()
    first, address = start_again(tmp_path, ScriptedEngine(ANSWER), port)
    page = visit(address)
    attach(page, "Image", tall)
    ask(page, "Yesterday's question?")
    page.locator("#question textarea").fill("half a sen")
    first.close(verbose=False)
    expect(page.locator("#away")).to_contain_text("The server is away")
    expect(page.locator("#away")).to_contain_text("Your chat is kept there")
    page.evaluate(
        """() => {
            const later = window.setTimeout;
            window.setTimeout = (call, wait, ...values) =>
                wait === 1000 ? (window.held = true) : later(call, wait, ...values);
        }"""
    )
    page.wait_for_function("window.held")  # from here on it looks only when it is told to
    second, _ = start_again(tmp_path, ScriptedEngine(["Good morning."]), port)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#away")).to_contain_text("The server is back")
    page.get_by_role("button", name="Reload the page").click()
    expect(page.locator("#chat .said")).to_have_text("Yesterday's question?")
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("A tall tower")
    expect(page.locator("#chat .sent img")).to_have_count(1)
    expect(page.locator("#question textarea")).to_have_value("half a sen")
    ask(page, "And today?")
    expect(page.locator('#chat [data-testid="bot"]').last).to_contain_text("Good morning.")
    second.close(verbose=False)


def test_browser_a_card_for_each_error_with_its_next_step(serve_page, visit, tall, tmp_path):
    engine = ScriptedEngine(
        [QueueFull("x", questions=36)],
        ANSWER,
        [OutOfMemory("x", needed=9.1, free=2.0)],
        ANSWER,
        ANSWER,
        [PromptTooLong("x", tokens=9200, visual=7168, context=8192)],
        ANSWER,
    )
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    card, steps = page.locator("#notice .notice"), page.locator("#notice .steps button")
    unfold(page)
    page.locator("#question textarea").fill("One?")
    page.locator("#send").click()
    expect(card.get_by_role("alert")).to_contain_text("36 questions are being answered or waiting")
    expect(steps).to_have_text(["Try again"])
    steps.click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    expect(card).to_have_count(0)
    expect(page.locator("#question textarea")).to_be_focused()

    attach(page, "Image", tall)
    expect(page.locator("#tray .sheet")).to_have_count(1)
    page.locator("#question textarea").fill("Two?")
    page.locator("#send").click()
    expect(card).to_contain_text("9.1 GB")
    expect(steps).to_have_text(["Try again with 6 tiles", "Ask in a new chat"])
    steps.first.click()
    expect(page.locator("#chat .receipt")).to_have_count(2)
    expect(page.locator("#max_tiles input[type=number]")).to_have_value("6")
    assert engine.asked[-1][0].turns[-1].attachments[0].max_tiles == 6

    ask(page, "Three?")
    page.locator("#question textarea").fill("Four?")
    page.locator("#send").click()
    expect(card).to_contain_text("9,200 tokens")
    page.get_by_text("中文").click()
    expect(page.locator("#send")).to_have_text("发送")
    page.get_by_text("English").click()
    expect(page.locator("#send")).to_have_text("Send")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_have_count(4)

    engine.answers = [[PromptTooLong("x", tokens=9200, visual=7168, context=8192)], ANSWER]
    page.locator("#question textarea").fill("Five?")
    page.locator("#send").click()
    expect(steps).to_have_text(["Use the last 2 turns", "Ask in a new chat"])
    steps.first.click()
    expect(page.locator("#chat .said")).to_have_text(["Three?", "Four?", "Five?"])
    expect(card).to_contain_text("The whole chat is kept in the list")
    expect(page.locator("#chats .count")).to_have_text("Chats: 2")

    video = tmp_path / "letter.mp4"
    video.write_text("no video")
    attach(page, "Video", video)
    expect(card).to_contain_text("letter.mp4 can't be read as a video")
    with page.expect_file_chooser():
        steps.click()


@pytest.mark.parametrize("how", ["find", "edit", "continue", "compare"])
def test_browser_whatever_was_asked_is_asked_again(serve_page, visit, tall, how):
    engine = Cutting(["Once "], [QueueFull("x", questions=36)], ["upon a time."])
    width = 390 if how == "edit" else 1440
    page = visit(serve_page(engine), width=width, height=844)
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#question textarea").fill("A story?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("cut off after 3 tokens")
    page.locator("#question textarea").fill("half a sen")

    if how == "continue":
        page.get_by_role("button", name="Continue").click()
    elif how == "compare":
        page.locator("#question textarea").fill("")
        page.locator("#compare").click()
    elif how == "find":
        page.locator("#find").click()
        page.locator("#find_text").get_by_role("textbox").fill("the tower")
        page.locator("#find_send").click()
    else:
        page.get_by_role("button", name="Edit").click()
        page.locator("#edit_text textarea").fill("A tale?")
        page.locator("#edit_send").click()
    expect(page.get_by_role("alert")).to_contain_text("36 questions are being answered")
    if how == "find":
        expect(page.locator("#find_text").get_by_role("textbox")).to_have_value("the tower")
    if how == "edit":
        written = page.locator("#edit_text textarea")
        expect(written).to_have_value("A tale?")
        written.click(trial=True, timeout=20_000)  # the card doesn't cover it
        assert page.locator("#composer").bounding_box()["y"] > written.bounding_box()["y"]
    expect(page.locator("#compare_panel")).to_have_count(0)

    steps = page.locator("#notice .steps button")
    expect(steps).to_have_text(["Try again"])
    steps.click()
    answer = "#compare_second" if how == "compare" else '#chat [data-testid="bot"] >> nth=-1'
    expect(page.locator(answer)).to_contain_text("upon a time.")
    expect(page.locator("#send")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    asked = engine.asked[-1][0].turns[-1]
    assert (asked.region or asked.question) == {"find": "the tower", "edit": "A tale?"}.get(
        how, "A story?"
    )
    left = "" if how == "compare" else "half a sen"
    expect(page.locator("#question textarea")).to_have_value(left)


def test_browser_a_card_leads_to_the_question(serve_page, visit):
    page = visit(serve_page(ScriptedEngine([""], ANSWER)))
    page.locator("#send").click()
    expect(page.get_by_role("alert")).to_contain_text("Please write a question first.")
    page.get_by_role("button", name="Go to the question").click()
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type("What?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The model gave no answer")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")


def test_browser_nobody_stands_in_line_in_the_middle_of_an_answer(serve_page, visit):
    engine = ScriptedEngine([Waiting(1), "One ", Waiting(1), "two"], stepping=True)
    page = visit(serve_page(engine))
    answer = page.locator('#chat [data-testid="bot"]')
    page.locator("#question textarea").fill("Count.")
    page.locator("#send").click()
    engine.step()
    expect(page.locator("#status")).to_contain_text("You are next in line")
    engine.step()
    expect(answer).to_contain_text("One")
    expect(page.locator("#status")).to_contain_text("Answering")
    page.evaluate(
        """() => {
            window.said = [];
            const status = document.querySelector("#status");
            new MutationObserver(() => window.said.push(status.textContent))
                .observe(status, { childList: true, subtree: true, characterData: true });
        }"""
    )
    engine.step(2)
    expect(answer).to_contain_text("One two")
    engine.release()
    expect(page.locator("#status")).to_contain_text("The answer is ready.")
    said = page.evaluate("window.said")
    assert said and not [words for words in said if "line" in words]


def test_browser_place_in_line_and_loading_are_said(serve_page, visit):
    line = [Loading(0.43), Waiting(3, 41.7), Waiting(1)]
    engine = ScriptedEngine([*line, *ANSWER], stepping=True)
    page = visit(serve_page(engine))
    page.locator("#question textarea").fill("Hello?")
    page.locator("#send").click()
    engine.step()
    expect(page.locator("#status")).to_contain_text("The model is still loading (43 %)")
    expect(page.locator("#status progress")).to_have_attribute("value", "0.430")
    page.get_by_role("button", name="Take the question back").click()
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("Hello?")
    expect(page.locator("#chat .said")).to_have_count(0)
    page.locator("#send").click()
    engine.step()
    expect(page.locator("#status progress")).to_be_visible()
    engine.step()
    expect(page.locator("#status")).to_contain_text("You are number 3 in line: about 42 s")
    engine.step()
    expect(page.locator("#status")).to_have_text(re.compile(r"^\s*You are next in line\s*$"))
    engine.release()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
