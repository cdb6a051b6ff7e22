"""Where a conversation speaks of things in its pictures, and what to look at for each."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, cycle
from typing import Any, NamedTuple

from internvl.training.places import Bearer, Look, Place, Spoken, locate
from internvl.training.scenes.canvas import COLOURS, SHAPES
from internvl.training.scores import BOX

LEADING = 2  # tokens before an answer where its place is asked for


def find_places(
    ids: Sequence[int], learned: Sequence[bool], tokenizer: Any, names: dict[str, list[Bearer]]
) -> list[Spoken]:
    """The tokens that speak of something in a place that is known.

    They are those of every box that is learned, the last one of every name, and `LEADING` before
    every learned answer: there it is the place of the first thing the answer names, or else of the
    only one that was asked about (of what a label stands for). Before every learned token of a line
    that is read it is the place of the letter that comes next, before the name of a thing that of
    the thing. A name that several share means them all, in the order of a caption, where a question
    or an answer says it as often as there are bearers, and else nothing.
    """
    text = _Text(ids, tokenizer, names)
    found: dict[int, Spoken] = {}
    asked = 0
    for first in range(1, len(ids)):
        if learned[first] and not learned[first - 1]:
            end = next((n for n in range(first, len(ids)) if not learned[n]), len(ids))
            found |= text.follow(asked, first, end)
            asked = end
    for first, last, place in text.boxes():
        if learned[first]:
            found |= {n: Spoken(n, place, (place,) * 3) for n in range(first, last + 1)}
    return list(found.values())


class _Mention(NamedTuple):
    """A name in a text: how it is said, its first character, its first and last token."""

    said: str
    begin: int
    first: int
    last: int


class _Text:
    """What the tokens of a conversation say."""

    def __init__(self, ids: Sequence[int], tokenizer: Any, names: dict[str, list[Bearer]]) -> None:
        self._pieces = [_piece(tokenizer, token) for token in ids]
        self._text = "".join(self._pieces)
        self._starts = [0, *accumulate(map(len, self._pieces))]
        self._names = names
        self._mentions = [
            _Mention(said, begin, self._over(begin), self._over(end - 1))
            for begin, end, said in _find_names(self._text, names)
        ]

    def boxes(self) -> Iterator[tuple[int, int, Place]]:
        """First and last token of every box, and its place. They are asked of one picture only."""
        for match in BOX.finditer(self._text):
            left, top, right, bottom = (int(side) / 1000 for side in match.groups())
            place = locate((1, 1), 0.0, (left, top, right, bottom))
            yield self._over(match.start()), self._over(match.end() - 1), place

    def follow(self, asked: int, first: int, end: int) -> dict[int, Spoken]:
        """What the tokens before and in an answer speak of; the question starts at `asked`.

        Where something else is asked about than the answer names, what is known of it stands at its
        name and has to be passed on.
        """
        before, inside = self._speak_of(asked, first), self._speak_of(first, end)
        about = {mention.said for mention, _ in before}
        found = {}

        def speak(token: int, place: Place, said: str = "", start: Place | None = None) -> None:
            looks: tuple[Look, Look, Look] = (start or place, place, place)
            if before and said not in about:
                looks = (None, before[-1][0].last, place)
            found[token] = Spoken(token, place, looks)

        for mention, bearer in inside:
            for token, place in self._read(mention, bearer):
                speak(token - 1, place, mention.said)
        for token in range(first - LEADING, first):
            if inside:
                mention, bearer = inside[0]
                speak(token, bearer.place, mention.said, None if before else bearer.thing)
            elif len(about) == 1 and not self._is_read(first, end):
                bearer = before[-1][1]
                speak(token, bearer.sign or bearer.thing or bearer.place)
        for mention, bearer in (*before, *inside):
            found[mention.last] = Spoken(mention.last, bearer.place, (bearer.place,) * 3)
        return found

    def _speak_of(self, first: int, end: int) -> list[tuple[_Mention, Bearer]]:
        """The names that begin in these tokens and whose bearers are known."""
        within = [m for m in self._mentions if first <= m.first < end]
        often = Counter(m.said for m in within)
        meant = {
            said: cycle(self._names[said])
            for said, count in often.items()
            if len(self._names[said]) in (1, count)
        }
        return [(m, next(meant[m.said])) for m in within if m.said in meant]

    def _is_read(self, first: int, end: int) -> bool:
        """Whether these tokens say a number, or a name whose bearer may not be known."""
        digits = any(
            character.isdigit() for n in range(first, end) for character in self._pieces[n]
        )
        return digits or any(first <= mention.first < end for mention in self._mentions)

    def _read(self, mention: _Mention, bearer: Bearer) -> Iterator[tuple[int, Place]]:
        """The first token of a thing's name, or all of a line's; and the place of what it says."""
        letters = bearer.letters
        if not letters:
            yield mention.first, bearer.place
            return
        for token in range(mention.first, mention.last + 1):
            piece = self._pieces[token]
            letter = self._starts[token] + len(piece) - len(piece.lstrip()) - mention.begin
            if letter < len(letters):
                yield token, letters[max(0, letter)]

    def _over(self, character: int) -> int:
        """The token with this character."""
        return bisect_right(self._starts, character) - 1


def _find_names(text: str, names: dict[str, list[Bearer]]) -> list[tuple[int, int, str]]:
    """Start, end and name of every name in a text: "circle", but not that of a "red circle"."""
    if not names:
        return []
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
    found = [(m.start(), m.end(), m.group().lower()) for m in pattern.finditer(text)]
    return [m for m in found if not (m[2] in SHAPES and _ends_with_colour(text[: m[0]]))]


def _ends_with_colour(text: str) -> bool:
    words = text[-12:].split()
    return bool(words) and words[-1].lower() in COLOURS


@lru_cache(maxsize=100_000)
def _piece(tokenizer: Any, token: int) -> str:
    return str(tokenizer.decode([token]))
