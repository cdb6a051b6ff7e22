"""What the page does not take, in a browser: it says so on a card in the visitor's language."""

import re

import pytest
from playwright.sync_api import expect
from scripted_engine import ScriptedEngine
from test_browser_first_minute import CARRY
from test_browser_page import attach, set_number, unfold, wait_until

from internvl.chat import Limits

expect.set_options(timeout=20_000)


@pytest.fixture
def letter(tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("Dear model")
    return file


def latin(text, *known):
    """The Latin words of a text, but for those that belong there."""
    return [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in known]


def test_browser_files_it_does_not_take_are_on_a_card(serve_page, visit, letter, clip, tmp_path):
    large = tmp_path / "large.png"
    large.write_bytes(b"\x89PNG" + bytes(3 * 2**20))
    page = visit(serve_page(ScriptedEngine(["Yes."]), limits=Limits(upload_bytes=2**20)))
    card, steps = page.get_by_role("alert"), page.locator("#notice .steps button")
    attach(page, "Image", large)
    expect(card).to_contain_text("large.png has 3 MB; 1 MB is the most.")
    expect(steps).to_have_text(["Choose a file"])
    with page.expect_file_chooser():
        steps.click()
    attach(page, "Image", clip)  # chosen in the wrong pane: it goes to its own
    expect(page.get_by_role("tab", selected=True)).to_have_text("Video")
    expect(page.locator("#tray .sheet.video")).to_have_count(1)
    page.locator("#tray .remove").click()
    expect(page.locator("#tray .sheet")).to_have_count(0)
    attach(page, "Image", letter)
    expect(card).to_contain_text("letter.txt is damaged or no picture of a known kind")
    attach(page, "Video", letter)
    expect(card).to_contain_text("letter.txt is no video of a known kind; please attach an MP4")
    page.locator("#imported input[type=file]").set_input_files(str(letter))
    expect(card).to_contain_text("This is no file of chats saved by this page.")
    page.get_by_text("中文").click()
    expect(page.locator("#send")).to_have_text("发送")
    dropped = [{"name": "<b>notes</b>.txt", "type": "text/plain", "content": "aGk="}]
    page.evaluate(CARRY, [dropped, "#chat"])
    expect(card).to_contain_text("<b>notes</b>.txt 已损坏或不是可识别的图片")
    expect(page.locator("#tray .sheet")).to_have_count(0)


def test_browser_an_unreadable_video_names_its_codec(serve_page, visit, clip, tmp_path):
    data = clip.read_bytes()
    content = data.index(b"mdat") + 4
    size = int.from_bytes(data[content - 8 : content - 4], "big") - 8
    blank = tmp_path / "blank.mp4"
    blank.write_bytes(data[:content] + bytes(size) + data[content + size :])
    page = visit(serve_page(ScriptedEngine(["Yes."])))
    attach(page, "Video", blank)
    card = page.get_by_role("alert")
    expect(card).to_contain_text("its pictures are coded as h264")
    expect(card).to_contain_text("Please save it again as MP4 with H.264")
    with page.expect_file_chooser():
        page.locator("#notice").get_by_role("button", name="Choose a file").click()
    page.get_by_text("中文").click()
    expect(page.locator("#send")).to_have_text("发送")
    attach(page, "视频", blank)
    expect(card).to_contain_text("编码为 h264（没有一帧是完整的）")


def test_browser_numbers_stay_within_their_fields(serve_page, visit, tall):
    engine = ScriptedEngine(["Yes."])
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile")).to_have_count(7)
    unfold(page)
    set_number(page, "max_tiles", 99)
    expect(page.locator("#max_tiles input[type=number]")).to_have_value("24")
    expect(page.locator("#tray .tile")).to_have_count(16)
    page.locator("#settings > button").click()
    set_number(page, "seed", -5)
    expect(page.locator("#seed input")).to_have_value("0")
    set_number(page, "temperature", 7)
    page.locator("#question textarea").fill("And now?")
    page.locator("#send").click()
    expect(page.locator("#chat .receipt")).to_be_visible()
    (asked,) = engine.asked
    assert (asked[1].max_tiles, asked[1].seed, asked[1].temperature) == (24, 0, 2.0)
    expect(page.locator("#notice")).to_have_text("")


def test_browser_errors_in_chinese_are_chinese(serve_page, visit, tall, clip, tmp_path):
    page = visit(
        serve_page(ScriptedEngine(["Yes."]), limits=Limits(question_characters=20)), locale="zh-CN"
    )
    card = page.get_by_role("alert")
    damaged = tmp_path / "half.png"
    damaged.write_bytes(tall.read_bytes()[:9000])
    fake = tmp_path / "fake.mp4"
    fake.write_text("no video")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(clip.read_bytes()[:60000])
    for pane, file in (("图片", damaged), ("视频", fake), ("视频", cut)):
        attach(page, pane, file)
        expect(card).to_contain_text(file.name)
        said = card.inner_text().replace(file.name, "")
        assert latin(said, "JPEG", "PNG", "MP") == [], file.name
    attach(page, "图片", tall)
    expect(page.locator("#tray .tile")).to_have_count(7)
    page.locator("#find").click()
    page.locator("#find_text").get_by_role("textbox").fill("the tower " * 5)
    page.locator("#find_send").click()
    expect(card).to_contain_text("上限为 20")
    assert latin(card.inner_text()) == []
    (copy,) = (tmp_path / "sessions").glob("*/files/*/*")
    copy.unlink()
    page.reload()
    expect(page.locator("#tray .sheet.broken .sum")).to_contain_text("已不存在")


def test_browser_a_language_is_kept_while_an_answer_is_written(serve_page, visit, tall):
    engine = ScriptedEngine(["One ", "word."], stepping=True)
    page = visit(serve_page(engine))
    attach(page, "Image", tall)
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    page.get_by_text("中文").click()
    expect(page.locator("#status")).to_contain_text("模型已全部看完")
    expect(page.locator("#tray .tile.read")).to_have_count(7)
    expect(page.locator("#cost .cost")).to_contain_text("个图块")
    page.locator("#question textarea").fill("这是什么？")
    page.locator("#send").click()
    engine.step()
    expect(page.locator("#language input").first).to_be_disabled()
    engine.release()
    expect(page.locator("#chat .receipt")).to_be_visible()
    expect(page.locator("#language input").first).to_be_enabled()
    wait_until(page, lambda: len(engine.asked) == 1)
