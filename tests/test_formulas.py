"""Which dollars are formulas and which are prices."""

import pytest

from internvl.ui.formulas import LONGEST, split_formulas, without_begun_formula
from internvl.ui.markup import to_markdown


def formulas(text):
    return [(piece, display) for piece, display in split_formulas(text) if display is not None]


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6",
        "It is $5, or 6$ more.",
        "$1,000 (about $900)",
        "US$5 and US$6",
        "between $10-$20",
        "$20 + $5 = $25",
        "from $3 (small) to $5 (large)$",
        "$5 = five dollars and 6$",
        "$HOME/bin:$PATH",
        "$$ and $$ restaurants",
        r"\$x\$",
        "a $ b $ c",
        "$x\ny$",
        "$",
        r"\( \)",
        r"\(never closed",
        r"\(" + "x" * (LONGEST + 1) + r"\)",
    ],
)
def test_prices_and_loose_signs_are_text(text):
    assert formulas(text) == []
    assert "".join(piece for piece, _ in split_formulas(text)) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$x$ and $y'$", [("x", False), ("y'", False)]),
        ("$x^2 + 1$", [("x^2 + 1", False)]),
        ("pay $5 when $n-1$ is $0$", [("n-1", False), ("0", False)]),
        (r"\(a < b\)", [("a < b", False)]),
        ("\\[a\n= b\\]", [("a\n= b", True)]),
        ("$$E = mc^2$$", [("E = mc^2", True)]),
        (r"$f = \text{the whole area}$", [(r"f = \text{the whole area}", False)]),
    ],
)
def test_formulas_are_found(text, found):
    assert formulas(text) == found


def test_the_chat_box_gets_no_dollar_to_judge():
    drawn = to_markdown(r"$a_1$ costs $5 or $6; \(b<c\); `$d^2$`; \(loose")
    assert drawn.startswith(r"\(a&#95;1\) costs $5 or $6; \(b&#60;c\); <code>&#36;d&#94;2")
    assert drawn.endswith(r"&#92;(loose")
    assert drawn.count(r"\(") == 2


def test_html_in_a_formula_stays_text():
    assert "<img" not in to_markdown(r"\(<img src=x onerror=alert(1)>\) $$<script>x^2</script>$$")
    assert "%%%" not in to_markdown("%%%LATEX_BLOCK_0%%%")


def test_a_formula_is_shown_when_it_is_whole():
    text = r"So \(a^2\) and $$b^2$$ end"
    for length in range(len(text) + 1):
        shown = without_begun_formula(text[:length])
        assert shown.count(r"\(") == shown.count(r"\)")
        assert shown.count("$$") in (0, 2)
    assert without_begun_formula(r"\(" + "x" * 400) == r"\(" + "x" * 400
