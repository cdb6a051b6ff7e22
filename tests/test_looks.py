"""How pictures look at each budget, what the page says of it, and what it costs."""

import dataclasses
import json
import re

import pytest
from scripted_engine import ScriptedEngine

from internvl.chat import Attachment, Conversation, Settings, Turn, freeze
from internvl.engines.base import Estimate
from internvl.preprocessing import choose_grid, load_image
from internvl.ui.costs import draw_cost, fits
from internvl.ui.handlers import Handlers
from internvl.ui.looks import Looker, shares, stops
from internvl.ui.text import words
from internvl.ui.tiles import crop
from internvl.ui.views import About

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
    assert look.facts[1:3] == (
        "Shrunk to 36 %: small print may be unreadable.",
        "24 tiles would show it at 72 %.",
    )
    assert not any(
        "would show" in fact for fact in Looker((2480, 3508), TEXT, most=12).look(12).facts
    )
    assert Looker((160, 160), TEXT, most=24).look(1).facts[1].startswith("Enlarged 2.8×")


def test_every_pixel_reaches_the_model_only_where_no_edge_is_shrunk():
    whole = "Not shrunk: every pixel reaches the model."
    assert whole in Looker((900, 1200), TEXT, most=24).look(12).facts
    assert whole not in Looker((1000, 400), TEXT, most=24).look(2).facts  # 896 of 1000 across
    assert whole not in Looker((900, 1200), TEXT, most=24).look(1).facts


def test_the_finest_budget_is_the_least_that_shows_everything():
    looker = Looker((1240, 1170), TEXT, most=24)
    assert (looker.finest(6), looker.finest(12)) == (9, 12)
    assert looker.scale(9) >= 1 > looker.scale(8)
    assert Looker((1240, 1170), TEXT, most=8).finest(6) == 6  # more would show no more


def test_every_budget_is_shared_as_sending_shares_it():
    for pictures in (1, 2, 5):
        attachments = [Attachment(f"{n}.png", "image") for n in range(pictures)]
        for budget, share in enumerate(shares(pictures, 24), start=1):
            assert freeze(attachments, Settings(max_tiles=budget))[0].max_tiles == share
    assert shares(0, 24) == []


def test_a_stop_that_changes_nothing_is_not_offered():
    assert [stop.name for stop in stops([(2480, 3508)], 12, 24)] == ["quick", "normal", "fine"]
    assert [stop.name for stop in stops([(900, 1200)], 12, 24)] == ["quick", "normal"]
    enlarged = [(640, 480), (640, 480)]  # all of it is there with 12 tiles
    assert [stop.name for stop in stops(enlarged, 12, 24)] == ["quick", "normal"]
    assert [stop.name for stop in stops(enlarged, 24, 24)] == ["quick", "normal", "fine"]
    assert stops([(448, 448)], 1, 1) == stops([], 12, 24) == []
    assert [stop.chosen for stop in stops([(2480, 3508)], 1, 24)] == [True, False, False]
    assert max(stop.budget for stop in stops([(2480, 3508)], 1, 12)) == 12


@pytest.fixture
def asked(tall):
    """Two pictures were sent; the first of 7 tiles, the second of 3."""
    first = Attachment(tall, "image", max_tiles=12)
    second = Attachment(tall, "image", max_tiles=2, pinned=True)
    return Conversation(turns=[Turn("", (first,), "Yes."), Turn("", (second,), "No."), Turn("")])


def test_the_line_says_what_is_known_and_offers_to_make_it_fit(asked):
    memory = (1_200_000_000, 9_000_000_000)
    line = draw_cost(Estimate([[7], [3]], 2560, 3400, 8192, (2.0, 3.5), *memory), asked, TEXT)
    for fact in ("10 tiles", "chat 42 % full", " 2 to 3.5 s", "1.2 of 9.0 GB"):
        assert fact in line
    assert "data-fit" not in line
    little = Estimate([[7], [3]], 2560, 3400, 8192, (2.0, 3.5), 20_000_000, 9_000_000_000)
    assert "under 0.1 of 9.0 GB free memory" in draw_cost(little, asked, TEXT)
    short = Estimate([[0], [1]], 256, 300, 8192)
    assert "not measured yet" in draw_cost(short, asked, TEXT)
    assert "data-fit" in draw_cost(short, asked, TEXT)
    assert not fits(Estimate([[7]], 1792, 3400, 8192, None, *reversed(memory)), 7)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ((0.0512, 0.2), "in 0.05 to 0.2 s"),
        ((0.053, 0.053), "in 0.05 to 0.06 s"),
        ((0.001, 0.004), "within 0.01 s"),
        ((0.96, 12.31), "in 0.9 to 12.4 s"),
    ],
)
def test_the_wait_is_a_range_that_holds_what_was_measured(asked, seconds, told):
    line = draw_cost(Estimate([[7], [3]], 2560, 3400, 8192, seconds), asked, TEXT)
    assert f"answer begins {told}<" in line


def test_earlier_pictures_are_told_as_they_are_seen_now(asked):
    line = draw_cost(Estimate([[0], [1]], 256, 300, 8192), asked, TEXT)
    assert re.findall(r"<b>(.+?)</b> <span>(.+?)</span>", line) == [
        ("Image-1", "not seen"),
        ("Image-2", "1 tile"),
    ]
    assert re.findall(r'aria-pressed="(\w+)"', line) == ["false", "true"]
    assert '<details class="earlier" open>' in line
    whole = draw_cost(Estimate([[7], [3]], 2560, 2600, 8192), asked, TEXT)
    assert "context is full" not in whole


def test_a_part_has_the_pictures_own_pixels(tall):
    whole = load_image(tall)
    part = crop(tall, 500, 0, 1000, 333)
    assert part.tobytes() == whole.crop((188, 0, 377, 200)).tobytes()
    for box in ((500, 0, 500, 10), (0, 0, 1001, 10), (-1, 0, 5, 5)):
        with pytest.raises(ValueError, match="no part"):
            crop(tall, *box)


@pytest.mark.parametrize(
    ("kind", "left"), [("image", (5, 4)), ("video", (12, 3)), ("both", (5, 1))]
)
def test_making_it_fit_takes_of_what_is_there(store, tall, clip, kind, left):
    class Small(ScriptedEngine):
        """Has memory for three tiles or frames, and for five of both."""

        def estimate(self, conversation, settings):
            estimate = super().estimate(conversation, settings)
            needed = sum(map(sum, estimate.tile_counts))
            free = 5 if kind == "both" else 3
            return dataclasses.replace(estimate, memory_bytes=needed, free_bytes=free)

    handlers = Handlers(Small(["Yes."]), store, About("nano"))
    visitor = handlers.open(None, "en")["visitor"]["value"]
    session = store.open(visitor["token"])
    session.settings = Settings(max_frames=4)
    if kind != "video":
        handlers.add_image(visitor, str(tall))
    if kind != "image":
        handlers.add_video(visitor, str(clip))
    view = handlers.fit(visitor)
    assert "Now it fits" in view["notice"]["value"]
    assert (session.settings.max_tiles, session.settings.max_frames) == left
