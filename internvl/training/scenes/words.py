"""Words to draw, in two halves that never meet: those to train on and those held out."""

import random
import string
import zlib
from functools import lru_cache
from pathlib import Path

Split = str
_CONSONANTS = "bcdfghjklmnprstvwz"
_VOWELS = "aeiou"


@lru_cache(maxsize=2)
def word_list(split: Split) -> tuple[str, ...]:
    """The English words of a split, "train" or "held-out"."""
    text = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8")
    return tuple(sorted({w for w in text.split() if is_in_split(w, split)}))


def is_in_split(content: str, split: Split) -> bool:
    """Whether this word, layout or pair belongs to the split: one in eight is held out.

    >>> [is_in_split("bread", split) for split in ("train", "held-out")]
    [True, False]
    """
    return (zlib.crc32(content.lower().encode()) % 8 == 5) == (split == "held-out")


def pick_word(rng: random.Random, split: Split) -> str:
    """A word: English mostly in the held-out split, half made up in training."""
    if rng.random() < (0.45 if split == "train" else 0.8):
        return rng.choice(word_list(split))
    while True:
        word = "".join(_syllable(rng) for _ in range(rng.randint(1, 3)))
        if is_in_split(word, split):
            return word


def pick_words(
    rng: random.Random, split: Split, count: int, longest: int | None = None
) -> list[str]:
    """Different words, cut to so many letters; what is left of them belongs to the split, too."""
    words: list[str] = []
    while len(words) < count:
        word = pick_word(rng, split)[:longest]
        if word not in words and is_in_split(word, split):
            words.append(word)
    return words


def pick_code(rng: random.Random) -> str:
    """Letters and digits without meaning, such as on a number plate."""
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    digits = "".join(rng.choices(string.digits, k=rng.randint(1, 4)))
    return letters + rng.choice(["", "-"]) + digits


def _syllable(rng: random.Random) -> str:
    start = rng.choice(_CONSONANTS) + rng.choice(["", "", "", "r", "l", "h"])
    return start + rng.choice(_VOWELS) + rng.choice(["", rng.choice(_CONSONANTS + "xyqk")])
