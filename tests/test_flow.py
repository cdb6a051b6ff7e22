"""A handler's views in three events, one handler per tab at a time."""

from internvl.ui.flow import Flow

GROWING = ("chat", "status")


def test_each_event_gets_its_part():
    def handler(question):
        yield {"chat": 0, "send": {"visible": False}, "question": {"value": question}}
        yield {"chat": {"value": 1}}
        yield {"chat": {"value": 2}, "send": {"visible": True}, "tray": {"value": "x"}}

    flow = Flow()
    assert flow.begin(handler, "tab", "Q")["question"] == {"value": "Q"}
    grown = list(flow.grow("tab", GROWING))
    assert grown == [{}, {"chat": {"value": 1}}, {"chat": {"value": 2}}]
    assert flow.end("tab") == {"send": {"visible": True}, "tray": {"value": "x"}}
    assert flow.end("tab") == {}
    assert flow.begin(handler, "tab", "again")["question"] == {"value": "again"}


def test_a_tab_does_one_thing_at_a_time_and_others_go_on():
    calls = []

    def handler(name):
        calls.append(name)
        yield {"chat": name}
        yield {"chat": name}

    flow = Flow()
    flow.begin(handler, "a", 1)
    assert flow.begin(handler, "a", 2) == {}
    growing = flow.grow("a", GROWING)
    next(growing)
    assert flow.begin(handler, "a", 3) == {}
    assert list(flow.grow("a", GROWING)) == [{}]
    assert flow.begin(handler, "b", 4) == {"chat": 4}
    list(growing)
    assert flow.begin(handler, "a", 5) == {"chat": 5}
    assert calls == [1, 4, 5]


def test_closing_ends_the_handler_wherever_it_is():
    ended = []

    def handler(name):
        try:
            yield {"send": name}
            yield {"chat": name}
            yield {"chat": name}
        finally:
            ended.append(name)

    flow = Flow()
    flow.begin(handler, "tab", "begun")
    flow.close("tab")
    assert ended == ["begun"]
    flow.begin(handler, "tab", "growing")
    growing = flow.grow("tab", GROWING)
    next(growing), next(growing)
    growing.close()
    assert ended == ["begun", "growing"]
    assert flow.begin(handler, "tab", "free") == {"send": "free"}


def test_a_handler_with_one_view_has_nothing_to_grow():
    def handler():
        yield {"notice": 1}

    flow = Flow()
    assert flow.begin(handler, "tab") == {"notice": 1}
    assert list(flow.grow("tab", GROWING)) == [{}]
    assert flow.end("tab") == {}


def test_what_was_stopped_leaves_nothing_for_later():
    def handler():
        yield {"send": 1}
        yield {"tray": {"value": "a picture"}}
        yield {"chat": 1}

    flow = Flow()
    flow.begin(handler, "tab")
    growing = flow.grow("tab", GROWING)
    next(growing), next(growing)
    assert flow.runs("tab")
    flow.close("tab")  # the tab is closed, and its generator a moment later
    growing.close()
    assert not flow.runs("tab")
    assert flow.end("tab") == {}
