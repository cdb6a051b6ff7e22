"""Starts the page: command line -> engine, sessions and page.

    python app.py                                     # the embedded model, on 127.0.0.1:7860
    python app.py --model OpenGVLab/InternVL2_5-1B    # a published one

Also the entry of a Hugging Face Space. Nothing heavy is imported before the command line is read.
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from internvl.options import EMBEDDED, parse

if TYPE_CHECKING:
    from internvl.chat import SessionStore
    from internvl.engines import Engine
    from internvl.model import Model
    from internvl.ui.views import About

logger = logging.getLogger(__name__)
CLEANING_SECONDS = 600.0


def main() -> int:
    """Run the page until it is stopped; the exit code."""
    options = parse()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        introduced = about(options.model, options.share)
    except ValueError as error:
        print(f"app.py: {options.model}: {error}", file=sys.stderr)
        return 2
    print(f"InternVL 2.5: the page starts, {introduced.name} is loaded behind it.", flush=True)
    try:
        run(options, introduced)
    except StartError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 1
    return 0


class StartError(Exception):
    """The page can't be served; the message says why."""


def run(options: argparse.Namespace, about: "About") -> None:
    """Put engine, sessions and page together and serve them. Raises StartError."""
    from internvl.chat import Limits, SessionStore
    from internvl.engines.behind import EngineBehind
    from internvl.ui.examples import find_examples
    from internvl.ui.handlers import Handlers
    from internvl.ui.layout import build_page
    from internvl.ui.serve import serve

    limits = Limits(
        upload_bytes=options.max_upload_mb * 2**20,
        tiles=options.max_tiles,
        frames=options.max_frames,
        session_seconds=options.session_hours * 3600,
    )
    with _told(f"--sessions {options.sessions}"):
        store = SessionStore(options.sessions, limits)
    loader = Loader(options)
    engine = EngineBehind(lambda: _local_engine(loader, options))
    threading.Thread(target=_clean, args=(store, engine), daemon=True).start()
    handlers = Handlers(
        engine,
        store,
        about,
        language=options.language,
        examples=find_examples(),
        problem=lambda: loader.problem,
    )
    page = build_page(handlers)
    with _told(f"port {options.port} of {options.host}"):
        serve(
            page,
            host=options.host,
            port=options.port,
            share=options.share,
            root_path=options.root_path,
            upload_bytes=limits.upload_bytes,
            began=engine.begin,
        )


def _local_engine(loader: "Loader", options: argparse.Namespace) -> "Engine":
    """The engine over the model; importing it takes seconds."""
    from internvl.engines import LocalEngine
    from internvl.engines.decoding import graphs_for

    recorder_for = graphs_for if options.cuda_graphs else lambda _: None
    return LocalEngine(loader, queue_length=options.queue_length, recorder_for=recorder_for)


@contextlib.contextmanager
def _told(subject: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartError(f"{subject}: {error}") from error


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
            if room := memory_sentence(o.model, o.quantization, o.device):
                print(room, flush=True)
            return load_model(o.model, o.quantization, o.device, o.dtype, progress)
        except Exception as error:  # else the page would call a model ready that is not there
            self.problem = str(error)
            if not isinstance(error, ModelError | ValueError):
                logger.exception("Loading %s failed", o.model)
                reason = f"{type(error).__name__}: {error}"
                self.problem = f"{Path(o.model).name} can't be loaded ({reason})."
            print(f"app.py: {self.problem}", file=sys.stderr)
            raise ModelError(self.problem) from error


def memory_sentence(model: str, quantization: str, device: str) -> str:
    """Whether a published model fits this machine; nothing for another model."""
    from internvl.model.int8 import read_as
    from internvl.model.placement import choose_device
    from internvl.model.zoo import available_memory, find_entry, free_main_memory, memory_needed

    entry = find_entry(Path(model).name)
    if entry is None:
        return ""
    needed = memory_needed(entry, read_as(quantization, choose_device(device)))
    free = free_main_memory() if device == "cpu" else available_memory()
    numbers = f"{entry.name} needs about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
    smaller = "" if quantization == "4bit" else " or --quantization 4bit"
    verdict = "it fits." if needed <= free else f"it may not fit; try a smaller one{smaller}."
    return f"InternVL 2.5: {numbers}: {verdict}"


def about(model: str, shared: bool = False) -> "About":
    """How the page introduces a model, by its folder or Hugging Face id; `shared` as in About.

    Raises ValueError when its `config.json` is damaged.
    """
    from internvl.model import find_entry
    from internvl.ui.views import About

    name = Path(model).name
    entry = find_entry(name)
    return About(
        name="InternVL nano" if Path(model) == EMBEDDED else name,
        licence=f"MIT; language model: {entry.licence}" if entry else "see its model card",
        embedded=Path(model) == EMBEDDED,
        published=entry is not None,
        shared=shared,
        **_tile(Path(model) / "config.json"),
    )


def _tile(config: Path) -> dict[str, int]:
    """The size and the visual tokens of a tile; nothing for a model that is not here yet."""
    from internvl.model.zoo import tile_size, tokens_per_tile

    if not config.exists():
        return {}
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"config.json can't be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("config.json should hold a JSON object")
    return {"tile_size": tile_size(content), "tokens_per_tile": tokens_per_tile(content)}


def _clean(store: "SessionStore", engine: "Engine") -> None:
    """Delete expired sessions and what the engine keeps for them, as long as the page runs."""
    while True:
        clean(store, engine)
        threading.Event().wait(CLEANING_SECONDS)


def clean(store: "SessionStore", engine: "Engine") -> None:
    """Delete expired sessions once; what goes wrong is logged, so that the next time comes."""
    try:
        for session in store.remove_expired():
            for conversation in session.conversations:
                engine.forget(conversation.id)
    except Exception:
        logger.exception("Deleting expired sessions failed")


if __name__ == "__main__":
    sys.exit(main())
