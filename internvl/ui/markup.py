"""An answer as Markdown in which nothing the model wrote is HTML.

Every `<` of the model is text, in code as well, and pictures from elsewhere are not fetched. The
places it points at become chips, formulas are left to the chat box.
"""

import html
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from internvl.chat.grounding import Region, split_regions, without_begun_region
from internvl.ui.formulas import split_formulas, without_begun_formula
from internvl.ui.html import fill_line

COLOURS = 8
"""How many colours labels have before they come round again."""

_FENCE = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[^`\n]*(?:\n(.*?)(?:^[ \t]*\2[`~]*[ \t]*$|\Z)|\Z)",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


class Part(NamedTuple):
    """A stretch of an answer: prose, code in a line, or a block of code with its indent."""

    kind: Literal["prose", "code", "block"]
    text: str
    indent: str = ""


def to_markdown(answer: str) -> str:
    """The answer as Markdown in which nothing the model wrote is HTML.

    A block of code that is not closed ends with the answer.

    >>> to_markdown("<ref>a cat</ref> is **here**")
    '&lt;ref>a cat&lt;/ref> is **here**'
    """
    chips = (_chip(number, colour, region) for number, colour, region in coloured(answer))
    pieces = []
    for part in split_code(answer):
        if part.kind == "block":
            code = re.sub(f"^[ \t]{{0,{len(part.indent)}}}", "", part.text, flags=re.MULTILINE)
            pieces.append(f"\n{part.indent}<pre><code>{as_entities(code)}</code></pre>\n\n")
        elif part.kind == "code":
            pieces.append(f"<code>{as_entities(part.text)}</code>")
        else:
            drawn = (
                _prose(p) if isinstance(p, str) else next(chips) for p in split_regions(part.text)
            )
            pieces.append("".join(drawn))
    return "".join(pieces)


def coloured(answer: str) -> list[tuple[int, int, Region]]:
    """The regions of an answer, numbered, with a colour for each label."""
    prose = (part.text for part in split_code(answer) if part.kind == "prose")
    regions = [p for text in prose for p in split_regions(text) if isinstance(p, Region)]
    labels = list(dict.fromkeys(region.label.casefold() for region in regions))
    return [
        (number, labels.index(region.label.casefold()) % COLOURS, region)
        for number, region in enumerate(regions)
    ]


def without_begun(answer: str) -> str:
    """What can be shown of an answer that is being written: no half of a region or a formula."""
    parts = list(split_code(answer))
    if not parts or parts[-1].kind != "prose":
        return answer
    last = parts[-1].text
    shown = without_begun_formula(without_begun_region(last))
    return answer[: len(answer) - len(last) + len(shown)]


def split_code(answer: str) -> Iterator[Part]:
    """The answer in its order, code apart from prose."""
    position = 0
    for match in _FENCE.finditer(answer):
        yield from _in_lines(answer[position : match.start()])
        yield Part("block", match[3] or "", match[1])
        position = match.end()
    yield from _in_lines(answer[position:])


def as_entities(code: str) -> str:
    """Text that Markdown and HTML leave alone, on one line."""
    return "".join(c if c.isalnum() else f"&#{ord(c)};" for c in code)


def _in_lines(text: str) -> Iterator[Part]:
    position = 0
    for match in _CODE.finditer(text):
        if text[position : match.start()]:
            yield Part("prose", text[position : match.start()])
        yield Part("code", match[2])
        position = match.end()
    if text[position:]:
        yield Part("prose", text[position:])


def _prose(markdown: str) -> str:
    return "".join(
        _text(piece) if display is None else _formula(piece, display)
        for piece, display in split_formulas(markdown)
    )


def _text(piece: str) -> str:
    escaped = html.escape(piece, quote=False).replace("&gt;", ">").replace("![", "&#33;[")
    return re.sub(r"\\(?=[()\[\]])", "&#92;", escaped).replace("%%%", "&#37;%%")


def _formula(formula: str, display: bool) -> str:
    opening, closing = ("\\[", "\\]") if display else ("\\(", "\\)")
    return f"{opening}{as_entities(formula)}{closing}"


def _chip(number: int, colour: int, region: Region) -> str:
    label, boxes = as_entities(region.label), as_entities(region.coordinates)
    return fill_line("chip", number=number, colour=colour, label=label, boxes=boxes)
