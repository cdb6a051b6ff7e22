"""Launches the page with its look, its limits and none of the extras it does not need."""

from collections.abc import Callable

import gradio as gr

from internvl.ui.clips import clip_route
from internvl.ui.html import ASSETS
from internvl.ui.pictures import picture_route
from internvl.ui.theme import make_theme

STYLES = (
    "page",
    "tiles",
    "detail",
    "chat",
    "answers",
    "video",
    "first",
    "history",
    "cards",
    "presenter",
    "phone",
)
"""The files of assets/css, in the order in which they override each other."""
SCRIPTS = (
    "page",
    "tiles",
    "grid",
    "names",
    "paste",
    "refuse",
    "answers",
    "video",
    "camera",
    "look",
    "about",
    "away",
    "follow",
    "enlarge",
)
"""The files of assets/js that every page loads; `page` comes first."""


def serve(
    page: gr.Blocks,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    root_path: str = "",
    upload_bytes: int = 200 * 2**20,
    wait: bool = True,
    began: Callable[[], object] = lambda: None,
) -> str:
    """Start the page's server and return its address; with `wait`, only once it has stopped.

    `began` is called when the page can be opened.

    Raises OSError when the port is taken.
    """
    scripts = [(ASSETS / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS]
    page.queue(default_concurrency_limit=None, api_open=False)
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=share,
            root_path=root_path,
            max_file_size=upload_bytes,
            theme=make_theme(),
            css_paths=[ASSETS / "css" / f"{name}.css" for name in STYLES],
            head="".join(f"<script>{script}</script>" for script in scripts),
            app_kwargs={"routes": [clip_route(), picture_route()]},
            favicon_path=ASSETS / "favicon.png",
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            prevent_thread_lock=True,
            quiet=not wait,
        )
    except OSError as error:
        if "empty port" in str(error):  # Gradio's advice is for those who call it
            raise OSError("it is taken; please choose another with --port") from error
        raise
    began()
    if wait:
        page.block_thread()
    return str(address)
