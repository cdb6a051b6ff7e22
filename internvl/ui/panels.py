"""The panels between the talk and the composer, each closed until a button opens it."""

from typing import Any

import gradio as gr

from internvl.ui.formulas import DELIMITERS
from internvl.ui.html import ASSETS
from internvl.ui.text import properties, words


class Parts:
    """The components by name, made with their English words."""

    def __init__(self) -> None:
        self.all: dict[str, Any] = {}
        self._text = words("en")

    def add(self, name: str, kind: type, **options: Any) -> Any:
        component = kind(**{**properties(name, self._text), "elem_id": name, **options})
        self.all[name] = component
        return component

    def scripted(self, name: str, script: str, **options: Any) -> Any:
        """HTML with a script of its own, which can trigger events."""
        code = (ASSETS / "js" / f"{script}.js").read_text(encoding="utf-8")
        return self.add(name, gr.HTML, js_on_load=code, **options)


def add_panels(parts: Parts) -> None:
    """The panels, and what the buttons in messages speak through."""
    parts.scripted("acts", "talk", elem_classes="unseen")
    parts.all["chosen"] = gr.State(None)
    parts.all["shown"] = gr.State("")
    with _panel(parts, "edit"):
        parts.add("edit_text", gr.Textbox, lines=2, max_lines=6)
        parts.add("edit_note", gr.HTML, elem_classes="note")
        with gr.Row():
            parts.add("edit_send", gr.Button, variant="primary", size="sm", min_width=80)
            parts.add("edit_close", gr.Button, size="sm", min_width=80)
    with _panel(parts, "opinion"):
        parts.add("opinion_note", gr.HTML, elem_classes="note")
        parts.add("opinion_text", gr.Textbox, lines=1, max_lines=4)
        parts.add("opinion_consent", gr.Checkbox, container=False)
        with gr.Row():
            parts.add("opinion_save", gr.Button, variant="primary", size="sm", min_width=80)
            parts.add("opinion_close", gr.Button, size="sm", min_width=80)
    with _panel(parts, "find"), gr.Row(elem_id="find_row"):
        parts.add("find_text", gr.Textbox, lines=1, max_lines=1, scale=5)
        parts.add("find_send", gr.Button, variant="primary", size="sm", min_width=110)
        parts.add("find_close", gr.Button, size="sm", min_width=80)
    with _panel(parts, "compare"):
        with gr.Row(elem_id="compare_head"):
            parts.add("compare_note", gr.HTML, elem_classes="note")
            parts.add("compare_close", gr.Button, size="sm", min_width=80)
        with gr.Row(elem_id="compared"):
            for side in ("first", "second"):
                with gr.Column(min_width=140, elem_classes="compared"):
                    parts.add(f"compare_{side}_title", gr.HTML)
                    parts.add(f"compare_{side}", gr.Markdown, latex_delimiters=DELIMITERS)
                    parts.add(f"keep_{side}", gr.Button, size="sm", min_width=80)


def _panel(parts: Parts, name: str) -> Any:
    return parts.add(f"{name}_panel", gr.Column, visible=False, elem_classes="drawer")
