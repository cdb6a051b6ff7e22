"""How an answer is scored: exact match, boxes by overlap, text by edit distance too."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

BOX = re.compile(r"(?:<box>)?\[\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]\]")


@dataclass(frozen=True)
class Tally:
    """Accuracy over `n` questions with a 95 % interval; `anls` where text was to be read."""

    accuracy: float
    n: int
    low: float
    high: float
    anls: float


def is_right(task: str, answer: str, wanted: str) -> bool:
    """Is the answer right? Case, blanks and the last punctuation don't count.

    A box is right when it overlaps the wanted one by more than half (intersection over union).

    >>> is_right("objects/colour", "red.", "Red")
    True
    """
    if task.startswith("boxes"):
        return overlap(answer, wanted) > 0.5
    return normalise_answer(answer) == normalise_answer(wanted)


def normalise_answer(text: str) -> str:
    """Lower case, single blanks, no full stop at the end."""
    return " ".join(text.lower().split()).rstrip(".!")


def read_box(text: str) -> list[int] | None:
    """The first box of an answer: left, top, right, bottom, 0 to 1000.

    >>> read_box("<box>[[1, 2, 3, 4]]</box>")
    [1, 2, 3, 4]
    """
    match = BOX.search(text)
    return [int(side) for side in match.groups()] if match else None


def overlap(answer: str, wanted: str) -> float:
    """Intersection over union of the first boxes of two answers; 0 without a box."""
    first, second = read_box(answer), read_box(wanted)
    if first is None or second is None:
        return 0.0
    shared = _area([*map(max, first[:2], second[:2]), *map(min, first[2:], second[2:])])
    return shared / max(1, _area(first) + _area(second) - shared)


def _area(box: Sequence[int]) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def similarity(answer: str, wanted: str) -> float:
    """ANLS of one answer: 1 - edit distance / length, 0 when half or more is wrong.

    >>> similarity("bread", "breed")
    0.8
    """
    first, second = normalise_answer(answer), normalise_answer(wanted)
    longest = max(len(first), len(second))
    distance = edit_distance(first, second) / longest if longest else 0.0
    return 1 - distance if distance < 0.5 else 0.0


def edit_distance(first: str, second: str) -> int:
    """The least number of letters to insert, remove or replace.

    >>> edit_distance("sun", "stun")
    1
    """
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def tally(results: Sequence[tuple[bool, float]]) -> Tally:
    """What the results (right, similarity) amount to, with Wilson's 95 % interval."""
    n = len(results)
    share = sum(right for right, _ in results) / n
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    anls = sum(value for _, value in results) / n
    return Tally(share, n, max(0.0, middle - spread), min(1.0, middle + spread), anls)
