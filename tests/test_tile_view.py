"""The tile view shows what the model gets: the same grids, tiles and frames, nothing as HTML."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from scripted_engine import ScriptedEngine

from internvl import load_model
from internvl.chat import Attachment, Conversation, Settings, Turn, freeze
from internvl.engines import LocalEngine, Reading, Waiting
from internvl.preprocessing import load_image, sample_frames, split_into_tiles
from internvl.ui.frames import clock
from internvl.ui.text import WORDS, words
from internvl.ui.tiles import count_tiles, draw_tray
from internvl.ui.views import status

TEXT = words("en")
GOLDEN = Path(__file__).parent / "data" / "golden"


def sheets(html):
    """Per attachment: columns, rows, the numbers in order, the sum in words."""
    shown = []
    for article in html.split("<article")[1:]:
        grid = re.search(r"--columns: (\d+); --rows: (\d+)", article)
        numbers = [int(n) for n in re.findall(r"<b>(\d+)</b>", article)]
        said = re.search(r"<strong>(.*?)</strong>", article)[1]
        shown.append((grid and (int(grid[1]), int(grid[2])), numbers, said))
    return shown


def picture_in(html, position):
    source = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)[position]
    return Image.open(io.BytesIO(base64.b64decode(source)))


@pytest.mark.parametrize("max_tiles", [1, 2, 4, 6, 7, 12, 24])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_view_equals_what_the_model_gets(tall, wide, max_tiles, count):
    settings = Settings(max_tiles=max_tiles)
    attachments = [Attachment(p, "image") for p in (tall, wide, tall, wide, tall)[:count]]
    shown = sheets(draw_tray(attachments, settings, TEXT))
    sent = freeze(attachments, settings)
    engine_counts = ScriptedEngine().tile_counts(Conversation(turns=[Turn("", sent)]))
    assert len(shown) == count
    for (grid, numbers, said), attachment, counted in zip(shown, sent, engine_counts, strict=True):
        tiles = split_into_tiles(load_image(attachment.path), attachment.max_tiles)
        assert numbers == (list(range(1, len(tiles) + 1)) if len(tiles) > 1 else [1])
        assert [len(tiles)] == counted == [count_tiles(attachment)]
        assert grid == drawn_grid(attachment, tiles)
        assert f"{len(tiles)} tile" in said


def drawn_grid(attachment, tiles):
    """Columns and rows, from the tiles' own pixels: together they are the enlarged picture."""
    pieces = tiles[:-1] or tiles
    picture = load_image(attachment.path)
    for columns in range(1, len(pieces) + 1):
        rows = len(pieces) // columns
        enlarged = picture.resize((448 * columns, 448 * rows), Image.Resampling.BICUBIC)
        cut = [
            enlarged.crop((448 * x, 448 * y, 448 * (x + 1), 448 * (y + 1))).tobytes()
            for y in range(rows)
            for x in range(columns)
        ]
        if cut == [piece.tobytes() for piece in pieces]:
            return columns, rows
    raise AssertionError("the tiles are no grid of this picture")


def test_the_view_equals_what_the_engine_counts(tall, wide, clip):
    model = load_model(GOLDEN / "tiny-300m-qwen2", dtype="float32")
    settings = Settings(max_tiles=12, max_frames=4)
    engine = LocalEngine(model)
    for picture, grid in ((tall, (2, 3)), (wide, (3, 2))):
        attachments = [Attachment(picture, "image"), Attachment(clip, "video")]
        shown = sheets(draw_tray(attachments, settings, TEXT))
        turn = Turn("What?", freeze(attachments, settings))
        counts = engine.estimate(Conversation(turns=[turn]), settings).tile_counts
        assert [len(numbers) for _, numbers, _ in shown] == [sum(count) for count in counts]
        assert [sum(count) for count in counts] == [7, 4]
        assert [drawn for drawn, _, _ in shown] == [grid, None]


def test_a_model_of_smaller_tiles(tmp_path):
    Image.new("RGB", (448, 448)).save(tmp_path / "square.png")
    picture = Attachment(tmp_path / "square.png", "image", max_tiles=4)
    small = draw_tray([picture], Settings(), TEXT, tile_size=224)
    assert "2 × 2 tiles" in small
    assert "Enlarged" not in small
    assert "Enlarged" not in draw_tray([picture], Settings(max_tiles=1), TEXT)
    assert (count_tiles(picture, 224), count_tiles(picture, 1000)) == (5, 1)


def test_the_sum_is_said_in_words(tmp_path):
    Image.new("RGB", (640, 480)).save(tmp_path / "scan.png")
    html = draw_tray([Attachment(tmp_path / "scan.png", "image")], Settings(), TEXT)
    assert "4 × 3 tiles + thumbnail = 13 tiles" in html
    assert "3,328 visual tokens" in html
    assert "Enlarged 2.8×" in html
    small = draw_tray(
        [Attachment(tmp_path / "scan.png", "image")],
        Settings(max_tiles=1),
        TEXT,
        tokens_per_tile=64,
    )
    assert "<strong>1 tile</strong>" in small
    assert "64 visual tokens" in small


def test_an_empty_tray_says_whether_pictures_are_in_the_chat():
    assert "questions without a picture work" in draw_tray([], Settings(), TEXT)
    assert "just ask on" in draw_tray([], Settings(), TEXT, asked=True)


def test_what_surprises_people_is_said(tmp_path):
    Image.new("L", (2480, 3508)).save(tmp_path / "page.png")
    html = draw_tray([Attachment(tmp_path / "page.png", "image")], Settings(max_tiles=12), TEXT)
    assert "Shrunk to 36 %" in html
    assert "Of 12 tiles allowed, its shape uses 6." in html


def test_the_picture_is_upright_and_small(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3000, 1500), "red").save(tmp_path / "phone.jpg", exif=exif)
    html = draw_tray([Attachment(tmp_path / "phone.jpg", "image")], Settings(), TEXT)
    assert picture_in(html, 0).size == (512, 1024)
    assert "1,500 × 3,000 pixels" in html


@pytest.mark.parametrize("bounds", [(None, None), (0.5, 1.5)])
def test_the_frames_are_those_the_model_gets(clip, bounds):
    settings = Settings(max_frames=5)
    attachment = Attachment(clip, "video", *bounds)
    html = draw_tray([attachment], settings, TEXT)
    frames = sample_frames(clip, freeze([attachment], settings)[0].max_frames, *bounds)
    ((_, numbers, said),) = sheets(html)
    assert numbers == list(range(1, len(frames) + 1))
    assert said == f"{len(frames)} frames = {len(frames)} tiles"
    assert re.findall(r">(\d+:[\d.]+)</button>", html) == [clock(f.time) for f in frames]
    for position, frame in enumerate(frames):
        expected = frame.picture.copy()
        expected.thumbnail((224, 224))
        drawn = picture_in(html, position)
        assert drawn.size == expected.size
        means = (image.convert("L").resize((1, 1)).getpixel((0, 0)) for image in (drawn, expected))
        assert abs(next(means) - next(means)) <= 3


def test_names_are_escaped(tmp_path):
    path = tmp_path / "<img src=x onerror=alert(1)>\"'${1}.png"
    Image.new("RGB", (8, 8)).save(path)
    html = draw_tray([Attachment(path, "image")], Settings(), TEXT)
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_lost_file_is_said_and_can_be_removed(tmp_path, tall):
    gone = Attachment(tmp_path / "gone.png", "image")
    html = draw_tray([gone, Attachment(tall, "image")], Settings(), TEXT)
    assert "gone.png is not there any more" in html
    assert 'data-remove="0"' in html
    assert "Image-2" in html


def test_both_languages_have_the_same_holes():
    for key, (english, chinese) in WORDS.items():
        assert english and chinese, key
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), key


def test_the_status_says_what_is_going_on():
    text = words("en")
    for event, sentence in (
        (Waiting(2), "You are number 2 in line"),
        (Waiting(0), "Opening the video"),
        (Reading(3, 7), "Reading: 3 of 7 tiles"),
        (Reading(0, 0), "Thinking about the question"),
    ):
        drawn = status(type(event).__name__.lower(), text, event)["status"]["value"]
        assert f">{sentence}<" in drawn
