"""Shared fixtures: a scripted engine behind the page's handlers, and a browser."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

from internvl.chat import Limits, SessionStore
from internvl.ui.handlers import Handlers
from internvl.ui.views import About

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

GOLDEN = Path(__file__).parent / "data" / "golden"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture
def tall():
    """A photo of 377 x 600: 2 x 3 tiles and the thumbnail at 6 and at 12."""
    return GOLDEN / "images" / "photo_377x600.png"


@pytest.fixture
def wide():
    """A photo of 502 x 343: 3 x 2 tiles and the thumbnail at 6 and at 12."""
    return GOLDEN / "images" / "photo_502x343.png"


@pytest.fixture
def clip():
    """A video of a few seconds that Gradio brings along."""
    import gradio

    return Path(gradio.__file__).parent / "media_assets" / "videos" / "a.mp4"


@pytest.fixture
def engine():
    return ScriptedEngine(["A ", "photo ", "of a ", "tower."])


@pytest.fixture
def store(tmp_path):
    limits = Limits(question_characters=500, system_characters=300, files=4)
    return SessionStore(tmp_path / "sessions", limits)


@pytest.fixture
def handlers(engine, store):
    return Handlers(engine, store, About("nano", embedded=True))


@pytest.fixture
def visitor(handlers):
    """A visitor who has opened the page in English."""
    return handlers.open(None, "en")["visitor"]["value"]


@pytest.fixture
def session(store, visitor):
    return store.open(visitor["token"])


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """The folder of Gradio's uploads, for this test alone.

    Gradio names an upload by its content and deletes it once its server has shut down, which may
    be while another test waits for the same picture.
    """
    folder = tmp_path / "gradio"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def serve_page(tmp_path, uploads):
    """A function that serves a page over an engine and returns its address."""
    from internvl.ui.layout import build_page
    from internvl.ui.serve import serve

    pages = []

    def start(engine, folder="sessions", limits=None, about=None, **options):
        about = about or About("nano", embedded=True)
        store = SessionStore(tmp_path / folder, limits)
        page = build_page(Handlers(engine, store, about, **options))
        pages.append(page)
        return serve(page, port=free_port(), wait=False)

    yield start
    for page in pages:
        page.close(verbose=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium; its tests are skipped without it, unless REQUIRE_BROWSER=1."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail("REQUIRE_BROWSER=1, but there is no Chromium on this machine")
        pytest.skip("browser tests skipped: there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """A function that opens the page as a new visitor; its errors in the console fail the test."""
    from playwright.sync_api import expect

    contexts, errors = [], []

    def come(address, width=1440, height=900, **options):
        contexts.append(
            chromium.new_context(viewport={"width": width, "height": height}, **options)
        )
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        expect(page.locator("#tray .tray-empty, #tray .sheet").first).to_be_visible()
        return page

    yield come
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, which `make` fetches by npm; its tests are skipped without it."""
    script = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("axe tests skipped: run `npm ci --prefix tests` (make test does, given npm)")
    return script.read_text(encoding="utf-8")


def pytest_terminal_summary(terminalreporter):
    """A line for each kind of tests that were skipped for want of a program."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("axe tests skipped" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line("Axe tests skipped: axe-core is not there (npm fetches it).")
    if any("no Chromium" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line("Browser tests skipped: there is no Chromium on this machine.")
