"""Any picture a person may upload, and what is refused."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from internvl.preprocessing import AttachmentError, image_size, load_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def picture() -> Image.Image:
    """60 x 40: red, green / white, blue."""
    image = Image.new("RGB", (60, 40), "white")
    image.paste(RED, (0, 0, 30, 20))
    image.paste(GREEN, (30, 0, 60, 20))
    image.paste(BLUE, (30, 20, 60, 40))
    return image


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours a quarter inwards from the four corners, rounded to 0 and 255."""
    width, height = image.size
    places = [(x * width // 4, y * height // 4) for y in (1, 3) for x in (1, 3)]
    return [tuple(255 if c > 127 else 0 for c in image.getpixel(place)) for place in places]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "avif", "heic"])
def test_every_rotation_is_applied(
    picture: Image.Image, tmp_path: Path, suffix: str, orientation: int
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    picture.save(path, exif=exif.tobytes())
    picture.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(picture)
    image = load_image(path)
    assert image.mode == "RGB"
    assert image.size == expected.size == image_size(path)
    assert corners(image) == corners(expected)


@pytest.mark.parametrize("orientation", [1, 3, 6, 9])
def test_a_rotation_behind_the_pixels_of_a_png_is_applied(
    picture: Image.Image, tmp_path: Path, orientation: int
) -> None:
    path = tmp_path / "late.png"
    picture.save(path)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content, end = path.read_bytes(), chunk(b"IEND", b"")
    assert content.endswith(end)
    path.write_bytes(content.removesuffix(end) + chunk(b"eXIf", exif.tobytes()[6:]) + end)
    turned = ImageOps.exif_transpose(Image.open(path))
    assert load_image(path).size == image_size(path) == turned.size
    assert corners(load_image(path)) == corners(turned)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "RGBA", "RGB"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif", "bmp", "webp", "jp2"])
def test_modes_become_rgb(picture: Image.Image, tmp_path: Path, mode: str, suffix: str) -> None:
    image = picture.quantize(8) if mode == "P" else picture.convert(mode)
    path = tmp_path / f"picture.{suffix}"
    try:
        image.save(path, **({"quality": 95} if suffix == "jpg" else {}))
    except (OSError, ValueError):
        pytest.skip(f"Pillow does not write {mode} as {suffix}")
    loaded = load_image(path)
    assert loaded.mode == "RGB"
    assert corners(loaded)[2:] == [WHITE, corners(image.convert("RGB"))[3]]
    if mode in ("P", "CMYK", "RGBA", "RGB"):
        assert corners(loaded) == [RED, GREEN, WHITE, BLUE]


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [("png", "uint16"), ("tiff", "uint16"), ("pgm", "uint16"), ("tiff", "int32")],
)
def test_16_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str, kind: str) -> None:
    values = np.linspace(0, 65535, 2400).reshape(40, 60).astype(kind)
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(values).save(path)
    loaded = np.asarray(load_image(path))
    assert loaded.shape == (40, 60, 3)
    assert np.abs(loaded[..., 0] - values / 257).max() <= 0.51


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 80.0])
def test_floating_point_pictures(tmp_path: Path, top: float) -> None:
    path = tmp_path / "float.tiff"
    Image.fromarray(np.linspace(0, top, 2400, dtype=np.float32).reshape(40, 60)).save(path)
    white = 80 if top == 80.0 else 255
    assert load_image(path).getextrema() == ((0, white),) * 3


def test_32_bit_pictures_with_8_bit_values_stay(tmp_path: Path) -> None:
    path = tmp_path / "labels.tiff"
    Image.fromarray(np.full((4, 4), 200, np.int32)).save(path)
    assert load_image(path).getpixel((0, 0)) == (200, 200, 200)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "heic"])
def test_transparency_is_white(tmp_path: Path, suffix: str) -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 0, 128), (0, 20, 40, 40))
    path = tmp_path / f"clear.{suffix}"
    image.save(path, **({} if suffix in ("png", "tiff") else {"lossless": True, "quality": 100}))
    loaded = load_image(path)
    assert loaded.getpixel((20, 5)) == pytest.approx(WHITE, abs=2)
    assert loaded.getpixel((20, 35)) == pytest.approx((127, 127, 127), abs=3)


def test_transparent_colours_are_white(picture: Image.Image, tmp_path: Path) -> None:
    palette = picture.quantize(8)
    palette.save(tmp_path / "p.gif", transparency=palette.getpixel((5, 5)))
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((5, 5)))
    picture.save(tmp_path / "rgb.png", transparency=RED)
    picture.convert("LA").save(tmp_path / "la.png")
    for name in ("p.gif", "p.png", "rgb.png"):
        assert corners(load_image(tmp_path / name)) == [WHITE, GREEN, WHITE, BLUE], name


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff", "avif"])
def test_the_first_frame_of_an_animation(tmp_path: Path, suffix: str) -> None:
    first, *others = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]
    path = tmp_path / f"moving.{suffix}"
    first.save(path, save_all=True, append_images=others)
    assert corners(load_image(path)) == [RED] * 4


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff", "avif", "heic"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_truncated_file_is_refused_by_name(
    picture: Image.Image, tmp_path: Path, suffix: str, share: float
) -> None:
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(whole)
    load_image(whole)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(AttachmentError, match=r"^cut\.\w+ is damaged.*; please ") as error:
        load_image(cut)
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.4\n", b"<svg></svg>", b"%!PS-Adobe"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.png"
    path.write_bytes(content)
    for read in (load_image, image_size):
        with pytest.raises(AttachmentError, match=r"^letter\.png is .*please attach a JPEG"):
            read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AttachmentError, match=r"^gone\.png is not there any more"):
        load_image(tmp_path / "gone.png")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nearly nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [100_000, 30_000])
def test_a_decompression_bomb_is_refused(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    for read in (load_image, image_size):
        with pytest.raises(AttachmentError, match=r"^bomb\.png has .*100,000,000.*smaller copy"):
            read(path)


def test_the_limit_of_pixels_is_the_callers(picture: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    picture.save(path)
    assert load_image(path, max_pixels=2400).size == (60, 40)
    with pytest.raises(AttachmentError, match=r"60 x 40 pixels, and 2,399 is the most"):
        load_image(path, max_pixels=2399)


def test_the_size_is_read_without_the_pixels(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.write_bytes(png_header(3000, 2000))
    assert image_size(path) == (3000, 2000)
    with pytest.raises(AttachmentError):
        load_image(path)


def test_broken_exif_does_not_cost_the_picture(picture: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    picture.save(path, quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert corners(load_image(path)) == [RED, GREEN, WHITE, BLUE]
