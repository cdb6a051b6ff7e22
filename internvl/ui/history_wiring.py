"""The events of the list of chats and of presenter mode; scripts send their data."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

if TYPE_CHECKING:
    from internvl.ui.handlers import Handlers
    from internvl.ui.wiring import Wire


def connect_history(
    wire: "Wire",
    c: Mapping[str, Any],
    handlers: "Handlers",
    talk: Sequence[str],
    closed: Callable[[gr.Request], None],
    left: Callable[[gr.Request], None],
) -> None:
    """The list of chats; what puts another chat on the page ends the answer (`closed`).

    What puts someone else's page there has nothing drawn of this one any more (`left`).
    """

    def chosen(visitor: Any, question: str, shown: str, event: gr.EventData) -> Any:
        return handlers.choose_chat(visitor, question, shown, str(event.chat))

    def deleted(visitor: Any, shown: str, event: gr.EventData) -> Any:
        return handlers.delete_chat(visitor, shown, str(event.chat))

    def presented(visitor: Any, event: gr.EventData) -> Any:
        return handlers.present(visitor, str(event.action))

    def renamed(visitor: Any, event: gr.EventData) -> Any:
        return handlers.rename_chat(visitor, str(event.chat), str(event.title))

    def saved(visitor: Any, event: gr.EventData) -> Any:
        return handlers.save_chats(visitor, str(event.form), str(event.chat))

    chats, everything, shown = c["chats"], list(c), ["chats", "notice"]
    endings: list[tuple[Any, Callable[..., Any], Callable[..., Any], Any, Any]] = [
        (chats.select, closed, chosen, ["question", "shown"], talk),
        (chats.delete, closed, deleted, ["shown"], talk),
        (chats.clear, left, handlers.erase, [], everything),
        (c["presenter"].click, left, presented, [], everything),
    ]
    for trigger, ending, handler, inputs, outputs in endings:
        # Not after one another as elsewhere: an event that follows another one has no data.
        gr.on([trigger], ending, None, None, queue=False, api_visibility="private")
        changed = wire.on([trigger], handler, inputs, outputs)
        if handler is chosen:
            wire.read_ahead(changed, handlers)
    wire.on([chats.edit], renamed, [], shown, queue=False)
    wire.on([chats.download], saved, [], ["download", "notice"])
    wire.on([c["imported"].upload], handlers.bring_chats, ["imported"], [*shown, "imported"])
