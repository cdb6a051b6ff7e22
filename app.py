"""Starts the page: command line -> engine, sessions and page.

    python app.py                                     # the embedded model, on 127.0.0.1:7860
    python app.py --model OpenGVLab/InternVL2_5-1B    # a published one

Also the entry of a Hugging Face Space. Nothing heavy is imported before the command line is read.
"""

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from internvl.options import EMBEDDED, parse

if TYPE_CHECKING:
    from internvl.chat import SessionStore
    from internvl.engines import LocalEngine
    from internvl.model import Model
    from internvl.ui.views import About

CLEANING_SECONDS = 600.0


def main() -> int:
    """Run the page until it is stopped; the exit code."""
    options = parse()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    print(f"InternVL 2.5: the page starts, {Path(options.model).name} is loaded behind it.")
    try:
        run(options)
    except OSError as error:
        print(f"app.py: port {options.port} of {options.host}: {error}", file=sys.stderr)
        return 1
    return 0


def run(options: argparse.Namespace) -> None:
    """Put engine, sessions and page together and serve them. Raises OSError for a taken port."""
    from internvl.chat import Limits, SessionStore
    from internvl.engines import LocalEngine
    from internvl.ui.handlers import Handlers
    from internvl.ui.layout import build_page
    from internvl.ui.serve import find_examples, serve

    limits = Limits(
        upload_bytes=options.max_upload_mb * 2**20,
        frames=options.max_frames,
        session_seconds=options.session_hours * 3600,
    )
    store = SessionStore(options.sessions, limits)
    loader = Loader(options)
    engine = LocalEngine(loader, queue_length=options.queue_length)
    threading.Thread(target=_clean, args=(store, engine), daemon=True).start()
    handlers = Handlers(
        engine,
        store,
        about(options.model),
        max_tiles=options.max_tiles,
        language=options.language,
        examples=find_examples(),
        problem=lambda: loader.problem,
    )
    serve(
        build_page(handlers),
        host=options.host,
        port=options.port,
        share=options.share,
        root_path=options.root_path,
        upload_bytes=limits.upload_bytes,
    )


class Loader:
    """Loads the model for the engine; `problem` says why that failed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.problem: str | None = None

    def __call__(self, progress: Callable[[float], None]) -> "Model":
        """The model, with the fraction told to `progress`. Raises ModelError."""
        from internvl.model import ModelError, load_model

        o = self.options
        try:
            return load_model(o.model, o.quantization, o.device, o.dtype, progress)
        except ValueError as error:
            self.problem = str(error)
            raise ModelError(str(error)) from error
        except ModelError as error:
            self.problem = str(error)
            raise
        finally:
            if self.problem:
                print(f"app.py: {self.problem}", file=sys.stderr)


def about(model: str) -> "About":
    """How the page introduces a model, by its folder or Hugging Face id."""
    from internvl.model import find_entry
    from internvl.ui.views import About

    name = Path(model).name
    entry = find_entry(name)
    return About(
        name="InternVL nano" if Path(model) == EMBEDDED else name,
        licence=f"MIT; language model: {entry.licence}" if entry else "see its model card",
        embedded=Path(model) == EMBEDDED,
        tokens_per_tile=_tokens_per_tile(Path(model) / "config.json"),
    )


def _tokens_per_tile(config: Path) -> int:
    if not config.exists():
        return 256
    content = json.loads(config.read_text(encoding="utf-8"))
    vision = content.get("vision_config", {})
    if "patch_size" not in vision or "downsample_ratio" not in content:
        return int(content.get("image_seq_length", 256))
    size = content.get("force_image_size") or vision["image_size"]
    side: float = size // vision["patch_size"] * content["downsample_ratio"]
    return round(side**2)


def _clean(store: "SessionStore", engine: "LocalEngine") -> None:
    """Delete expired sessions and what the engine keeps for them, as long as the page runs."""
    while True:
        for session in store.remove_expired():
            for conversation in session.conversations:
                engine.forget(conversation.id)
        threading.Event().wait(CLEANING_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
