"""Walk through the page as a visitor would, and take the README's pictures.

python -m benchmarks.screenshots [--output docs]

Serves the page with the embedded model and drives the system's Chromium: the empty page, a picture
with its tiles and an answer, light, dark and on a phone; boxes, a video, and a comparison.
"""

import argparse
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import Loader, about
from internvl.chat import SessionStore
from internvl.engines import LocalEngine
from internvl.options import parse
from internvl.ui.examples import find_examples
from internvl.ui.handlers import Handlers
from internvl.ui.html import ASSETS
from internvl.ui.layout import build_page
from internvl.ui.serve import serve

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
DESK = {"viewport": {"width": 1440, "height": 1100}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
RECEIPT, CLIP = (ASSETS / "examples" / name for name in ("4-receipt.png", "6-clip.mp4"))


@contextmanager
def served(port: int) -> Iterator[str]:
    """The address of a page over the embedded model with sessions of its own."""
    options = parse([])
    with tempfile.TemporaryDirectory() as folder:
        engine = LocalEngine(Loader(options))
        store = SessionStore(Path(folder))
        handlers = Handlers(engine, store, about(options.model), examples=find_examples())
        page = build_page(handlers)
        address = serve(page, port=port, wait=False)
        while engine.loading is not None:
            threading.Event().wait(0.2)
        try:
            yield address
        finally:
            page.close(verbose=False)


def empty(page: Any) -> None:
    """The page as it opens."""


def look(page: Any) -> None:
    """A receipt with its tiles, read, and what they mean."""
    _attach(page, RECEIPT)
    page.locator("#tray .facts").evaluate("facts => facts.scrollIntoView({ block: 'center' })")


def ask(page: Any) -> None:
    """An answered question; on a desk with a receipt for the next one."""
    _try(page, "1-shapes.png")
    _send(page, "#send")
    if page.evaluate("innerWidth > 860"):
        look(page)


def find(page: Any) -> None:
    """What was to be found, boxed."""
    _try(page, "7-find.png")
    _send(page, "#find_send")
    page.locator("#chat .place").first.wait_for()


def watch(page: Any) -> None:
    """A clip as the frames that the model gets, and an answer about it."""
    page.get_by_role("tab", name="Video", exact=True).click()
    _attach(page, CLIP)
    page.locator("#max_frames input[type=number]").fill("8")
    page.locator("#max_frames input[type=number]").press("Tab")
    page.get_by_text("8 frames = 8 tiles").wait_for()
    page.locator("#question textarea").fill("In which direction does it move?")
    _send(page, "#send")
    _attach(page, CLIP)


def compare(page: Any) -> None:
    """The same question at a quick look and at a close one."""
    _try(page, "3-chart.png")
    page.locator("#compare").click()
    page.locator("#keep_second:enabled").wait_for()


def _try(page: Any, example: str) -> None:
    page.locator(f'[data-example="{example}"]').click()
    _read(page)


def _attach(page: Any, file: Path) -> None:
    page.locator(".tabitem:visible .drop input[type=file]").set_input_files(str(file))
    _read(page)


def _read(page: Any) -> None:
    page.locator("#status .status.read").wait_for()
    page.locator("#tray .tile.read").last.wait_for()


def _send(page: Any, button: str) -> None:
    page.locator(button).click()
    page.locator("#chat .receipt").wait_for()
    page.locator("#send:visible").wait_for()


WALK: tuple[tuple[str, dict[str, Any], str, Callable[[Any], None]], ...] = (
    ("page-empty", DESK, "light", empty),
    ("page", DESK, "light", ask),
    ("page-dark", DESK, "dark", ask),
    ("page-boxes", DESK, "light", find),
    ("page-video", DESK, "light", watch),
    ("page-compare", DESK, "light", compare),
    ("page-phone-tiles", PHONE, "light", look),
    ("page-phone", PHONE, "light", ask),
)
"""The pictures by name, each with its screen, its colours, and what is done on the page."""


def walk(browser: Any, address: str, output: Path) -> Iterator[Path]:
    """Take the pictures one by one, yielding each one's path."""
    output.mkdir(parents=True, exist_ok=True)
    for name, screen, scheme, act in WALK:
        context = browser.new_context(**screen, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.goto(address)
        page.locator("#tray .example").first.wait_for()
        act(page)
        page.screenshot(path=str(output / f"{name}.png"))
        yield output / f"{name}.png"
        context.close()


def main() -> int:
    """The command line."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--port", type=int, default=7871)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("screenshots: there is no Chromium on this machine", file=sys.stderr)
        return 1
    with served(arguments.port) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for path in walk(browser, address, arguments.output):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
