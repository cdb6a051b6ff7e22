"""The page: which components there are and where they stand."""

import gradio as gr

from internvl.chat import Limits, Settings
from internvl.ui.ask import make_ask
from internvl.ui.formulas import DELIMITERS
from internvl.ui.handlers import Handlers
from internvl.ui.panels import Parts, add_panels
from internvl.ui.text import LANGUAGES
from internvl.ui.wiring import connect

_IMAGES = ["image", ".heic", ".heif", ".avif", ".pdf"]
_VIDEOS = ["video", ".mkv", ".avi", ".m4v", ".flv", ".wmv"]
_SECRET = "internvl"  # hides nothing: the token is what the server checks


def build_page(handlers: Handlers) -> gr.Blocks:
    """The page over its handlers, ready to be launched (see `serve`)."""
    demo: gr.Blocks
    with gr.Blocks(
        title="InternVL 2.5", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)
    ) as demo:
        parts = Parts()
        visitor = gr.BrowserState(None, storage_key="internvl-visitor", secret=_SECRET)
        parts.all["visitor"] = visitor
        _head(parts)
        with gr.Row(elem_id="main"):
            left = gr.Column(scale=5, min_width=340, elem_id="left")
            with left, gr.Column(elem_id="look"):
                _look(parts, handlers.store.limits)
            with gr.Column(scale=7, min_width=340, elem_id="talk"):
                _talk(parts)
        parts.add("words", gr.HTML, elem_classes="unseen")
        parts.add("imported", gr.File, file_types=[".json"], elem_classes="unseen")
        parts.scripted("download", "download", elem_classes="unseen")
        connect(demo, parts.all, handlers)
        make_ask(handlers.engine, handlers.store.limits)
    return demo


def _head(parts: Parts) -> None:
    with gr.Row(elem_id="head"):
        gr.HTML("<h1>InternVL <span>2.5</span></h1>", elem_id="title")
        parts.add("tagline", gr.HTML)
        parts.add("model", gr.HTML)
        parts.add(
            "language", gr.Radio, choices=list(LANGUAGES.items()), value="en", container=False
        )
        parts.add("tools", gr.HTML)
        parts.add("about", gr.HTML)
        parts.scripted("presenter", "presenter")
        parts.all["timer"] = gr.Timer(1.0, active=False)


def _look(parts: Parts, limits: Limits) -> None:
    first = limits.clamp(Settings())
    slider = {"minimum": 1, "step": 1, "interactive": True}
    tiles = {**slider, "maximum": limits.tiles, "value": first.max_tiles}
    frames = {**slider, "maximum": limits.frames, "value": first.max_frames}
    with parts.add("panes", gr.Tabs):
        with parts.add("image_tab", gr.Tab, id="image"):
            parts.add("image", gr.File, file_types=_IMAGES, elem_classes="drop")
        with parts.add("images_tab", gr.Tab, id="images"):
            parts.add(
                "images", gr.File, file_types=_IMAGES, file_count="multiple", elem_classes="drop"
            )
        with parts.add("video_tab", gr.Tab, id="video"):
            parts.add("video", gr.File, file_types=_VIDEOS, elem_classes="drop")
            parts.add("max_frames", gr.Slider, **frames)
            with gr.Row():
                clip = {"minimum": 0, "maximum": 1, "step": 0.1, "visible": False}
                parts.add("start", gr.Slider, value=0, min_width=140, **clip)
                parts.add("end", gr.Slider, value=1, min_width=140, **clip)
    parts.add("extras", gr.HTML)
    parts.add("pages", gr.Textbox, max_lines=1, visible=False)
    parts.scripted("tray", "tray")
    with parts.add("exact", gr.Accordion, open=False):
        parts.add("max_tiles", gr.Slider, **tiles)
    parts.add("clear", gr.Button, size="sm", visible=False)
    with parts.add("settings", gr.Accordion, open=False):
        _settings(parts)


def _talk(parts: Parts) -> None:
    with gr.Row(elem_id="chatbar"):
        parts.scripted("chats", "chats")
        parts.add("new", gr.Button, size="sm", min_width=90)
    parts.add(
        "chat",
        gr.Chatbot,
        height=None,
        layout="panel",
        buttons=[],
        latex_delimiters=DELIMITERS,
        allow_tags=False,
        group_consecutive_messages=False,
        show_label=False,
    )
    add_panels(parts)
    with gr.Row(elem_id="again"):
        parts.add("retry", gr.Button, size="sm", min_width=80)
        parts.add("undo", gr.Button, size="sm", min_width=80)
        parts.add("find", gr.Button, size="sm", min_width=80)
        parts.add("compare", gr.Button, size="sm", min_width=80)
        parts.add("compare_why", gr.HTML)
    with gr.Column(elem_id="composer"):
        parts.scripted("notice", "card")
        parts.scripted("cost", "cost")
        parts.add("status", gr.HTML)
        with gr.Row(elem_id="ask"):
            parts.add("question", gr.Textbox, lines=1, max_lines=6, scale=6, container=False)
            parts.add("send", gr.Button, variant="primary", min_width=96)
            parts.add("stop", gr.Button, variant="stop", min_width=96, visible=False)
        parts.add("caution", gr.HTML)


def _settings(parts: Parts) -> None:
    parts.add("system", gr.Textbox, lines=2, max_lines=6)
    with gr.Row():
        parts.add("temperature", gr.Slider, minimum=0, maximum=2, value=0, step=0.05)
        parts.add("top_p", gr.Slider, minimum=0, maximum=1, value=1, step=0.01)
    with gr.Row():
        parts.add("repetition_penalty", gr.Slider, minimum=1, maximum=2, value=1, step=0.01)
        parts.add("max_new_tokens", gr.Slider, minimum=1, maximum=4096, value=1024, step=1)
    parts.add("seed", gr.Number, value=None, precision=0, minimum=0, maximum=2**53 - 1)
