"""Pages of a PDF as pictures."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from internvl.preprocessing import AttachmentError, draw_pages, is_pdf, load_image, parse_pages
from internvl.preprocessing.pdf import PAGE_EDGE


@pytest.fixture
def report(tmp_path):
    """Five pages of A4; page n has n black bars."""
    pages = []
    for number in range(1, 6):
        page = Image.new("RGB", (595, 842), "white")
        for bar in range(number):
            ImageDraw.Draw(page).rectangle((50 + 80 * bar, 100, 90 + 80 * bar, 700), fill="black")
        pages.append(page)
    path = tmp_path / "report.pdf"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def locked_document():
    """A document of one page that no password opens: its keys are made up."""
    keys = f"/O <{'4f' * 32}> /U <{'55' * 32}>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
        f"<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 {keys} >>",
    ]
    text, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += f"{number} 0 obj {content} endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"<< /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [<{'00' * 16}> <{'00' * 16}>] >>"
    end = f"xref\n0 5\n0000000000 65535 f \n{table}trailer {trailer}\nstartxref\n{len(text)}\n%%EOF"
    return (text + end).encode()


def bars(path):
    """How many black bars a page has."""
    row = load_image(path).convert("L").crop((0, 900, 1500, 901))
    dark = [value < 128 for value in row.tobytes()]
    return sum(now and not before for before, now in zip([False, *dark], dark, strict=False))


def test_pages_come_upright_at_five_tiles_with_their_names(report, tmp_path):
    pages = draw_pages(report, tmp_path, [2, 4], most=9)
    assert (pages.count, pages.numbers) == (5, [2, 4])
    assert [file.name for file in pages.files] == ["report page 2.png", "report page 4.png"]
    assert [bars(file) for file in pages.files] == [2, 4]
    assert load_image(pages.files[0]).size[1] == PAGE_EDGE


def test_the_first_pages_that_there_is_room_for(report, tmp_path):
    assert draw_pages(report, tmp_path, most=2).numbers == [1, 2]
    assert draw_pages(report, tmp_path, most=99).numbers == [1, 2, 3, 4, 5]
    assert draw_pages(report, tmp_path, [4, 5, 6, 7], most=3).numbers == [4, 5]
    with pytest.raises(AttachmentError, match=r"report.pdf has 5 pages; page 8 is not among them"):
        draw_pages(report, tmp_path, [8, 9], most=3)


def test_a_long_page_has_no_more_pixels(tmp_path):
    Image.new("RGB", (100, 4000), "red").save(tmp_path / "long.pdf")
    (page,) = draw_pages(tmp_path / "long.pdf", tmp_path).files
    assert load_image(page).size == (PAGE_EDGE // 40 + 1, PAGE_EDGE)


def test_what_cannot_be_read_is_one_sentence(report, tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    assert is_pdf(broken)
    with pytest.raises(AttachmentError, match=r"broken\.pdf is damaged or no PDF"):
        draw_pages(broken, tmp_path)
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(report.read_bytes()[:200])
    with pytest.raises(AttachmentError, match=r"cut\.pdf is damaged"):
        draw_pages(cut, tmp_path)


def test_a_locked_document_says_so(tmp_path):
    locked = tmp_path / "locked.pdf"
    locked.write_bytes(locked_document())
    with pytest.raises(AttachmentError, match=r"locked.pdf is locked with a password; please save"):
        draw_pages(locked, tmp_path)


def test_a_document_that_takes_too_long_or_kills_the_child(report, tmp_path, monkeypatch):
    with pytest.raises(AttachmentError, match=r"could not be drawn within 0.001 s"):
        draw_pages(report, tmp_path, time_limit=0.001)
    died = SimpleNamespace(stdout=b"", returncode=-11)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: died)
    with pytest.raises(AttachmentError, match=r"report\.pdf is damaged"):
        draw_pages(report, tmp_path)


def test_without_the_library_it_says_so(report, tmp_path, monkeypatch):
    (tmp_path / "pypdfium2.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(AttachmentError, match="pypdfium2 is not installed"):
        draw_pages(report, tmp_path)
    code = "import sys, internvl.preprocessing.pdf; assert 'pypdfium2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_is_pdf_goes_by_content(report, tall, tmp_path):
    assert is_pdf(report) and not is_pdf(tall)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", []),
        ("3", [3]),
        (" 1 - 3 ", [1, 2, 3]),
        ("5;2,2", [2, 5]),
        ("1–2、9", [1, 2, 9]),
    ],
)
def test_page_numbers_as_people_write_them(written, meant):
    assert parse_pages(written) == meant


@pytest.mark.parametrize("wrong", ["x", "0", "3-1", "-2", "1-", "1.5", "999999", "²"])
def test_what_is_no_page_number(wrong):
    with pytest.raises(ValueError, match="is no page number"):
        parse_pages(wrong)
