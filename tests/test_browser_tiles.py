"""Tiles in a browser: lit up one by one, before and after sending; stops; parts of a picture."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_keyboard import tab_to
from test_browser_page import attach, unfold

from internvl.engines.base import Reading

expect.set_options(timeout=20_000)


class Ahead(ScriptedEngine):
    """Reads ahead one tile a step."""

    def prepare(self, conversation, settings):
        for event in super().prepare(conversation, settings):
            while not self.steps.acquire(timeout=0.05):
                yield Reading(event.done - 1, event.total)
            yield event


class Unread(ScriptedEngine):
    """Has read nothing when it is asked."""

    def prepare(self, conversation, settings):
        yield from ()


@pytest.fixture
def paper(tmp_path):
    """A scanned page of 2480 x 3508: 2 x 3 tiles and the thumbnail at 12."""
    path = tmp_path / "paper.png"
    Image.new("RGB", (2480, 3508), "white").save(path)
    return path


@pytest.fixture
def small(tmp_path):
    """A picture of 300 x 300, red at its bottom right: one tile at any setting."""
    path, picture = tmp_path / "small.png", Image.new("RGB", (300, 300), "teal")
    picture.paste((200, 30, 30), (150, 150, 300, 300))
    picture.save(path)
    return path


def test_browser_tiles_light_up_while_it_reads_ahead(serve_page, visit, tall):
    engine = Ahead(["Yes."])
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    tiles = page.locator("#tray .tile")
    engine.step(2)
    expect(page.locator("#tray .tile.read")).to_have_count(2)
    expect(page.locator("#tray .tile.next")).to_have_count(1)
    expect(tiles.nth(2)).to_have_class(re.compile(r"\bnext\b"))
    engine.step(5)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    expect(page.locator("#tray .tile.next")).to_have_count(0)


def test_browser_tiles_light_up_in_the_question_that_was_sent(serve_page, visit, tall):
    engine = Unread([Reading(2, 7), Reading(5, 7), "A tower."], ["Again."], stepping=True)
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile")).to_have_count(7)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    sent, read = page.locator("#chat .seen .tile"), page.locator("#chat .seen .tile.read")
    expect(sent).to_have_count(7)
    expect(read).to_have_count(0)
    engine.step()
    expect(read).to_have_count(2)
    expect(page.locator("#chat .seen .tile.next")).to_have_count(1)
    expect(sent.nth(2)).to_have_class(re.compile(r"\bnext\b"))
    engine.step()
    expect(read).to_have_count(5)
    engine.step()
    expect(page.locator('#chat [data-testid="bot"]')).to_contain_text("A tower.")
    expect(read).to_have_count(7)
    expect(page.locator("#chat .seen .tile.next")).to_have_count(0)
    engine.release()
    expect(page.locator("#chat .receipt")).to_be_visible()
    page.reload()
    expect(read).to_have_count(7)


def test_browser_marks_go_along_with_a_picture(serve_page, visit, tall):
    engine = ScriptedEngine(["Yes."], stepping=True)
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .seen .tile.read")).to_have_count(7)  # known before it was sent
    page.locator("#stop").click()
    expect(page.locator("#tray .tile.read")).to_have_count(7)  # back where it was


def test_browser_only_stops_that_change_something(serve_page, visit, small, tmp_path):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    wide = tmp_path / "wide.png"
    Image.new("RGB", (200, 150), "teal").save(wide)
    attach(page, "Image", wide)
    expect(page.locator("#tray .stops button")).to_have_text(["Quick 1 tile", "Normal 13 tiles"])
    expect(page.locator("#compare")).to_be_enabled()
    expect(page.locator("#compare_why")).to_have_text("")
    attach(page, "Image", small)
    expect(page.locator("#tray .name")).to_have_text(small.name)
    expect(page.locator("#tray .stops")).to_have_count(0)
    expect(page.locator("#compare")).to_be_disabled()
    expect(page.locator("#compare_why")).to_contain_text("there is nothing to compare")
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    expect(page.locator("#compare")).to_be_disabled()


def test_browser_each_picture_has_its_own_grid(serve_page, visit, tall, wide):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Several images", tall, wide)
    expect(page.locator("#tray .sum strong")).to_have_text(
        ["2 × 3 tiles + thumbnail = 7 tiles", "3 × 2 tiles + thumbnail = 7 tiles"]
    )


def test_browser_a_part_is_shown_at_full_detail(serve_page, visit, paper):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Image", paper)
    whole = page.locator("#tray .sheet").first
    expect(whole.locator(".facts")).to_contain_text("Shrunk to 36 %")
    expect(whole.locator(".facts")).to_contain_text("24 tiles would show it at 72 %.")
    whole.locator(".closer summary").click()
    whole.get_by_role("button", name="Tile 4 of paper.png").click()
    part = page.locator("#tray .sheet").nth(1)
    expect(part.locator(".facts")).to_contain_text("Not shrunk: every pixel reaches the model.")
    expect(whole.locator(".facts")).to_contain_text("Shrunk to 36 %")
    expect(page.locator("#notice")).to_contain_text("the message may now use 18 tiles")
    unfold(page)
    expect(page.locator("#max_tiles input[type=number]")).to_have_value("18")

    whole.locator(".closer summary").click()
    whole.get_by_role("button", name="Tile 1 of paper.png").click()
    expect(page.locator("#tray .sheet")).to_have_count(3)
    expect(page.locator("#notice")).to_contain_text("show this part at 72 % at most")


def test_browser_quarters_of_a_picture_of_one_tile(serve_page, visit, small, tmp_path):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Image", small)
    expect(page.locator("#tray .tile.read")).to_have_count(1)
    tab_to(page, page.locator("#tray .closer summary"))
    page.keyboard.press("Enter")
    quarters = page.locator("#tray .closer button")
    expect(quarters).to_have_text(["Top left", "Top right", "Bottom left", "Bottom right"])
    tab_to(page, quarters.nth(1))
    page.keyboard.press("Enter")
    names, facts = page.locator("#tray .name"), page.locator("#tray .facts")
    expect(names).to_have_text(["small.png", "small part 1.png"])
    expect(facts.nth(1)).to_contain_text("150 × 150 pixels.")

    page.locator("#tray .closer summary").first.click()
    box = page.locator("#tray .whole").first.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.9 * box["height"])
    expect(names).to_have_text(["small.png", "small part 1.png", "small part 2.png"])
    (part,) = (tmp_path / "sessions").rglob("small part 2.png")
    assert Image.open(part).getpixel((75, 75)) == (200, 30, 30)
