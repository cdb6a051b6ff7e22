"""What a run writes down: a CSV log, a progress bar, and a plot of the losses at the end."""

import csv
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Entry:
    """One optimizer step. `progress` is the share of the stage; counts are of this step.

    `padding` is the share of places in sequences that held no token, `unpacked_padding` what it
    would be with one sample per row, padded to the longest of the sequence.
    """

    step: int
    progress: float
    loss: float
    learning_rate: float
    gradient_norm: float
    samples: int
    sequences: int
    tokens: int
    padding: float
    unpacked_padding: float
    seconds: float

    @property
    def places(self) -> float:
        """Places in sequences, padding included."""
        return self.tokens / (1 - self.padding) if self.padding < 1 else 0.0


COLUMNS = [item.name for item in fields(Entry)]
_KINDS: dict[str, Any] = {item.name: item.type for item in fields(Entry)}


def read_log(path: Path) -> list[Entry]:
    """The entries of a log; a last line cut off by a kill is left out."""
    if not path.is_file():
        return []
    *whole, _ = path.read_text("utf-8").split("\n")
    rows = csv.DictReader(whole)
    return [Entry(**{name: _KINDS[name](text) for name, text in row.items()}) for row in rows]


class Log:
    """Appends entries to a CSV file and moves a progress bar; entries after `step` are forgotten.

    Only rank 0 has one.
    """

    def __init__(self, path: Path, step: int, name: str, total: int) -> None:
        kept = [entry for entry in read_log(path) if entry.step <= step]
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(asdict(entry) for entry in kept)
        partial.replace(path)
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, COLUMNS)
        done = round(kept[-1].progress * total) if kept else 0
        often = 0.5 if sys.stderr.isatty() else 15
        self._bar = tqdm(
            desc=name,
            total=total,
            initial=done,
            unit=" samples",
            bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} "
            "[{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]",
            mininterval=often,
        )
        self._began, self._tokens = time.monotonic(), 0

    def add(self, entry: Entry, done: int) -> None:
        """One more step; `done` samples of the stage are behind."""
        self._writer.writerow(asdict(entry))
        self._file.flush()
        self._tokens += entry.tokens
        rate = self._tokens / (time.monotonic() - self._began)
        self._bar.set_postfix_str(
            f"loss {entry.loss:.3f}, lr {entry.learning_rate:.1e}, {rate:,.0f} tokens/s, "
            f"padding {entry.padding:.0%}",
            refresh=False,
        )
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()
        self._file.close()


def packing_summary(entries: Sequence[Entry]) -> str:
    """What packing saved, in a sentence."""
    if not entries:
        return "No step was taken."
    samples, sequences = (sum(getattr(e, n) for e in entries) for n in ("samples", "sequences"))
    tokens = sum(entry.tokens for entry in entries)
    places = sum(entry.places for entry in entries)
    apart = sum(e.tokens / (1 - e.unpacked_padding) for e in entries if e.unpacked_padding < 1)
    share, before = (1 - tokens / p if p else 0.0 for p in (places, apart))
    return (
        f"{samples:,} samples in {sequences:,} sequences of {tokens:,} tokens: {share:.1%} of the "
        f"places are padding; one sample per row would have padded {before:.1%}."
    )


def plot_losses(logs: Iterable[tuple[str, Path]], picture: Path) -> None:
    """Draw the losses of stages (name and log file) one after another into a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5))
    offset = 0
    for name, path in logs:
        entries = read_log(path)
        losses = [entry.loss for entry in entries]
        steps = [offset + entry.step for entry in entries]
        (line,) = axes.plot(steps, losses, alpha=0.3)
        axes.plot(steps, smooth(losses), color=line.get_color(), label=f"stage {name}")
        offset += len(entries)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture, dpi=120)
    pyplot.close(figure)


def smooth(values: Sequence[float], keep: float = 0.9) -> list[float]:
    """Running means that forget slowly; the first values count as much as there are of them.

    >>> smooth([4.0, 4.0, 4.0])
    [4.0, 4.0, 4.0]
    """
    means: list[float] = []
    mean = weight = 0.0
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        means.append(mean / weight)
    return means
