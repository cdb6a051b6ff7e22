"""How closely the model looks, in a browser: stops, the slider, the order, the cost."""

import dataclasses

import pytest
from PIL import Image
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_page import attach, unfold

expect.set_options(timeout=20_000)


class Small(ScriptedEngine):
    """Has memory for seven tiles."""

    def estimate(self, conversation, settings):
        estimate = super().estimate(conversation, settings)
        needed = 10**9 * sum(map(sum, estimate.tile_counts))
        return dataclasses.replace(estimate, memory_bytes=needed, free_bytes=5 * 10**9)


def test_browser_stops_and_a_slider_that_does_not_wait(serve_page, visit, tall, tmp_path):
    large = tmp_path / "large.png"
    Image.open(tall).resize((1508, 2400)).save(large)
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Image", large)
    expect(page.locator("#tray .stops button")).to_have_count(3)
    expect(page.locator("#tray .stops [aria-pressed=true]")).to_contain_text("Normal")
    exact = page.get_by_role("button", name="An exact number of tiles", exact=True)
    expect(exact).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#max_tiles")).to_have_count(0)
    unfold(page)
    expect(exact).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Quick 1 tile").click()
    expect(page.locator("#tray .tile")).to_have_count(1)
    expect(page.locator("#max_tiles input[type=number]")).to_have_value("1")
    page.get_by_role("button", name="Fine print").click()
    expect(page.locator("#tray .tile.read")).to_have_count(16)

    page.context.set_offline(True)  # no server: what moves now, moves by itself
    slider = page.locator("#max_tiles input[type=range]")
    slider.evaluate(
        """slider => {
            slider.value = 2;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }"""
    )
    expect(page.locator("#tray .grid .tile")).to_have_count(2)
    expect(page.locator("#tray .sum")).to_contain_text("1 × 2 tiles + thumbnail = 3 tiles")
    expect(page.locator("#tray .facts")).to_contain_text("1,508 × 2,400 pixels.")
    page.context.set_offline(False)


def test_browser_pictures_change_places_by_keyboard_and_by_drag(serve_page, visit, tall, wide):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Several images", tall, wide)
    names = page.locator("#tray .name")
    expect(names).to_have_text([tall.name, wide.name])
    later = page.get_by_role("button", name=f"Move Image-1, {tall.name}, later")
    later.focus()
    page.keyboard.press("Enter")
    expect(names).to_have_text([wide.name, tall.name])
    back = page.get_by_role("button", name=f"Move Image-2, {tall.name}, earlier")
    expect(back).to_be_focused()
    page.locator("#tray .sheet header").last.drag_to(page.locator("#tray .sheet .whole").first)
    expect(names).to_have_text([tall.name, wide.name])


def test_browser_a_part_of_a_picture_is_one_more_picture(serve_page, visit, tall):
    engine = ScriptedEngine(["Yes."])
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    page.locator("#tray .closer summary").click()
    page.get_by_role("button", name=f"Tile 3 of {tall.name}").press("Enter")
    names = page.locator("#tray .name")
    expect(names).to_have_text([tall.name, f"{tall.stem} part 1.png"])
    expect(page.locator("#tray .sheet").last).to_contain_text("189 × 201 pixels.")

    page.locator("#tray .closer summary").first.click()
    picture = page.locator("#tray .whole").first.bounding_box()
    x, y = picture["x"] + picture["width"] / 4, picture["y"] + picture["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + picture["width"] / 2, y + picture["height"] / 2, steps=3)
    page.mouse.up()
    expect(names).to_have_count(3)
    expect(names.last).to_have_text(f"{tall.stem} part 2.png")

    page.locator("#tray .closer summary").first.click()
    tile = page.locator("#tray .whole").first.locator(".grid .tile").nth(1).bounding_box()
    page.mouse.click(tile["x"] + tile["width"] / 2, tile["y"] + tile["height"] / 2)
    expect(names).to_have_count(4)
    expect(names.last).to_have_text(f"{tall.stem} part 3.png")
    page.locator("#question textarea").fill("What does it say?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    (asked,) = engine.asked
    assert len(asked[0].turns[0].attachments) == 4


def test_browser_the_cost_is_told_and_made_to_fit(serve_page, visit, tall):
    engine = Small(["Yes."])
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    cost = page.locator("#cost .cost")
    expect(cost).to_contain_text("7 tiles")
    expect(cost).to_contain_text("chat 11 % full")
    expect(cost).to_contain_text("7.0 of 5.0 GB")
    page.get_by_role("button", name="Make it fit").click()
    expect(page.locator("#notice")).to_contain_text("Now it fits.")
    expect(page.locator("#tray .tile")).to_have_count(3)
    expect(cost).to_contain_text("3.0 of 5.0 GB")
    expect(page.get_by_role("button", name="Make it fit")).to_have_count(0)
    page.locator("#question textarea").fill("And?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_contain_text("complete")
    expect(page.locator("#cost .earlier li")).to_be_hidden()
    page.locator("#cost summary").click()
    expect(page.locator("#cost .earlier li")).to_contain_text("Picture 3 tiles")
    page.get_by_role("button", name="Pin Picture at full detail").press("Enter")
    expect(page.locator("#cost [aria-pressed=true]")).to_have_text("Pinned")
    page.reload()
    expect(page.locator("#cost [aria-pressed=true]")).to_have_text("Pinned")


class Known(ScriptedEngine):
    """Knows its memory, and how fast it is once it has answered."""

    def estimate(self, conversation, settings):
        estimate = super().estimate(conversation, settings)
        seconds = (0.05, 0.2) if self.asked else None
        sizes = {"memory_bytes": 12 * 10**8, "free_bytes": 9 * 10**9}
        return dataclasses.replace(estimate, seconds=seconds, **sizes)


@pytest.mark.parametrize("width", [1440, 390])
def test_browser_the_cost_has_four_parts_before_every_question(serve_page, visit, tall, width):
    page = visit(serve_page(Known(["Yes."])), width=width, height=844)
    parts = page.locator("#cost .cost span:visible")
    attach(page, "Image", tall)
    memory = "1.2 of 9.0 GB free memory"
    expect(parts).to_have_text(["7 tiles", "time not measured yet", "chat 11 % full", memory])
    page.locator("#question textarea").fill("What is this?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    measured = "answer begins in 0.05 to 0.2 s"
    expect(parts).to_have_text(["7 tiles", measured, "chat 11 % full", memory])
    page.reload()
    expect(parts).to_have_text(["7 tiles", measured, "chat 11 % full", memory])
    expect(page.locator("#send")).to_be_in_viewport(ratio=1)
    page.locator("#cost .earlier summary").click()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#find").click()  # the composer doesn't cover it
    assert page.evaluate("document.documentElement.scrollWidth") <= width


class Tight(ScriptedEngine):
    """Has a context for five tiles; a picture for which it has no room falls to one."""

    def estimate(self, conversation, settings):
        estimate = super().estimate(conversation, settings)
        counts = [[n if n <= 5 else 1 for n in tiles] for tiles in estimate.tile_counts]
        return dataclasses.replace(estimate, tile_counts=counts)


def test_browser_a_full_chat_is_made_to_fit(serve_page, visit, tall):
    page = visit(serve_page(Tight(["Yes."])))
    attach(page, "Image", tall)
    expect(page.locator("#cost .cost")).to_contain_text("1 tile")
    expect(page.locator("#notice")).to_contain_text("of 7 tiles the model will see 1")
    page.get_by_role("button", name="Make it fit").click()
    expect(page.locator("#notice")).to_contain_text("Now it fits.")
    expect(page.locator("#tray .tile.read")).to_have_count(3)
    expect(page.locator("#cost .cost")).to_contain_text("3 tiles")
    expect(page.get_by_role("button", name="Make it fit")).to_have_count(0)


class Full(ScriptedEngine):
    """Has no room for earlier pictures but for pinned ones, and knows how fast it is."""

    def estimate(self, conversation, settings):
        estimate = super().estimate(conversation, settings)
        earlier = [a for turn in conversation.turns[:-1] for a in turn.attachments]
        counts = list(estimate.tile_counts)
        for number, attachment in enumerate(earlier):
            if not attachment.pinned:
                counts[number] = [0] if number == 0 else [1]
        return dataclasses.replace(estimate, tile_counts=counts, seconds=(2.0, 3.5))


def test_browser_earlier_pictures_give_way_and_one_is_pinned(serve_page, visit, tall, wide):
    page = visit(serve_page(Full(["Yes."])))
    attach(page, "Several images", tall, wide)
    expect(page.locator("#cost .cost")).to_contain_text("answer begins in 2 to 3.5 s")
    page.locator("#question textarea").fill("What are these?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    attach(page, "Image", tall)
    earlier = page.locator("#cost .earlier li")
    expect(earlier).to_contain_text(["Image-1 not seen", "Image-2 1 tile"])
    expect(page.locator("#cost .earlier p")).to_contain_text("the oldest give way first")
    page.get_by_role("button", name="Pin Image-1 at full detail").click()
    expect(earlier).to_contain_text(["Image-1 7 tiles", "Image-2 1 tile"])


def test_browser_what_the_grid_means_is_said(serve_page, visit, tall, tmp_path):
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    facts = page.locator("#tray .facts")
    attach(page, "Image", tall)
    expect(facts).to_contain_text("Enlarged 2.2×: this adds cost, not detail.")
    expect(facts).to_contain_text("Of 12 tiles allowed, its shape uses 6.")
    large = tmp_path / "page.png"
    Image.new("RGB", (2480, 3508), "white").save(large)
    attach(page, "Image", large)
    expect(facts).to_contain_text("small print may be unreadable.")
    expect(facts).to_contain_text("24 tiles would show it at 72 %.")
