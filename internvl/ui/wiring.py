"""Which handler each event of the page calls, and which components its views may change."""

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from internvl.ui.handlers import Handlers
from internvl.ui.page import VALUES
from internvl.ui.talking import connect_talk
from internvl.ui.views import View

_DRAFT = [
    *("tray", "clear", "start", "end", "image", "images", "video", "question", "pages"),
    *("compare", "compare_why"),
]
Components = dict[str, Any]


@dataclass(frozen=True)
class Wire:
    """Connects events to handlers, whose views go to the components by name."""

    components: Components

    def on(
        self,
        triggers: Any,
        handler: Callable[..., Any],
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        **options: Any,
    ) -> Any:
        """The event, on triggers or after another event."""
        connect = triggers if callable(triggers) else lambda **o: gr.on(triggers, **o)
        return connect(
            fn=_spread(handler, outputs),
            inputs=[self.components[name] for name in ("visitor", *inputs)],
            outputs=[self.components[name] for name in outputs],
            show_progress="hidden",
            api_visibility="private",
            concurrency_limit=None,
            **options,
        )

    def read_ahead(self, changed: Any, handlers: Handlers) -> None:
        """After an event, the model reads what is on the page."""
        # By itself Gradio would skip a reading that starts while another runs; the new one ends it.
        outputs = ["status", "notice", "cost"]
        self.on(changed.then, handlers.prepare, [], outputs, trigger_mode="multiple")


def connect(demo: gr.Blocks, c: Components, handlers: Handlers) -> None:
    """Connect every event of the page."""
    wire = Wire(c)
    everything = list(c)

    def opened(visitor: Any, request: gr.Request) -> Any:
        languages = request.headers.get("accept-language", "")
        return _in_order(handlers.open(visitor, languages), everything)

    loaded = demo.load(
        opened,
        c["visitor"],
        [c[name] for name in everything],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    quick = {"queue": False}
    spoken = wire.on([c["language"].input], handlers.speak, ["language"], everything, **quick)
    for drawn in (loaded, spoken):
        wire.read_ahead(drawn, handlers)
    wire.on([c["timer"].tick], handlers.tick, [], ["model", "timer"], **quick)
    _connect_draft(wire, c, handlers)
    connect_talk(demo, wire, c, handlers)


def _connect_draft(wire: Wire, c: Components, handlers: Handlers) -> None:
    """The events around the tile view; after each the model reads ahead."""
    last = {"queue": False, "trigger_mode": "always_last"}
    found = ["find_panel", "find_text"]
    shown = [*_DRAFT, "panes", "status", "notice", "cost", "max_tiles", "max_frames", *found]

    def touched(visitor: Any, question: str, event: gr.EventData) -> Any:
        return handlers.touch(visitor, question, str(event.action), str(event.name))

    def costed(visitor: Any, event: gr.EventData) -> Any:
        if str(event.action) == "pin":
            return handlers.pin(visitor, str(event.name))
        return handlers.fit(visitor)

    triggers: list[tuple[Any, Callable[..., Any], Sequence[str]]] = [
        (c["image"].upload, handlers.add_image, ["image"]),
        (c["images"].upload, handlers.add_images, ["images"]),
        (c["video"].upload, handlers.add_video, ["video"]),
        (c["tray"].click, touched, ["question"]),
        (c["clear"].click, handlers.clear, ["question"]),
        (c["cost"].click, costed, []),
        (c["pages"].submit, handlers.choose_pages, ["pages"]),
        (c["pages"].blur, handlers.choose_pages, ["pages"]),
        (c["max_tiles"].input, handlers.change, VALUES),
        (c["max_frames"].input, handlers.change, VALUES),
        (c["start"].input, handlers.trim, ["start", "end"]),
        (c["end"].input, handlers.trim, ["start", "end"]),
    ]
    for trigger, handler, inputs in triggers:
        changed = wire.on([trigger], handler, inputs, shown, **last)
        wire.read_ahead(changed, handlers)
    kept = ["temperature", "top_p", "repetition_penalty", "max_new_tokens", "seed", "system"]
    wire.on([c[name].input for name in kept], handlers.adjust, VALUES, ["notice"], **last)
    typed = ["question", "shown"]
    wire.on([c["question"].blur], handlers.keep_question, typed, ["notice"], queue=False)


def _spread(handler: Callable[..., Any], outputs: Sequence[str]) -> Callable[..., Any]:
    """The handler as Gradio wants it: values in the order of the outputs."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def running(*values: Any) -> Iterator[Any]:
            for view in handler(*values):
                yield _in_order(view, outputs)

        return running

    @functools.wraps(handler)
    def once(*values: Any) -> Any:
        return _in_order(handler(*values), outputs)

    return once


def _in_order(view: View, names: Sequence[str]) -> Any:
    updates = [gr.update(**view[name]) if name in view else gr.skip() for name in names]
    return updates[0] if len(updates) == 1 else updates
