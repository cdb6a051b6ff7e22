"""Dynamic resolution: a picture becomes a grid of square tiles and a thumbnail.

Follows OpenGVLab/InternVL internvl_chat/internvl/train/dataset.py:813-866 bit for bit.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

TILE_SIZE = 448
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_BITS = {2: "int16", 4: "int32"}  # by bytes: numpy and OpenCV know no bfloat16


class Grid(NamedTuple):
    """How many tiles a picture is wide and high.

    >>> Grid(3, 2).tiles
    7
    """

    columns: int
    rows: int

    @property
    def tiles(self) -> int:
        """The tiles the model gets: a picture of more than one has a thumbnail as well."""
        pieces = self.columns * self.rows
        return pieces + 1 if pieces > 1 else 1


def choose_grid(width: int, height: int, max_tiles: int, tile_size: int = TILE_SIZE) -> Grid:
    """The grid of at most `max_tiles` tiles (thumbnail not counted) nearest in aspect ratio.

    Between grids equally near, the larger one if the picture has over half of its pixels. Raises
    ValueError unless all numbers are positive.

    >>> choose_grid(1920, 1080, 12)
    Grid(columns=4, rows=2)
    """
    if min(width, height, max_tiles, tile_size) < 1:
        raise ValueError(
            f"width, height, max_tiles and tile_size must be 1 or more, not "
            f"{width}, {height}, {max_tiles}, {tile_size}"
        )
    ratio = width / height
    nearest, best = float("inf"), Grid(1, 1)
    for grid in _grids(max_tiles):
        distance = abs(ratio - grid.columns / grid.rows)
        area = tile_size * tile_size * grid.columns * grid.rows
        if distance < nearest or (distance == nearest and width * height > 0.5 * area):
            nearest, best = distance, grid
    return best


def split_into_tiles(
    image: Image.Image, max_tiles: int, tile_size: int = TILE_SIZE
) -> list[Image.Image]:
    """The picture's tiles row by row, each tile_size x tile_size; last the thumbnail if several."""
    image = image.convert("RGB")
    columns, rows = choose_grid(*image.size, max_tiles, tile_size)
    if columns * rows == 1:
        return [_resized(image, tile_size, tile_size)]
    with ThreadPoolExecutor(1) as beside:  # Pillow lets go of the interpreter while it resizes
        thumbnail = beside.submit(_resized, image, tile_size, tile_size)
        enlarged = _resized(image, columns * tile_size, rows * tile_size)
    tiles = [
        enlarged.crop((left, top, left + tile_size, top + tile_size))
        for top in range(0, rows * tile_size, tile_size)
        for left in range(0, columns * tile_size, tile_size)
    ]
    return [*tiles, thumbnail.result()]


def tiles_to_tensor(
    tiles: Sequence[Image.Image], dtype: "torch.dtype | None" = None
) -> "torch.Tensor":
    """The tiles as `normalise` gives them, cast to `dtype` (float32): (tiles, 3, height, width).

    A channel has only 256 values, so each is looked up: one pass, straight to the dtype.
    """
    import cv2
    import numpy as np
    import torch

    dtype = dtype or torch.float32
    width, height = tiles[0].size
    tensor = torch.empty((len(tiles), 3, height, width), dtype=dtype)
    planes = tensor.view(getattr(torch, _BITS[dtype.itemsize])).numpy()
    for place, tile in zip(planes, tiles, strict=True):
        for channel, values in enumerate(_lookup(dtype)):
            cv2.LUT(cv2.extractChannel(np.asarray(tile), channel), values, dst=place[channel])
    return tensor


def normalise(pixels: "torch.Tensor") -> "torch.Tensor":
    """uint8 pixels (tiles, 3, height, width) as the vision tower takes them, on their device.

    Float32 by ImageNet's mean and deviation, bit for bit as `tiles_to_tensor` gives them.
    """
    import torch

    tensor = pixels.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    mean, std = (torch.tensor(v, device=pixels.device).view(3, 1, 1) for v in (_MEAN, _STD))
    return tensor.div_(255).sub_(mean).div_(std)


def compress(tile: Image.Image, quality: int) -> Image.Image:
    """The tile as it comes back from a JPEG file of this quality, 1 to 100 (mode RGB)."""
    content = io.BytesIO()
    tile.convert("RGB").save(content, "JPEG", quality=quality)
    return Image.open(content).convert("RGB")


@cache
def _lookup(dtype: "torch.dtype") -> "NDArray[Any]":
    """The bits of what each of 256 values becomes, by channel (3, 256)."""
    import torch

    values = torch.arange(256, dtype=torch.uint8).view(1, 1, 1, 256).expand(1, 3, 1, 256)
    known = normalise(values)[0, :, 0].to(dtype)
    return known.view(getattr(torch, _BITS[dtype.itemsize])).numpy()


@cache
def _grids(max_tiles: int) -> list[Grid]:
    """All grids of 1 to `max_tiles` tiles, the small ones first."""
    grids = [
        Grid(columns, rows)
        for columns in range(1, max_tiles + 1)
        for rows in range(1, max_tiles // columns + 1)
    ]
    return sorted(grids, key=lambda grid: grid.columns * grid.rows)


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BICUBIC)
