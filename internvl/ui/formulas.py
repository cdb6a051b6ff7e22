r"""Which parts of an answer are formulas: `\(x\)`, `\[x\]`, `$$x$$` and `$x$`, but no prices.

A dollar opens a formula when something other than space or a dollar follows and no letter, digit or
backslash precedes; it closes one when the same holds the other way round. What stands between has
to look like mathematics: a sign of it, or a single symbol, and no word outside `\text{...}`.
"""

import re

LONGEST = 2000
"""Characters of the longest formula that is drawn; KaTeX works on the visitor's machine."""

DELIMITERS = [
    {"left": "\\(", "right": "\\)", "display": False},
    {"left": "\\[", "right": "\\]", "display": True},
]
"""What the chat box takes for a formula: never a dollar, which `split_formulas` has judged."""

_FORMULA = re.compile(
    r"\\\((?P<inline>(?:(?!\n\s*\n|\\\().)+?)\\\)"
    r"|\\\[(?P<display>(?:(?!\n\s*\n|\\\[).)+?)\\\]"
    r"|(?<![\\$\w])\$\$(?P<wide>(?:(?!\n\s*\n)[^$])+?)\$\$(?![$\w])"
    r"|(?<![\\$\w])\$(?P<dollar>(?![\s$])[^$\n]*?(?<![\s\\]))\$(?![$\w])",
    re.DOTALL,
)
_BEGUN = re.compile(
    r"(?:\\[(\[]|(?<![\\$\w])\$\$)(?:(?!\n\s*\n|\\[)\]]|\$\$).){0,300}\Z", re.DOTALL
)
_WORDS = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname|mbox)\s*\{[^{}]*\}|\\[a-zA-Z]+")
_SIGN = re.compile(r"[\\^_=+<>|{}]|[\w)]\s*[-*/]\s*[\w(]|\(.*\)")
_SYMBOL = re.compile(r"-?(?:[A-Za-z]'*|\d+(?:[.,]\d+)*%?)")


def split_formulas(text: str) -> list[tuple[str, bool | None]]:
    r"""The pieces of a text, each with None for text, or whether it is a displayed formula.

    >>> split_formulas("If $x^2 = 4$, pay $5 or $6.")
    [('If ', None), ('x^2 = 4', False), (', pay $5 or $6.', None)]
    """
    pieces: list[tuple[str, bool | None]] = []
    position = 0
    for match in _FORMULA.finditer(text):
        kind, formula = match.lastgroup, match[match.lastgroup or 0]
        if not formula.strip() or len(formula) > LONGEST:
            continue
        if kind in ("dollar", "wide") and not _is_mathematics(formula):
            continue
        pieces += [(text[position : match.start()], None), (formula, kind in ("display", "wide"))]
        position = match.end()
    return [piece for piece in (*pieces, (text[position:], None)) if piece[0]]


def without_begun_formula(text: str) -> str:
    r"""The text without a formula at its end that is still being written.

    >>> without_begun_formula(r"So \(a^2 +")
    'So '
    """
    begun = _BEGUN.search(text)
    return text[: begun.start()] if begun else text


def _is_mathematics(formula: str) -> bool:
    bare = _WORDS.sub(" ", formula)
    if re.search(r"[^\W\d_]{4,}", bare) or re.search(r"[^\W\d_]{2,}\s+[^\W\d_]{2,}", bare):
        return False
    return bool(_SIGN.search(formula) or _SYMBOL.fullmatch(formula.strip()))
