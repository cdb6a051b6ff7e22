"""A PDF on the page: which pages become pictures, and choosing others."""

import dataclasses

import pytest
from PIL import Image

from internvl.chat import Limits, SessionStore, Settings
from internvl.ui.documents import name_pages
from internvl.ui.handlers import Handlers


def write_pdf(path, pages):
    """Pages of A4 that differ in their shade."""
    drawn = [Image.new("RGB", (298, 421), (20 * n, 90, 90)) for n in range(1, pages + 1)]
    drawn[0].save(path, save_all=True, append_images=drawn[1:])
    return str(path)


@pytest.fixture
def report(tmp_path):
    return write_pdf(tmp_path / "report.pdf", 9)


def names(session):
    return [attachment.path.name for attachment in session.draft.attachments]


def test_the_first_pages_that_stay_readable_and_the_pane_for_several(
    handlers, visitor, session, report
):
    shown = handlers.add_image(visitor, report)
    assert names(session) == ["report page 1.png", "report page 2.png"]
    assert shown["panes"] == {"selected": "images"}
    assert (shown["pages"]["visible"], shown["pages"]["value"]) == (True, "1-2")
    assert "report.pdf has 9 pages; attached: 1-2." in shown["pages"]["info"]
    assert shown["tray"]["value"].count("sheet image") == 2
    session.settings = dataclasses.replace(session.settings, max_tiles=5)
    handlers.add_image(visitor, report)
    assert names(session) == ["report page 1.png"]


def test_other_pages_take_the_place_of_those_that_are_there(
    handlers, visitor, session, report, tall, wide
):
    session.limits = Limits()
    handlers.add_image(visitor, str(tall))
    handlers.add_images(visitor, [report])
    handlers.add_images(visitor, [str(wide)])
    shown = handlers.choose_pages(visitor, " 2, 8-12")
    pages = [f"report page {number}.png" for number in (2, 8, 9)]
    assert names(session) == [tall.name, *pages, wide.name]
    assert shown["pages"]["value"] == "2, 8-9"
    assert handlers.choose_pages(visitor, "2,8-9") == {}
    assert handlers.choose_pages(visitor, "")["pages"]["value"] == "1-2"
    files = {path.name for path in session.folder.glob("files/*/*")}
    assert files == {tall.name, wide.name, "report.pdf", "report page 1.png", "report page 2.png"}


@pytest.mark.parametrize(("written", "said"), [("two", "“two” are no"), ("30", "has 9 pages")])
def test_pages_that_are_not_there(handlers, visitor, session, report, written, said):
    handlers.add_image(visitor, report)
    assert said in handlers.choose_pages(visitor, written)["notice"]["value"]
    assert names(session) == ["report page 1.png", "report page 2.png"]
    handlers.clear(visitor, "")
    assert handlers.choose_pages(visitor, "3")["pages"]["value"] == "3"


def test_the_field_goes_when_its_pages_are_sent_and_after_a_restart(
    handlers, visitor, session, store, report
):
    handlers.add_image(visitor, report)
    assert handlers.open(visitor, "en")["pages"]["visible"]
    *_, sent = handlers.send(visitor, "?", *dataclasses.asdict(Settings()).values(), "")
    assert not sent["pages"]["visible"]
    again = Handlers(handlers.engine, SessionStore(store.folder, store.limits), handlers.about)
    assert "attach it again" in again.choose_pages(visitor, "3")["notice"]["value"]


def test_a_damaged_pdf_is_a_sentence_and_leaves_nothing(handlers, visitor, session, tmp_path):
    path = tmp_path / "damaged.pdf"
    path.write_bytes(b"%PDF-1.7 nothing")
    assert "damaged.pdf is damaged" in handlers.add_image(visitor, str(path))["notice"]["value"]
    assert names(session) == [] and session.incoming == []


def test_two_documents_of_one_name_and_a_very_long_one(handlers, visitor, session, tmp_path):
    (tmp_path / "more").mkdir()
    both = [write_pdf(tmp_path / "a.pdf", 1), write_pdf(tmp_path / "more" / "a.pdf", 3)]
    shown = handlers.add_images(visitor, both)
    assert names(session) == ["a page 1.png", "a page 2.png"]  # two of them are the same page
    assert shown["pages"]["value"] == "1-2"
    handlers.clear(visitor, "")
    shown = handlers.add_image(visitor, write_pdf(tmp_path / f"{'x' * 150}.pdf", 2))
    assert shown["pages"]["value"] == "1-2"


def test_page_numbers_in_words():
    assert [name_pages(n) for n in ([], [4], [3, 1, 2, 9])] == ["", "4", "1-3, 9"]
