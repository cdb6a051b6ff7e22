"""The grid, the tiles and the tensor, against the official implementation's output."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops, ImageStat

from internvl.preprocessing import (
    Grid,
    choose_grid,
    compress,
    load_image,
    normalise,
    split_into_tiles,
    tiles_to_tensor,
)

GOLDEN = Path("tests/data/golden")
TILING = json.loads((GOLDEN / "tiling.json").read_text())
PIXELS = json.loads((GOLDEN / "pixels.json").read_text())


def test_grids_equal_the_official_ones() -> None:
    for case in TILING:
        grid = choose_grid(case["width"], case["height"], case["max_tiles"])
        assert (list(grid), grid.tiles) == (case["grid"], case["tiles"]), case


@pytest.mark.parametrize("case", PIXELS, ids=lambda c: f"{c['image']}-{c['max_tiles']}")
def test_pixels_equal_the_official_ones(case: dict) -> None:
    tiles = split_into_tiles(load_image(GOLDEN / "images" / case["image"]), case["max_tiles"])
    assert [hashlib.sha256(tile.tobytes()).hexdigest() for tile in tiles] == case["tile_sha256"]
    tensor = tiles_to_tensor(tiles)
    assert tensor.dtype == torch.float32 and tensor.is_contiguous()
    assert list(tensor.shape) == case["pixel_values_shape"]
    means = tensor.double().mean((0, 2, 3)).tolist()
    assert means == pytest.approx(case["pixel_values_mean"], abs=2e-6)
    for place, value in case["pixel_values_sample"].items():
        assert tensor[tuple(map(int, place.split(",")))].item() == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("size", "max_tiles", "grid"),
    [
        ((448, 448), 12, Grid(1, 1)),
        ((512, 512), 12, Grid(1, 1)),
        ((640, 480), 12, Grid(4, 3)),
        ((1920, 1080), 12, Grid(4, 2)),
        ((2480, 3508), 12, Grid(2, 3)),
        ((2480, 3508), 24, Grid(4, 6)),
        ((10_000, 1), 6, Grid(6, 1)),
        ((1, 1), 1, Grid(1, 1)),
    ],
)
def test_sizes_that_surprise(size: tuple[int, int], max_tiles: int, grid: Grid) -> None:
    assert choose_grid(*size, max_tiles) == grid


def test_a_tie_goes_by_the_size_of_the_picture() -> None:
    assert choose_grid(400, 400, 4) == Grid(1, 1)
    assert choose_grid(900, 900, 4) == Grid(2, 2)
    assert choose_grid(900, 900, 4, tile_size=1000) == Grid(1, 1)


@pytest.mark.parametrize("numbers", [(0, 5, 1), (5, 0, 1), (5, 5, 0), (-3, 5, 1)])
def test_numbers_below_one_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        choose_grid(*numbers)


def test_tiles_lie_row_by_row_with_the_thumbnail_last() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250), (9, 9, 9)]
    image = Image.new("RGB", (3 * 448, 2 * 448))
    for place, colour in enumerate(colours):
        left, top = place % 3 * 448, place // 3 * 448
        image.paste(colour, (left, top, left + 448, top + 448))
    *tiles, thumbnail = split_into_tiles(image, 6)
    assert [tile.getpixel((224, 224)) for tile in tiles] == colours
    assert thumbnail.size == (448, 448)
    assert [thumbnail.getpixel((x, y)) for y in (100, 340) for x in (70, 220, 380)] == colours


def test_one_tile_has_no_thumbnail_and_other_modes_become_rgb() -> None:
    (tile,) = split_into_tiles(Image.new("L", (30, 20), 7), 1, tile_size=28)
    assert (tile.mode, tile.size, tile.getpixel((3, 3))) == ("RGB", (28, 28), (7, 7, 7))


def test_normalised_pixels_are_those_of_the_tiles() -> None:
    tiles = split_into_tiles(load_image(GOLDEN / "images" / "photo_502x343.png"), 2)
    pixels = torch.stack(
        [torch.frombuffer(bytearray(t.tobytes()), dtype=torch.uint8) for t in tiles]
    )
    pixels = pixels.view(len(tiles), 448, 448, 3).permute(0, 3, 1, 2).contiguous()
    before = pixels.clone()
    assert torch.equal(normalise(pixels), tiles_to_tensor(tiles))
    assert torch.equal(pixels, before)


def test_compression_loses_more_at_a_lower_quality() -> None:
    image = load_image(GOLDEN / "images" / "photo_502x343.png")
    (tile,) = split_into_tiles(image, 1)

    def loss(quality: int) -> float:
        copy = compress(tile, quality)
        assert (copy.mode, copy.size) == ("RGB", tile.size)
        return ImageStat.Stat(ImageChops.difference(tile, copy)).mean[0]

    assert 0 < loss(100) < loss(75) < loss(10)


def test_a_grid_needs_no_torch() -> None:
    program = (
        "import sys, internvl.preprocessing as p; p.choose_grid(9, 9, 2); p.load_image; "
        "p.frame_indices; print({'torch', 'av', 'decord', 'cv2', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_looked_up_pixels_are_the_computed_ones(dtype: torch.dtype) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    pixels.reshape(-1, 3)[:256] = np.arange(256)[:, None]
    computed = normalise(torch.from_numpy(pixels).permute(0, 3, 1, 2)).to(dtype)
    found = tiles_to_tensor([Image.fromarray(tile) for tile in pixels], dtype)
    assert found.dtype == dtype
    assert torch.equal(found, computed)
