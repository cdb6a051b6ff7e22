"""The events of the list of chats, of cards and of presenter mode; scripts send their data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import gradio as gr

from internvl.ui.handlers import Handlers
from internvl.ui.page import VALUES


class Wire(Protocol):
    """Connects events to handlers."""

    def on(
        self,
        triggers: Any,
        handler: Callable[..., Any],
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        **options: Any,
    ) -> Any:
        """The event."""


def connect_cards(wire: Wire, c: Mapping[str, Any], handlers: Handlers, talk: Sequence[str]) -> Any:
    """The buttons of a card, which may ask again."""

    def stepped(visitor: Any, event: gr.EventData, *values: Any) -> Iterator[Any]:
        step = str(event.step), int(event.number), str(event.asked)
        yield from handlers.mend(visitor, *step, *values)

    return wire.on(
        [c["notice"].click],
        stepped,
        ["question", *VALUES],
        list(dict.fromkeys([*talk, *VALUES])),
        trigger_mode="once",
    )


def connect_history(
    wire: Wire,
    c: Mapping[str, Any],
    handlers: Handlers,
    talk: Sequence[str],
    running: Sequence[Any],
) -> None:
    """The list of chats; what puts another chat on the page ends the answers that are running."""

    def chosen(visitor: Any, event: gr.EventData) -> Any:
        return handlers.choose_chat(visitor, str(event.chat))

    def deleted(visitor: Any, event: gr.EventData) -> Any:
        return handlers.delete_chat(visitor, str(event.chat))

    def presented(visitor: Any, event: gr.EventData) -> Any:
        return handlers.present(visitor, str(event.action))

    def renamed(visitor: Any, event: gr.EventData) -> Any:
        return handlers.rename_chat(visitor, str(event.chat), str(event.title))

    def saved(visitor: Any, event: gr.EventData) -> Any:
        return handlers.save_chats(visitor, str(event.form), str(event.chat))

    chats, everything, shown = c["chats"], list(c), ["chats", "notice"]
    endings: list[tuple[Any, Callable[..., Any], Sequence[str]]] = [
        (chats.select, chosen, talk),
        (chats.delete, deleted, talk),
        (chats.clear, handlers.erase, everything),
        (c["presenter"].click, presented, everything),
    ]
    for trigger, handler, outputs in endings:
        # Not after one another as elsewhere: an event that follows another one has no data.
        gr.on([trigger], fn=None, cancels=list(running))
        wire.on([trigger], handler, [], outputs)
    wire.on([chats.edit], renamed, [], shown, queue=False)
    wire.on([chats.download], saved, [], ["download", "notice"])
    wire.on([c["imported"].upload], handlers.bring_chats, ["imported"], [*shown, "imported"])
