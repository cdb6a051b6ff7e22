"""Walk through the page as a visitor would, and take the README's pictures.

python -m benchmarks.screenshots [--output docs]

Serves the page with the embedded model and drives the system's Chromium: the empty page, a picture
with its tiles and an answer, light and dark, and the same on a phone.
"""

import argparse
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
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
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
EXAMPLE, NEXT = "1-shapes.png", ASSETS / "examples" / "4-receipt.png"


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


def ask(page: Any) -> None:
    """Ask about an example, wait for the answer, and attach a receipt for the next question."""
    page.locator(f'[data-example="{EXAMPLE}"]').click()
    page.locator("#tray .tile.read").last.wait_for()
    page.locator("#send").click()
    page.locator("#chat .receipt").wait_for()
    page.locator(".tabitem:visible .drop input[type=file]").set_input_files(str(NEXT))
    page.locator("#tray .tile.read").last.wait_for()


def walk(browser: Any, address: str, output: Path) -> Iterator[Path]:
    """Take the pictures one by one, yielding each one's path."""
    for name, size, scheme in (
        ("page", DESK, "light"),
        ("page-dark", DESK, "dark"),
        ("page-phone", PHONE, "light"),
    ):
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        page = context.new_page()
        page.goto(address)
        page.locator("#tray .example").first.wait_for()
        if name == "page":
            yield _take(page, output / "page-empty.png")
        ask(page)
        yield _take(page, output / f"{name}.png")
        context.close()


def _take(page: Any, path: Path) -> Path:
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=str(path))
    return path


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
