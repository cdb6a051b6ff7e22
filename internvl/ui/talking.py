"""The events around the talk: asking, what is done with an answer, stopping, changing the chat."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from internvl.ui.flow import Flow
from internvl.ui.history_wiring import connect_history
from internvl.ui.mend_handlers import FIELDS
from internvl.ui.page import VALUES
from internvl.ui.views import View, undisturbed

if TYPE_CHECKING:
    from internvl.ui.handlers import Handlers
    from internvl.ui.wiring import Wire

_GROWING = ["chat", "status"]
_GROWING_SIDES = ["compare_first", "compare_second", "status"]
_TALK = [
    *("tray", "clear", "start", "end", "image", "images", "video", "question", "pages", "cost"),
    *("compare", "compare_why"),
    *("panes", "chat", "chats", "status", "notice", "send", "stop", "retry", "undo", "system"),
    *("language", "shown"),
]
_PANELS = [
    *("edit_panel", "edit_note", "edit_text", "chosen", "find_panel", "find_text"),
    *("opinion_panel", "opinion_note", "opinion_text", "opinion_consent"),
]
_COMPARED = [
    *("compare_panel", "compare_first_title", "compare_first", "keep_first"),
    *("compare_second_title", "compare_second", "keep_second"),
]
_ALL = [*_TALK, *_PANELS, *_COMPARED]


def connect_talk(demo: gr.Blocks, wire: "Wire", c: dict[str, Any], handlers: "Handlers") -> None:
    """Connect every event of the talk."""
    flow = Flow()
    asking: list[tuple[Sequence[Any], Callable[..., Iterator[View]], Sequence[str]]] = [
        ([c["send"].click, c["question"].submit], handlers.send, ["question", *VALUES]),
        ([c["retry"].click], handlers.retry, VALUES),
        ([c["find_send"].click, c["find_text"].submit], handlers.find, ["find_text", *VALUES]),
        ([c["edit_send"].click], handlers.ask_anew, ["chosen", "edit_text", *VALUES]),
        ([c["compare"].click], handlers.compare, ["question", *VALUES]),
    ]
    for triggers, handler, inputs in asking:
        growing = _GROWING_SIDES if handler == handlers.compare else _GROWING
        _connect_flow(wire, flow, handlers, triggers, handler, inputs, growing)
    _connect_acts(wire, flow, c, handlers)
    _connect_cards(wire, flow, c, handlers)
    _connect_panels(wire, flow, c, handlers)
    _connect_endings(wire, flow, c, handlers)
    demo.unload(_by_tab(flow.forget))


def _by_tab(act: Callable[[str], None]) -> Callable[[gr.Request], None]:
    """What is done to the tab that asks."""

    def done(request: gr.Request) -> None:
        act(str(request.session_hash))

    return done


def _connect_flow(
    wire: "Wire",
    flow: Flow,
    handlers: "Handlers",
    triggers: Sequence[Any],
    handler: Callable[..., Iterator[View]],
    inputs: Sequence[str],
    growing: Sequence[str],
) -> None:
    """The three events of a handler that answers."""

    def begun(request: gr.Request, *values: Any) -> View:
        return flow.begin(handler, str(request.session_hash), *values)

    first = wire.on(triggers, begun, inputs, _ALL, trigger_mode="once")
    _then_grows(wire, flow, handlers, first, handler, growing)


def _then_grows(
    wire: "Wire",
    flow: Flow,
    handlers: "Handlers",
    first: Any,
    handler: Callable[..., Iterator[View]],
    growing: Sequence[str],
) -> None:
    def grown(request: gr.Request, visitor: Any) -> Iterator[View]:
        yield from flow.grow(handler, str(request.session_hash), growing)

    def ended(request: gr.Request, visitor: Any, question: str) -> View:
        tab = str(request.session_hash)
        end = flow.end(tab)
        if end is None and flow.rests(tab):  # it was stopped
            settled = handlers.settled(visitor, question)
            return settled if flow.rests(tab) else {}
        return end or {}

    middle = wire.on(first.then, grown, [], growing, trigger_mode="multiple")
    wire.on(middle.then, ended, ["question"], _ALL, trigger_mode="multiple")


def _connect_acts(wire: "Wire", flow: Flow, c: dict[str, Any], handlers: "Handlers") -> None:
    """The buttons in messages; one of them goes on with an answer."""

    def acted(request: gr.Request, visitor: Any, *values: Any) -> View:
        *settings, (action, name) = values
        tab = str(request.session_hash)
        return flow.begin(handlers.act, tab, visitor, action, name, *settings)

    def touched(request: gr.Request, event: gr.EventData, *values: Any) -> View:
        return acted(request, *values, (str(event.action), str(event.name)))

    first = wire.on([c["acts"].click], touched, VALUES, _ALL, trigger_mode="multiple")
    _then_grows(wire, flow, handlers, first, handlers.act, _GROWING)


def _connect_cards(wire: "Wire", flow: Flow, c: dict[str, Any], handlers: "Handlers") -> None:
    """The buttons of a card, which may ask again."""

    def stepped(request: gr.Request, visitor: Any, event: gr.EventData, *values: Any) -> View:
        step = str(event.step), int(event.number), str(event.asked)
        return flow.begin(handlers.mend, str(request.session_hash), visitor, *step, *values)

    outputs = list(dict.fromkeys([*_ALL, *VALUES]))
    inputs = [*FIELDS, *VALUES]
    first = wire.on([c["notice"].click], stepped, inputs, outputs, trigger_mode="once")
    _then_grows(wire, flow, handlers, first, handlers.mend, ["chat", *_GROWING_SIDES])


def _connect_panels(wire: "Wire", flow: Flow, c: dict[str, Any], handlers: "Handlers") -> None:
    """What opens and closes the panels, and keeps what was written into them."""

    def calmly(view: View, request: gr.Request) -> View:
        return undisturbed(view) if flow.runs(str(request.session_hash)) else view

    def keep_first(request: gr.Request, visitor: Any) -> View:
        return calmly(handlers.keep(visitor, "first"), request)

    def keep_second(request: gr.Request, visitor: Any) -> View:
        return calmly(handlers.keep(visitor, "second"), request)

    def put_away(request: gr.Request, visitor: Any) -> View:
        return calmly(handlers.put_away(visitor), request)

    def rate(request: gr.Request, visitor: Any, *values: Any) -> View:
        return calmly(handlers.rate(visitor, *values), request)

    closing = [c[f"{name}_close"].click for name in ("edit", "opinion", "find")]
    rated = ["chosen", "opinion_text", "opinion_consent"]
    quick = {"queue": False}
    wire.on(closing, handlers.close_panels, [], _PANELS, **quick)
    wire.on([c["find"].click], handlers.show_find, [], _PANELS, **quick)
    wire.on([c["opinion_save"].click], rate, rated, _ALL, **quick)
    wire.on([c["keep_first"].click], keep_first, [], _ALL, **quick)
    wire.on([c["keep_second"].click], keep_second, [], _ALL, **quick)
    wire.on([c["compare_close"].click], put_away, [], [*_COMPARED, "status"], **quick)


def _connect_endings(wire: "Wire", flow: Flow, c: dict[str, Any], handlers: "Handlers") -> None:
    """What stops an answer: Stop itself, going back, and another chat."""
    stopped, closed, left = map(_by_tab, (flow.stop, flow.close, flow.leave))
    endings: list[tuple[Any, Callable[..., Any], Callable[..., Any], Sequence[str]]] = [
        (c["stop"].click, stopped, handlers.stop, []),
        (c["undo"].click, closed, handlers.undo, []),
        (c["new"].click, closed, handlers.new_chat, ["question", "shown", "system"]),
    ]
    for trigger, ending, handler, inputs in endings:
        before = gr.on([trigger], ending, None, None, queue=False, api_visibility="private")
        wire.on(before.then, handler, inputs, _ALL)
    connect_history(wire, c, handlers, _ALL, closed, left)
