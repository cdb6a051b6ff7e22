"""How pictures look at each budget, what the page says of it, and what it costs."""

import json

import pytest

from internvl.chat import Attachment, Settings, freeze
from internvl.engines.base import Estimate
from internvl.preprocessing import choose_grid
from internvl.ui.costs import draw_cost, fits
from internvl.ui.looks import Looker, shares, stops
from internvl.ui.text import words

TEXT = words("en")


@pytest.mark.parametrize("size", [(2480, 3508), (640, 480), (100, 3000), (448, 448)])
def test_the_table_is_the_preprocessors_own_choice(size):
    table = json.loads(Looker(size, TEXT, most=24).table())
    assert len(table) == 24
    for budget, look in enumerate(table, start=1):
        assert (look["columns"], look["rows"]) == choose_grid(*size, budget)
        assert look["tiles"] == choose_grid(*size, budget).tiles


def test_small_print_is_told_how_many_tiles_would_show_it():
    look = Looker((2480, 3508), TEXT, most=24).look(12)
    assert look.facts[:2] == (
        "Shrunk to 37 %: small print may be unreadable.",
        "24 tiles would show it at 74 %.",
    )
    assert not any(
        "would show" in fact for fact in Looker((2480, 3508), TEXT, most=12).look(12).facts
    )
    assert Looker((160, 160), TEXT, most=24).look(1).facts[0].startswith("Enlarged 2.8×")


def test_every_budget_is_shared_as_sending_shares_it():
    for pictures in (1, 2, 5):
        attachments = [Attachment(f"{n}.png", "image") for n in range(pictures)]
        for budget, share in enumerate(shares(pictures, 24), start=1):
            assert freeze(attachments, Settings(max_tiles=budget))[0].max_tiles == share
    assert shares(0, 24) == []


def test_a_stop_that_changes_nothing_is_not_offered():
    assert [stop.name for stop in stops([(2480, 3508)], 12, 24)] == ["quick", "normal", "fine"]
    assert [stop.name for stop in stops([(900, 1200)], 12, 24)] == ["quick", "normal"]
    assert stops([(448, 448)], 1, 1) == stops([], 12, 24) == []
    assert [stop.chosen for stop in stops([(2480, 3508)], 1, 24)] == [True, False, False]
    assert max(stop.budget for stop in stops([(2480, 3508)], 1, 12)) == 12


def test_the_line_says_what_is_known_and_offers_to_make_it_fit():
    known = Estimate([[13]], 3328, 3400, 8192, (2.0, 3.5), 1_200_000_000, 9_000_000_000)
    line = draw_cost(known, 13, TEXT)
    for fact in ("13 tiles", "42 % of the context", "2.0 to 3.5 s", "1.2 of 9.0 GB"):
        assert fact in line
    assert fits(known, 13)
    assert "data-fit" not in line
    short = Estimate([[1]], 256, 300, 8192)
    assert "not measured yet" in draw_cost(short, 1, TEXT)
    assert "data-fit" in draw_cost(short, 13, TEXT)
    large = Estimate([[13]], 3328, 3400, 8192, None, 9_000_000_000, 1_200_000_000)
    assert not fits(large, 13)
