"""What answering really takes of the memory, against what the engine promised before.

    python -m benchmarks.memory                # nano
    python -m benchmarks.memory --shape 1b     # random weights in the 1B shape

Every case has a process of its own, in which the engine has answered a short question before, so
that neither other cases nor code that is loaded once are counted. Resident memory is read from
/proc (Linux). Writes benchmarks/results/memory*.json and prints Markdown.
"""

import argparse
import ctypes
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS, Figure, table
from internvl.chat import Attachment, Conversation, Settings, Turn

MB = 1e6
QUESTION = "What is in the picture?"
TURNS, EVERY = 30, 6
"""A conversation's turns, and after how many of them comes another picture."""

PAGE = (1792, 2688)
SIZES = {
    "1 tile": ((448, 448), 1),
    "7 tiles": ((1344, 896), 6),
    "document of 25 tiles": (PAGE, 24),
    "64 frames of 1080p": ((1920, 1080), 1),
    "5 pictures of 13 tiles": ((1792, 1344), 12),
}
"""By case, the size of its pictures and their most tiles."""

LIMITS = {"30 turns": (2**30, 2**31), "30 turns, little kept": (2**19, 12 * 2**20)}
"""By conversation, the bytes of visual tokens and of keys and values that are kept."""


def write_material(folder: Path) -> None:
    """The pictures and the clip of all cases."""
    from benchmarks.material import write_clip, write_picture

    write_picture(folder / "small.png", (448, 448))
    for name, (size, _) in SIZES.items():
        if "frames" in name:
            write_clip(folder / f"{name}.mp4", 10, size)
        else:
            for number in range(5):
                write_picture(folder / f"{name}-{number}.png", size, number)


def run_case(name: str, shape: str, folder: Path) -> dict[str, Any]:
    """Measure one case in this process: bytes by what they are."""
    from benchmarks.material import endless, nano, one_b
    from internvl.engines import LocalEngine

    model = endless(nano() if shape == "nano" else one_b())
    visual, prefix = LIMITS.get(name, LIMITS["30 turns"])
    engine = LocalEngine(model, visual_bytes=visual, prefix_bytes=prefix)
    warm = _asked(Attachment(folder / "small.png", "image", max_tiles=1))
    list(engine.stream(warm, Settings(max_new_tokens=4)))
    engine.forget(warm.id)
    if name in LIMITS:
        return {"turns": list(_converse(engine, folder))}
    return _answer(engine, _case(name, folder))


def _case(name: str, folder: Path) -> Conversation:
    most = SIZES[name][1]
    if "frames" in name:
        return _asked(Attachment(folder / f"{name}.mp4", "video", max_frames=64))
    files = [folder / f"{name}-{number}.png" for number in range(5 if "pictures" in name else 1)]
    return _asked(*(Attachment(path, "image", max_tiles=most) for path in files))


def _asked(*attachments: Attachment) -> Conversation:
    return Conversation(turns=[Turn(QUESTION, attachments)])


def _answer(engine: Any, conversation: Conversation) -> dict[str, Any]:
    """What was promised, and what was taken above what was there before it was asked for."""
    settings = Settings(max_new_tokens=24)
    before = _settle()
    promised = engine.estimate(conversation, settings).memory_bytes
    list(engine.stream(conversation, settings))
    return {"promised": promised, "taken": _status("VmHWM") - before, "decoder": _decoder()}


def _converse(engine: Any, folder: Path) -> Iterator[dict[str, int]]:
    """After every turn: what is resident above the beginning, and what the caches say they hold."""
    settings = Settings(max_new_tokens=24)
    conversation = Conversation()
    before = _settle()
    for number in range(TURNS):
        path = folder / f"7 tiles-{number // EVERY % 5}.png"
        pictures = () if number % EVERY else (Attachment(path, "image", max_tiles=6),)
        conversation.turns.append(Turn(QUESTION, pictures))
        events = list(engine.stream(conversation, settings))
        conversation.turns[-1].answer = "".join(getattr(event, "text", "") for event in events)
        yield {
            "resident": _status("VmRSS") - before,
            "peak": _status("VmHWM") - before,
            "visual": engine._visual.bytes,
            "prefixes": engine._prefixes.bytes,
            "prompt": events[-1].prompt_tokens,
        }


def _settle() -> int:
    """Give back what is free, forget the peak so far; the bytes that are resident."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _status("VmRSS")


def _status(name: str, process: str = "self") -> int:
    """A number of bytes from Linux's account of a process."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.M)
    return int(found[1]) * 1024 if found else 0


def _decoder() -> int:
    """The most that the process which decodes videos has had; 0 without one."""
    lists = Path("/proc/self/task").glob("*/children")
    children = [child for path in lists for child in path.read_text("ascii").split()]
    return max((_status("VmHWM", child) for child in children), default=0)


def measure(
    shape: str, names: list[str], rounds: int
) -> Iterator[tuple[list[Figure], list[dict[str, int]]]]:
    """All cases, each in processes of its own: figures, and for a conversation its turns."""
    with tempfile.TemporaryDirectory() as folder:
        write_material(Path(folder))
        for name in names:
            found = [_run(name, shape, folder) for _ in range(1 if name in LIMITS else rounds)]
            turns = found[0].get("turns", [])
            title = f"{shape}: {name}"
            yield list(_conversation(title, turns) if turns else _figures(title, found)), turns


def _run(name: str, shape: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.memory", "--shape", shape, "--case", name, folder]
    child = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(child.stdout)
    return found


def _figures(title: str, found: list[dict[str, Any]]) -> Iterator[Figure]:
    """What was taken, against what was promised."""
    figure = Figure(title, "MB", 1.0, against="promised")
    for case in found:
        figure.add("ours", case["taken"] / MB)
        figure.add("promised", case["promised"] / MB)
    yield figure
    if found[0]["decoder"]:
        values = [case["decoder"] / MB for case in found]
        yield Figure(f"{title}, the process that decodes", "MB", values={"ours": values})


def _conversation(title: str, turns: list[dict[str, int]]) -> Iterator[Figure]:
    """The most that a conversation took, whether it grows, and what the caches hold at its end."""
    last = turns[-1]
    found = {
        "peak": last["peak"],
        "last turn": last["resident"],
        "last turn minus turn 10": last["resident"] - turns[9]["resident"],
        "visual tokens kept": last["visual"],
        "keys and values kept": last["prefixes"],
    }
    for name, value in found.items():
        yield Figure(f"{title}, {name}", "MB", values={"ours": [value / MB]})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=("nano", "1b"), default="nano")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=[*SIZES, *LIMITS])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(run_case(given.case[0], given.shape, Path(given.case[1]))))
        return
    from benchmarks.machine import machine

    suffix = "" if given.shape == "nano" else f"-{given.shape}"
    path = given.json or RESULTS / f"memory{suffix}.json"
    limits = machine()
    known = {name: limits[name] for name in ("processor", "cores", "versions")}
    content: dict[str, Any] = {"machine": known, "figures": [], "turns": []}
    figures: list[Figure] = []
    for part, turns in measure(given.shape, given.only or [*SIZES, *LIMITS], given.rounds):
        figures += part
        content["figures"] += [figure.to_json() for figure in part]
        content["turns"] += [turns] if turns else []
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
