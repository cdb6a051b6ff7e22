"""A handler's views in three events, one handler per tab at a time."""

import threading
import time

import pytest

from internvl.ui import flow as flow_module
from internvl.ui.flow import Flow
from internvl.ui.views import merged

GROWING = ("chat", "status")


@pytest.fixture
def every_view(monkeypatch):
    """No browser is slow."""
    monkeypatch.setattr(flow_module, "PACE", (0.0, 0.0))


def test_each_event_gets_its_part(every_view):
    def handler(question):
        yield {"chat": {"value": 0}, "send": {"visible": False}, "question": {"value": question}}
        yield {"chat": {"value": 1}}
        yield {"chat": {"value": 2}, "send": {"visible": True}, "tray": {"value": "x"}}

    flow = Flow()
    assert flow.begin(handler, "tab", "Q")["question"] == {"value": "Q"}
    grown = list(flow.grow(handler, "tab", GROWING))
    assert [view for view in grown if view] == [{"chat": {"value": 1}}, {"chat": {"value": 2}}]
    assert flow.end("tab") == {"send": {"visible": True}, "tray": {"value": "x"}}
    assert flow.end("tab") is None
    assert flow.begin(handler, "tab", "again")["question"] == {"value": "again"}


def test_a_tab_does_one_thing_at_a_time_and_others_go_on():
    calls = []

    def handler(name):
        calls.append(name)
        yield {"chat": {"value": name}}
        yield {"chat": {"value": name}}

    flow = Flow()
    flow.begin(handler, "a", 1)
    assert flow.begin(handler, "a", 2) == {}
    growing = flow.grow(handler, "a", GROWING)
    next(growing)
    assert flow.begin(handler, "a", 3) == {}
    assert list(flow.grow(handler, "a", GROWING)) == [{}]
    assert flow.begin(handler, "b", 4) == {"chat": {"value": 4}}
    list(growing)
    assert flow.begin(handler, "a", 5) == {"chat": {"value": 5}}
    assert calls == [1, 4, 5]


def test_closing_ends_the_handler_wherever_it_is():
    ended = []

    def handler(name):
        try:
            yield {"send": {"value": name}}
            yield {"chat": {"value": name}}
            yield {"chat": {"value": name}}
        finally:
            ended.append(name)

    flow = Flow()
    flow.begin(handler, "tab", "begun")
    flow.close("tab")
    assert ended == ["begun"]
    flow.begin(handler, "tab", "growing")
    growing = flow.grow(handler, "tab", GROWING)
    next(growing), next(growing)
    growing.close()
    assert ended == ["begun", "growing"]
    assert flow.begin(handler, "tab", "free") == {"send": {"value": "free"}}


def test_a_handler_with_one_view_has_nothing_to_grow():
    def handler():
        yield {"notice": 1}

    flow = Flow()
    assert flow.begin(handler, "tab") == {"notice": 1}
    assert list(flow.grow(handler, "tab", GROWING)) == [{}]
    assert flow.end("tab") == {}


def test_what_was_stopped_leaves_nothing_for_later():
    def handler():
        yield {"send": {"value": 1}}
        yield {"tray": {"value": "a picture"}}
        yield {"chat": {"value": 1}}

    flow = Flow()
    flow.begin(handler, "tab")
    growing = flow.grow(handler, "tab", GROWING)
    next(growing), next(growing)
    assert flow.runs("tab")
    flow.close("tab")  # the tab is closed, and its generator a moment later
    growing.close()
    assert not flow.runs("tab")
    assert flow.end("tab") is None


def test_stop_waits_for_the_end_but_not_for_ever(every_view):
    ended, asked = [], threading.Event()

    def handler():
        try:
            yield {}
            for word in range(1000):
                yield {"chat": {"value": word}}
        finally:
            ended.append(word)

    flow = Flow()
    flow.begin(handler, "tab")
    growing = flow.grow(handler, "tab", GROWING)
    next(growing), next(growing)
    flow.stop("tab", seconds=0.0)
    assert flow.runs("tab") and not ended  # nobody has asked for its next view
    stopping = threading.Thread(target=lambda: (flow.stop("tab", seconds=60), asked.set()))
    stopping.start()
    assert not asked.wait(0.1)
    assert list(growing) == [] and ended == [1]
    assert asked.wait(10)
    assert not flow.runs("tab") and flow.end("tab") is None
    flow.begin(handler, "tab")
    assert len(list(flow.grow(handler, "tab", GROWING))) == 1001  # the next one is not stopped


def test_what_was_not_begun_has_no_end():
    def handler():
        yield {}
        yield {"chat": {"value": 1}, "send": {"visible": True}}

    flow = Flow()
    flow.begin(handler, "tab")
    assert flow.begin(handler, "tab") == {}
    growing = flow.grow(handler, "tab", GROWING)
    next(growing)
    assert list(flow.grow(handler, "tab", GROWING)) == [{}] and flow.end("tab") is None
    assert list(growing) == [{"chat": {"value": 1}}]
    assert flow.end("tab") == {"send": {"visible": True}}


@pytest.mark.parametrize("views", [1, 2])
def test_what_is_stopped_at_its_last_view_has_no_end(views):
    def handler():
        for number in range(views):
            yield {"chat": {"value": number}, "tray": {"value": number}}

    flow = Flow()
    flow.begin(handler, "tab")
    growing = flow.grow(handler, "tab", GROWING)
    for _ in range(views):
        next(growing)
    flow.close("tab")
    assert list(growing) == [] and flow.end("tab") is None
    assert flow.rests("tab")


def test_nothing_is_drawn_of_a_page_that_was_left():
    def handler():
        yield {}
        yield {"chat": {"value": 1}}

    flow = Flow()
    flow.begin(handler, "tab")
    growing = flow.grow(handler, "tab", GROWING)
    next(growing)
    flow.leave("tab")
    assert list(growing) == [] and flow.end("tab") is None
    assert not flow.rests("tab")
    flow.begin(handler, "tab")
    assert len(list(flow.grow(handler, "tab", GROWING))) == 2
    assert flow.rests("tab")  # it is the new page's


def test_what_is_stopped_at_its_first_view_ends_with_it():
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def handler():
        try:
            begun.set()
            go_on.wait(60)
            yield {"chat": {"value": 1}}
            yield {"chat": {"value": 2}}
        finally:
            ended.set()

    flow = Flow()
    first = threading.Thread(target=lambda: flow.begin(handler, "tab"))
    first.start()
    assert begun.wait(60)
    assert list(flow.grow(handler, "tab", GROWING)) == [{}]  # of a second click
    flow.close("tab")
    assert flow.runs("tab") and not ended.is_set()
    go_on.set()
    flow.stop("tab", seconds=60)
    assert ended.is_set() and flow.rests("tab")
    first.join()


def test_only_its_own_events_take_a_handler_on():
    def handler():
        yield {}
        yield {"chat": {"value": 1}}

    def other():
        yield {"chat": {"value": 2}}

    flow = Flow()
    flow.begin(handler, "tab")
    assert flow.begin(other, "tab") == {}
    assert list(flow.grow(other, "tab", GROWING)) == [{}] and flow.end("tab") is None
    assert {"chat": {"value": 1}} in list(flow.grow(handler, "tab", GROWING))


def test_what_was_stopped_is_waited_for_before_the_next_begins():
    def handler():
        yield {}
        yield {"chat": {"value": 1}}

    flow, views = Flow(), []
    flow.begin(handler, "tab")
    growing = flow.grow(handler, "tab", GROWING)
    next(growing)
    flow.close("tab")
    following = threading.Thread(
        target=lambda: views.append(flow.begin(lambda: iter([{"a": {}}]), "tab"))
    )
    following.start()
    following.join(0.2)
    assert views == []
    assert list(growing) == []
    following.join(60)
    assert views == [{"a": {}}]


def test_a_tab_is_free_again_whatever_happens():
    def handler():
        try:
            yield {}
            yield {}
        finally:
            raise OSError("no space left")

    flow = Flow()
    for views in (1, 2):
        flow.begin(handler, "tab")
        growing = flow.grow(handler, "tab", GROWING)
        for _ in range(views):
            next(growing)
        with pytest.raises(OSError, match="space"):
            growing.close()
        assert not flow.runs("tab")


@pytest.mark.parametrize(("seconds", "drawn"), [(0.0, 200), (0.5, 20), (60.0, 2)])
def test_a_slow_browser_is_given_less_to_draw(seconds, drawn, monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def handler():
        nonlocal now
        yield {"chat": {"value": -1}}
        for word in range(200):
            now += 0.01
            yield {"chat": {"value": word}} if word else {"status": {"value": "begun"}}

    flow = Flow()
    flow.begin(handler, "tab")
    now += seconds
    views = [view for view in flow.grow(handler, "tab", GROWING) if view]
    assert len(views) == pytest.approx(drawn, abs=1)
    whole = merged(*views)
    assert whole == {"chat": {"value": 199}, "status": {"value": "begun"}}


def test_what_changes_nothing_is_hardly_ever_passed_on(monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def handler():
        nonlocal now
        for _ in range(301):
            yield {}
            now += 0.01

    flow = Flow()
    flow.begin(handler, "tab")
    assert 3 <= len(list(flow.grow(handler, "tab", GROWING))) <= 6  # only then can it be closed
