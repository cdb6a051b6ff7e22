"""Which samples are unfit to learn from (arXiv 2412.05271, section 4.3).

Language models copy what repeats itself: a few thousand samples with endless lines are enough to
make a model that never stops. The thresholds below drop those and keep ordinary lists and tables.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True)
class Filters:
    """Thresholds. `ngram_share` is the share of an answer's word n-grams that occurred before.

    `quality` is the least value of a sample's own `score` (0-10), where it has one: the place for
    ratings by a language model, which the paper cuts at 7.
    """

    ngram: int = 10
    ngram_share: float = 0.4
    max_characters: int = 40_000
    max_zeros: int = 32
    min_lines: int = 8
    duplicate_lines: float = 0.5
    quality: float = 7.0

    def reason_to_drop(self, data: Mapping[str, Any], answers: Iterable[str]) -> str | None:
        """Why a sample (official JSON form) with these answers is dropped; None to keep it."""
        score = data.get("score")
        if isinstance(score, int | float) and score < self.quality:
            return "low quality score"
        for answer in answers:
            if len(answer) > self.max_characters:
                return "abnormal length"
            if longest_zeros(answer) > self.max_zeros:
                return "long run of zeros"
            if duplicate_share(answer, self.min_lines) > self.duplicate_lines:
                return "duplicate lines"
            if repetition_share(answer, self.ngram) > self.ngram_share:
                return "repetition"
        return None


def repetition_share(text: str, ngram: int = 10) -> float:
    """The share of word n-grams (characters in Chinese and Japanese) that occurred before.

    >>> repetition_share("na " * 40) > 0.9
    True
    >>> repetition_share("one two three")
    0.0
    """
    words = _WORDS.findall(text)
    grams = [tuple(words[i : i + ngram]) for i in range(len(words) - ngram + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def duplicate_share(text: str, min_lines: int = 8) -> float:
    """The share of lines that occurred before; 0 for texts of fewer than `min_lines` lines.

    >>> duplicate_share("same\\n" * 10)
    0.9
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return 1 - len(set(lines)) / len(lines) if len(lines) >= min_lines else 0.0


def longest_zeros(text: str) -> int:
    """The most zeros in a row; spaces, commas and points between them don't count.

    >>> longest_zeros("1000, 0.000, 7")
    7
    """
    runs = re.findall(r"0(?:[\s,.]{0,2}0)*", text)
    return max((run.count("0") for run in runs), default=0)
