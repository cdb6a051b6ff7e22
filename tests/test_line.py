"""The place in line that the page tells, with the embedded model and its real scheduler."""

import re

import pytest
from test_handlers import values

from internvl import load_model
from internvl.chat import SessionStore
from internvl.engines import LocalEngine
from internvl.engines.scheduler import Scheduler
from internvl.ui.handlers import Handlers
from internvl.ui.views import About


@pytest.fixture
def handlers(tmp_path):
    """A page whose engine answers one question at a time."""
    engine = LocalEngine(load_model("assets/nano"))
    engine._scheduler = Scheduler(active=1, waiting=8)
    return Handlers(engine, SessionStore(tmp_path / "sessions"), About("nano"))


def asked(handlers):
    """A question of a visitor of their own, as views that are still to come."""
    visitor = handlers.open(None, "en")["visitor"]["value"]
    asking = handlers.send(visitor, "What is a circle?", *values(max_new_tokens=4))
    next(asking)
    return asking


def told(view):
    return re.search(r"<p>(.*?)</p>", view["status"]["value"])[1] if "status" in view else ""


def test_places_count_down_as_answers_end(handlers):
    first, second, third = (asked(handlers) for _ in range(3))
    assert told(next(first)) == "Answering"
    assert told(next(second)) == "You are next in line"
    assert told(next(third)) == "You are number 2 in line"
    assert told(next(third)) == "You are number 2 in line"
    assert "in line" not in "".join(map(told, first))  # and then it is done
    assert told(next(third)).startswith("You are next in line: about ")
    assert "in line" not in "".join(map(told, second))
    assert "in line" not in "".join(map(told, third))


def test_a_reading_ahead_of_ones_own_is_no_line(handlers, tall):
    visitor = handlers.open(None, "en")["visitor"]["value"]
    handlers.add_image(visitor, str(tall))
    reading = handlers.prepare(visitor)
    while "Reading: 1 of 7" not in told(next(reading)):
        pass
    asking = handlers.send(visitor, "What is it?", *values(max_new_tokens=4))
    next(asking)
    assert told(next(asking)) == "Thinking about the question"
    list(reading)
    assert "in line" not in "".join(map(told, asking))
