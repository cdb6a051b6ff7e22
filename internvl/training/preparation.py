"""A sample as the network learns it: token ids, which of them are learned, tiles.

Everything random (compression, frames) comes from the generator that is passed in, so a sample is
the same whenever it is prepared again.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from internvl.model import encode
from internvl.preprocessing import compress, load_image, sample_frames, split_into_tiles
from internvl.training.annotations import Annotation, BadSample, segments

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXT = 512  # tokens of question and answer that a sequence leaves room for beside its tiles
JPEG_QUALITY = (75, 100)
JPEG_SHARE = 0.4  # of the pictures that the nano model's own runs draw


@dataclass(frozen=True)
class Example:
    """An annotation with its pictures opened: one list per attachment, a picture or the frames."""

    annotation: Annotation
    pictures: list[list[Image.Image]]


@dataclass(frozen=True)
class Sample:
    """One prepared sample.

    `ids` (tokens,) and `learned` (tokens,) belong together; `tiles` (tiles, height, width, 3) is
    uint8. `position` is its place in the stream of all samples.
    """

    ids: npt.NDArray[np.int64]
    learned: npt.NDArray[np.bool_]
    tiles: npt.NDArray[np.uint8] = field(repr=False)
    position: int = 0

    @property
    def supervised(self) -> int:
        """The number of tokens that count in the loss."""
        return int(self.learned[1:].sum())


@dataclass(frozen=True)
class Format:
    """How samples of one model are prepared; the limits are those of a sequence."""

    tokenizer: "PreTrainedTokenizerBase"
    tile_size: int = 448
    tokens_per_tile: int = 256
    max_tokens: int = 16384
    max_tiles: int = 48

    @property
    def room(self) -> int:
        """How many tiles fit into a sequence with `TEXT` tokens beside them."""
        return max(1, min(self.max_tiles, (self.max_tokens - TEXT) // self.tokens_per_tile))

    def prepare(self, example: Example, rng: random.Random, budget: int, jpeg: bool) -> Sample:
        """The sample with `budget` tiles shared by its pictures; a frame is one tile.

        A budget that a sequence has no room for is lowered, so that tiles and thumbnails fit.
        With `jpeg` each tile of a picture (not of a video) is compressed at a random quality of 75
        to 100 (arXiv 2412.05271, section 3.4).
        Raises BadSample when it is over the limits or there is nothing to learn.
        """
        cut = [self._cut(example, index, budget) for index in range(len(example.pictures))]
        ids, learned = self._encode(example, [[len(p) for p in pictures] for pictures in cut])
        tiles = [
            compress(tile, rng.randint(*JPEG_QUALITY))
            if jpeg and attachment.kind == "image"
            else tile
            for attachment, pictures in zip(example.annotation.attachments, cut, strict=True)
            for picture in pictures
            for tile in picture
        ]
        pixels = np.empty((len(tiles), self.tile_size, self.tile_size, 3), np.uint8)
        for index, tile in enumerate(tiles):
            pixels[index] = np.asarray(tile)
        return Sample(np.array(ids, np.int64), np.array(learned, np.bool_), pixels)

    def _cut(self, example: Example, index: int, budget: int) -> list[list[Image.Image]]:
        """The tiles of each picture or frame of one attachment."""
        attachments = example.annotation.attachments
        budget = min(budget, self.room - len(attachments))
        share = max(1, budget // len(attachments)) if attachments[index].kind == "image" else 1
        return [split_into_tiles(p, share, self.tile_size) for p in example.pictures[index]]

    def _encode(self, example: Example, counts: list[list[int]]) -> tuple[list[int], list[bool]]:
        tiles = sum(map(sum, counts))
        if tiles > self.max_tiles:
            raise BadSample(f"{tiles} tiles, and a sequence holds {self.max_tiles}")
        parts = segments(example.annotation, counts, self.tokens_per_tile)
        ids, learned = encode(self.tokenizer, parts)
        if len(ids) > self.max_tokens:
            raise BadSample(f"{len(ids)} tokens, and a sequence holds {self.max_tokens}")
        if not any(learned[1:]):
            raise BadSample("no answer to learn")
        return ids, learned


def open_example(
    annotation: Annotation, root: Path, rng: random.Random, frames: tuple[int, int]
) -> Example:
    """The annotation with its files under `root` opened; a video gives a random number of frames.

    Raises OSError for missing files and ValueError for damaged ones.
    """
    pictures: list[list[Image.Image]] = []
    for attachment in annotation.attachments:
        path = root / attachment.path
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist")
        if attachment.kind == "image":
            pictures.append([load_image(path)])
        else:
            pictures.append([f.picture for f in sample_frames(path, rng.randint(*frames))])
    return Example(annotation, pictures)
