"""Opens any uploaded picture as plain RGB, or says in words why it can't.

The official code opens pictures without their EXIF rotation and drops transparency; here the model
sees what a person sees: upright, and transparent parts white.
"""

import contextlib
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 100_000_000
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMATS = (
    *("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "HEIF"),
    *("JPEG2000", "ICO", "PPM", "TGA"),
)
# What Pillow and its plugins raise on files that are not what they claim to be.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError),
    *(RuntimeError, struct.error),
)


class AttachmentError(ValueError):
    """A picture or video that can't be read or is over a limit; the message names the file.

    `kind` names the reason and `facts` are what the message holds, for a page in another language.
    """

    def __init__(self, message: str, kind: str = "", **facts: str | float) -> None:
        super().__init__(message)
        self.kind = kind
        self.facts = facts


def load_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in mode RGB, upright (EXIF) and flattened on white; the first of an animation.

    Raises AttachmentError when the file is no picture, is damaged or has over `max_pixels`.
    """
    with _opened(path, max_pixels) as image:
        orientation = _orientation(image, path)  # loading can change what Pillow says of it
        image.load()
        upright = image.transpose(_TURNS[orientation]) if orientation > 1 else image
        return _flattened(_in_8_bits(upright))


def image_size(path: str | Path, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """(width, height) as `load_image` would give it, without decoding a pixel.

    Raises AttachmentError when the file is no picture or has over `max_pixels`.
    """
    with _opened(path, max_pixels) as image:
        width, height = image.size
        return (height, width) if _orientation(image, path) >= 5 else (width, height)


@contextlib.contextmanager
def _opened(path: str | Path, max_pixels: int) -> Iterator[Image.Image]:
    """The opened picture; whatever breaks while it is read becomes an AttachmentError."""
    _register_heif()
    name = Path(path).name
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise AttachmentError(
                    f"{name} has {width:,} x {height:,} pixels, and {max_pixels:,} is the most; "
                    "please attach a smaller copy.",
                    "pixels",
                    name=name,
                    pixels=width * height,
                    most=max_pixels,
                )
            yield image
    except AttachmentError:
        raise
    except FileNotFoundError as error:
        raise AttachmentError(
            f"{name} is not there any more; please attach it again.", "missing", name=name
        ) from error
    except Image.DecompressionBombError as error:
        raise AttachmentError(
            f"{name} has more than {max_pixels:,} pixels; please attach a smaller copy.",
            "bomb",
            name=name,
            most=max_pixels,
        ) from error
    except UnidentifiedImageError as error:
        raise AttachmentError(
            f"{name} is damaged or no picture of a known kind; "
            "please attach a JPEG, PNG, WebP or HEIC file.",
            "picture",
            name=name,
        ) from error
    except _BROKEN as error:
        reason = " ".join(str(error).split())
        raise AttachmentError(
            f"{name} is damaged ({reason}); please save it again as PNG or JPEG and attach that.",
            "damaged",
            name=name,
            reason=reason,
        ) from error


@cache
def _register_heif() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()


def _orientation(image: Image.Image, path: str | Path) -> int:
    """The EXIF orientation, 1 to 8; 1 when there is none, or Pillow turns the picture itself."""
    if image.format == "TIFF":
        return 1
    with contextlib.suppress(*_BROKEN):
        orientation = int(_exif(image, path).get(_ORIENTATION, 1))
        return orientation if orientation in _TURNS else 1
    return 1


def _exif(image: Image.Image, path: str | Path) -> Image.Exif:
    # Of a PNG without EXIF before its pixels `getexif` would decode them all to look behind them.
    if image.format != "PNG" or {"exif", "Raw profile type exif"} & image.info.keys():
        return image.getexif()
    exif = Image.Exif()
    exif.load(_chunk(path, b"eXIf"))
    return exif


def _chunk(path: str | Path, wanted: bytes) -> bytes:
    """The content of a PNG's first chunk of a kind, before or behind the pixels; b"" if none."""
    with Path(path).open("rb") as file:
        file.seek(8)
        while len(start := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", start)
            if kind == wanted:
                return file.read(length)
            file.seek(length + 4, 1)  # and its checksum
    return b""


def _in_8_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits a pixel as mode L; Pillow's own conversion would clip it."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    import numpy as np

    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    lowest = min(0.0, values.min())
    scales = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
    span = next((scale for scale in scales if values.max() <= scale), values.max()) - lowest
    return Image.fromarray(np.rint((values - lowest) * (255 / span)).astype(np.uint8))


def _flattened(image: Image.Image) -> Image.Image:
    """The picture in mode RGB, transparent parts white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")
