"""From files to pixels: pictures opened safely, pages of PDFs, tiles, frames of videos."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from internvl.preprocessing.image import AttachmentError as AttachmentError
    from internvl.preprocessing.image import image_size as image_size
    from internvl.preprocessing.image import load_image as load_image
    from internvl.preprocessing.pdf import Pages as Pages
    from internvl.preprocessing.pdf import draw_pages as draw_pages
    from internvl.preprocessing.pdf import is_pdf as is_pdf
    from internvl.preprocessing.pdf import parse_pages as parse_pages
    from internvl.preprocessing.tiles import Grid as Grid
    from internvl.preprocessing.tiles import choose_grid as choose_grid
    from internvl.preprocessing.tiles import compress as compress
    from internvl.preprocessing.tiles import normalise as normalise
    from internvl.preprocessing.tiles import split_into_tiles as split_into_tiles
    from internvl.preprocessing.tiles import tiles_to_tensor as tiles_to_tensor
    from internvl.preprocessing.video import Frame as Frame
    from internvl.preprocessing.video import VideoInfo as VideoInfo
    from internvl.preprocessing.video import frame_indices as frame_indices
    from internvl.preprocessing.video import sample_frames as sample_frames
    from internvl.preprocessing.video import video_info as video_info

_MODULES = {
    "image": ("AttachmentError", "image_size", "load_image"),
    "pdf": ("Pages", "draw_pages", "is_pdf", "parse_pages"),
    "tiles": (
        *("Grid", "choose_grid", "compress", "normalise"),
        *("split_into_tiles", "tiles_to_tensor"),
    ),
    "video": ("Frame", "VideoInfo", "frame_indices", "sample_frames", "video_info"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [name for names in _MODULES.values() for name in names]
