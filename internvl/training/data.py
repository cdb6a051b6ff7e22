"""The data of a run: a mixture as one endless, repeatable stream of prepared samples.

Samples that can't be used are counted and named in a report and never stop a run.
"""

import array
import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import torch

from internvl.training.annotations import BadSample, read_annotation
from internvl.training.filters import Filters
from internvl.training.mixture import DataError, Entry, Report
from internvl.training.preparation import Example, Format, Sample, open_example


class Source(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a report calls this sample."""

    def load(self, index: int, rng: random.Random, frames: tuple[int, int]) -> Example:
        """Raises OSError or ValueError when it can't be used."""


class JsonLines:
    """The usable samples of an annotation file; only their places in the file are kept."""

    def __init__(self, entry: Entry, filters: Filters, report: Report) -> None:
        self._path, self._root = Path(entry.annotation), Path(entry.root)
        self._places = array.array("q")
        self._lines = array.array("q")
        try:
            with self._path.open("rb") as file:
                self._scan(file, entry.name, filters, report)
        except OSError as error:
            raise DataError(f"{entry.name}: {self._path} can't be read: {error}") from error

    def _scan(self, file: Any, entry: str, filters: Filters, report: Report) -> None:
        place = 0
        for number, line in enumerate(file, 1):
            if line.strip():
                report.count_read(entry)
                name = f"{self._path.name} line {number}"
                if _is_usable(line, entry, name, filters, report):
                    self._places.append(place)
                    self._lines.append(number)
            place += len(line)

    def __len__(self) -> int:
        return len(self._places)

    def name(self, index: int) -> str:
        """The file and line."""
        return f"{self._path.name} line {self._lines[index]}"

    def load(self, index: int, rng: random.Random, frames: tuple[int, int]) -> Example:
        """The sample with its files opened."""
        with self._path.open("rb") as file:
            file.seek(self._places[index])
            annotation = read_annotation(json.loads(file.readline()))
        return open_example(annotation, self._root, rng, frames)


def _is_usable(line: bytes, entry: str, name: str, filters: Filters, report: Report) -> bool:
    try:
        data = json.loads(line)
        annotation = read_annotation(data)
    except ValueError as error:
        reason = str(error) if isinstance(error, BadSample) else "no JSON in UTF-8"
        report.mark_bad(entry, name, reason)
        return False
    dropped = filters.reason_to_drop(data, annotation.answers)
    if dropped:
        report.drop(entry, name, dropped)
    return dropped is None


def open_source(entry: Entry, filters: Filters, report: Report) -> Source:
    """The samples of a data set. Raises DataError."""
    if entry.annotation:
        return JsonLines(entry, filters, report)
    from internvl.training.drawn import DrawnScenes
    from internvl.training.scenes import ASKED

    if unknown := set(entry.scenes) - {*ASKED}:
        raise DataError(
            f"{entry.name}: no scenes with questions are called {', '.join(sorted(unknown))}; "
            f"there are {', '.join(ASKED)}"
        )
    report.read[entry.name] = entry.samples
    return DrawnScenes(entry.scenes, entry.samples, entry.seed)


JUDGED_BY = 16  # samples


@dataclass(frozen=True)
class Unusable:
    """What takes the place of a sample that could not be prepared."""

    position: int
    entry: str
    name: str
    reason: str


class Corpus(torch.utils.data.Dataset[Sample | Unusable]):
    """All samples of a mixture, each epoch in another order.

    `corpus[position]` is the same sample in every run and process: the order and everything random
    about a sample come from the seed and its position. `size` is the samples of one epoch.
    `max_tiles` lowers the data sets' budgets; videos give no more frames than a sequence holds.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        form: Format,
        seed: str = "0",
        frames: tuple[int, int] = (8, 32),
        random_jpeg: bool = True,
        max_tiles: int | None = None,
    ) -> None:
        self.report = Report()
        self.entries, self.seed = entries, seed
        self._form, self._random_jpeg = form, random_jpeg
        self._frames = min(frames[0], form.room), min(frames[1], form.room)
        self._most = max_tiles
        self._sources = [open_source(entry, Filters(), self.report) for entry in entries]
        self._counts = [
            repeated(len(source), entry.repeat)
            for source, entry in zip(self._sources, entries, strict=True)
        ]
        self.size = sum(self._counts)
        if not self.size:
            problems = "; ".join(self.report.lines())
            raise DataError(f"no sample of the mixture can be used: {problems}")

    def __getitem__(self, position: int) -> Sample | Unusable:
        number, index = self._locate(position)
        entry, source = self.entries[number], self._sources[number]
        rng = random.Random(f"{self.seed} {position}")
        try:
            example = source.load(index, rng, self._frames)
            jpeg = entry.augment and self._random_jpeg
            budget = min(entry.max_tiles, self._most or entry.max_tiles)
            sample = self._form.prepare(example, rng, budget, jpeg)
        except (OSError, ValueError) as error:
            return Unusable(position, entry.name, source.name(index), str(error))
        return replace(sample, position=position)

    def estimate_sequences(self, total: int, packing: bool) -> float:
        """About how many sequences `total` samples make, judged by the first ones."""
        found = [self[position] for position in range(min(JUDGED_BY, total))]
        usable = [item for item in found if isinstance(item, Sample)]
        each = float(len(usable))
        if packing:
            tokens = sum(len(item.ids) for item in usable) / self._form.max_tokens
            each = max(tokens, sum(len(item.tiles) for item in usable) / self._form.max_tiles)
        return total * each / len(found)

    def write_report(self, path: Path, unusable: Sequence[Unusable]) -> list[str]:
        """What was read, dropped and bad, these unusable samples included, as JSON.

        Returns the lines on the unusable ones.
        """
        found = Report()
        for item in {(item.entry, item.name): item for item in unusable}.values():
            self.report.mark_bad(item.entry, item.name, item.reason)
            found.mark_bad(item.entry, item.name, item.reason)
        text = json.dumps(asdict(self.report), indent=2, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")
        return found.lines()

    def _locate(self, position: int) -> tuple[int, int]:
        """The number of the data set and of the sample in it."""
        epoch, place = divmod(position, self.size)
        index = int(_order(self.size, self.seed, epoch)[place])
        for number, count in enumerate(self._counts):
            if index < count:
                return number, index % len(self._sources[number])
            index -= count
        raise IndexError(position)


def repeated(samples: int, repeat: float) -> int:
    """How many samples a repeat factor makes of so many; at least one if there are any.

    >>> repeated(10, 0.25), repeated(10, 1), repeated(10, 2.5), repeated(3, 0.1)
    (3, 10, 25, 1)
    """
    return max(min(samples, 1), int(samples * repeat + 0.5))


@lru_cache(maxsize=2)
def _order(size: int, seed: str, epoch: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(random.Random(f"{seed} {epoch}").getrandbits(62))
    return torch.randperm(size, generator=generator)
