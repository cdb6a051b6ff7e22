"""A figure: what each flow took, round by round, and how that compares with what is aimed at."""

import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
"""Where what was measured is kept."""


@dataclass
class Figure:
    """A number per round for each flow, and the ratio that is aimed at.

    The ratio is ours / the one `against`; `wanted` is its upper bound, or its lower one with
    `higher`.
    """

    name: str
    unit: str = "s"
    wanted: float | None = None
    higher: bool = False
    against: str = "official"
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, flow: str, value: float) -> None:
        """One round's number."""
        self.values.setdefault(flow, []).append(value)

    def ratios(self) -> list[float]:
        """Ours over the other's, round by round; nothing without another."""
        own, other = self.values.get("ours", []), self.values.get(self.against, [])
        return [mine / its for mine, its in zip(own, other, strict=False)]

    def row(self) -> str:
        """A line of the table."""
        own = statistics.median(self.values["ours"])
        cells = [self.name, f"{own:.3g} {self.unit}", "", "", "", ""]
        if ratios := self.ratios():
            middle = statistics.median(ratios)
            other = statistics.median(self.values[self.against])
            cells[2] = f"{other:.3g} {self.unit} {self.against}"
            cells[3] = f"{middle:.3g} ({min(ratios):.3g}-{max(ratios):.3g})"
            if self.wanted is not None:
                reached = middle >= self.wanted if self.higher else middle <= self.wanted
                cells[4] = f"{'≥' if self.higher else '≤'} {self.wanted:.3g}"
                cells[5] = "reached" if reached else "**missed**"
        return f"| {' | '.join(cells)} |"

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {**asdict(self), "ratios": self.ratios()}


def table(figures: list[Figure]) -> str:
    """Markdown: medians of ours and the other, and the ratio with its spread over the rounds."""
    head = ["| figure | ours | the other | ratio (spread) | aim | |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(figure.row() for figure in figures)])
