"""How far a browser falls behind an answer: views at its own pace, against as fast as they come.

python -m benchmarks.drawing

An engine without a model writes 100 words a second into the page, in the system's Chromium with its
processor slowed down. Both ways take turns, on one machine that runs browser and server.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.screenshots import DESK, FLAGS
from internvl.chat import Conversation, SessionStore, Settings
from internvl.engines.base import Estimate, Event, Receipt, Text
from internvl.ui import flow
from internvl.ui.handlers import Handlers
from internvl.ui.layout import build_page
from internvl.ui.serve import serve
from internvl.ui.views import About

WAYS = {"at its own pace": flow.PACE, "as they come": (0.0, flow.PACE[1])}
WORDS, SECONDS = 600, 0.01


class Writer:
    """An engine that writes words, and notes when it has written the last one."""

    loading = None
    began = ended = 0.0

    def estimate(self, conversation: Conversation, settings: Settings) -> Estimate:
        """As good as nothing."""
        return Estimate([], 0, 1, 16384)

    def prepare(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """There is nothing to read."""
        return iter(())

    def stream(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """The words, one by one."""
        self.began = time.monotonic()
        for word in range(WORDS):
            time.sleep(SECONDS)
            yield Text(f"word{word} ")
        self.ended = time.monotonic()
        yield Receipt(0, 0, 1, 0, WORDS, [], 0.0, 1 / SECONDS, 0, "stop")

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: Settings
    ) -> list[tuple[str, Receipt]]:
        """Nobody asks for one."""
        return []

    def forget(self, conversation_id: str) -> None:
        """Nothing is kept."""


def measure(page: Any, engine: Writer, address: str) -> tuple[float, float]:
    """Seconds that the engine took, and that the page showed the last word later."""
    page.goto(address)
    page.locator("#tray .tray-empty").wait_for()
    page.locator("#question textarea").fill("Count.")
    page.locator("#send").click()
    page.get_by_text(f"word{WORDS - 1}").wait_for(timeout=300_000)
    return engine.ended - engine.began, time.monotonic() - engine.ended


def table(figures: dict[tuple[int, str], list[tuple[float, float]]]) -> str:
    """Markdown: medians."""
    lines = ["| processor | views | written in | the page is behind |", "|---" * 4 + "|"]
    for (rate, way), rounds in figures.items():
        took, behind = (median(column) for column in zip(*rounds, strict=True))
        lines.append(f"| 1/{rate} | {way} | {took:.1f} s | {behind:.1f} s |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rates", default="1,2,4", help="how many times slower, comma-separated")
    parser.add_argument("--port", type=int, default=7997)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    engine = Writer()
    rates = [int(rate) for rate in given.rates.split(",")]
    figures: dict[tuple[int, str], list[tuple[float, float]]] = {
        (rate, way): [] for rate in rates for way in WAYS
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = build_page(Handlers(engine, SessionStore(Path(folder)), About("writer")))
        address = serve(page, port=given.port, wait=False)
        chromium: Any = playwright.chromium
        browser = chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(given.rounds):
            for (rate, way), rounds in figures.items():
                flow.PACE = WAYS[way]
                context = browser.new_context(**DESK)
                tab = context.new_page()
                slow = context.new_cdp_session(tab)
                slow.send("Emulation.setCPUThrottlingRate", {"rate": rate})
                rounds.append(measure(tab, engine, address))
                context.close()
        browser.close()
        page.close(verbose=False)
    print(table(figures))


if __name__ == "__main__":
    main()
