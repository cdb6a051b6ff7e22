"""A mixture: which data sets a run learns from, and how much of each.

A mixture file names data sets; paths are relative to it:

    {"photos": {"root": "pictures", "annotation": "photos.jsonl",
                "max_tiles": 12, "repeat": 0.5, "augment": true},
     "drawn": {"scenes": ["objects", "text"], "samples": 5000, "max_tiles": 6}}

`repeat` is the published repeat factor: 0.5 takes the first half, 2.5 everything twice and the
first half once more. The official names (max_dynamic_patch, repeat_time, data_augment) also work.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_OFFICIAL = {
    "max_dynamic_patch": "max_tiles",
    "repeat_time": "repeat",
    "data_augment": "augment",
}
_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "root": ("text", (str,)),
    "annotation": ("text", (str,)),
    "augment": ("true or false", (bool,)),
    "max_tiles": ("a whole number", (int,)),
    "samples": ("a whole number", (int,)),
    "seed": ("a whole number", (int,)),
    "repeat": ("a number", (int, float)),
    "scenes": ("a list of names", (list,)),
}


class DataError(ValueError):
    """A mixture or annotation file that can't be used; the message says what to change."""


@dataclass(frozen=True)
class Entry:
    """One data set of a mixture: an annotation file, or scenes drawn by this project."""

    name: str
    root: str = ""
    annotation: str = ""
    max_tiles: int = 12
    repeat: float = 1.0
    augment: bool = False
    scenes: Sequence[str] = ()
    samples: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.repeat <= 4:
            raise DataError(f"{self.name}: repeat must be over 0 and at most 4, not {self.repeat}")
        if self.max_tiles < 1:
            raise DataError(f"{self.name}: max_tiles must be at least 1, not {self.max_tiles}")
        if bool(self.annotation) == bool(self.scenes):
            raise DataError(f"{self.name}: give either an annotation file or scenes")
        if self.scenes and self.samples < 1:
            raise DataError(f"{self.name}: say how many `samples` of the scenes to draw")


def read_mixture(path: str | Path) -> list[Entry]:
    """The data sets of a mixture file. Raises DataError."""
    path = Path(path)
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"the mixture {path} can't be read: {error}") from error
    if not isinstance(data, dict) or not data:
        raise DataError(f"the mixture {path} names no data set")
    return [_read_entry(name, values, path.parent) for name, values in data.items()]


def _read_entry(name: str, values: Any, folder: Path) -> Entry:
    if not isinstance(values, dict):
        raise DataError(f'{name}: a data set is an object like {{"annotation": ...}}')
    values = {_OFFICIAL.get(key, key): value for key, value in values.items() if key != "length"}
    unknown = set(values) - {*_KINDS}
    if unknown:
        raise DataError(f"{name}: a data set has no {', '.join(sorted(unknown))}")
    for key, value in values.items():
        words, kinds = _KINDS[key]
        number = isinstance(value, bool) and bool not in kinds  # to Python true is one
        names = key != "scenes" or not isinstance(value, list) or all(map(_is_text, value))
        if number or not isinstance(value, kinds) or not names:
            raise DataError(f"{name}: {key} must be {words}, not {value!r}")
    for key in ("root", "annotation"):
        if key in values:
            values[key] = str(folder / values[key])
    return Entry(name, **values)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@dataclass
class Report:
    """What was read, dropped by the filters (and why) or bad (and why), by data set."""

    read: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    bad: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def count_read(self, entry: str) -> None:
        """One more sample was looked at."""
        self.read[entry] = self.read.get(entry, 0) + 1

    def drop(self, entry: str, name: str, reason: str) -> None:
        """A filter dropped this sample."""
        self.dropped.setdefault(entry, {}).setdefault(reason, []).append(name)

    def mark_bad(self, entry: str, name: str, reason: str) -> None:
        """This sample can't be used."""
        self.bad.setdefault(entry, {}).setdefault(reason, []).append(name)

    def lines(self) -> list[str]:
        """The report for people: one line per data set and reason, with the first names."""
        found = [f"{entry}: {count:,} samples" for entry, count in self.read.items()]
        for what, table in (("dropped", self.dropped), ("bad", self.bad)):
            for entry, reasons in table.items():
                for reason, names in reasons.items():
                    more = ", ..." if len(names) > 3 else ""
                    first = ", ".join(names[:3]) + more
                    found.append(f"{entry}: {len(names):,} {what}: {reason} ({first})")
        return found
