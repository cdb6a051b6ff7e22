"""The child process in which videos are decoded, seen from this one.

It is started when first needed, serves one request after the other, ends with this process (which
closes its input) and is started again after it was killed or ended by itself.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from PIL import Image

Answer = tuple[dict[str, Any], Image.Image | None]

Shrink = Callable[[Image.Image], Image.Image]
"""What is done to a frame as soon as it comes, before the next one does."""

_log = logging.getLogger(__name__)


def ask(request: dict[str, Any], time_limit: float, shrink: Shrink | None = None) -> list[Answer]:
    """The child's answers, last `{"end": true}` or `{"error": "why"}`.

    Of each frame only what `shrink` makes of it is kept. Raises EOFError or BrokenPipeError when
    the child ends or takes over `time_limit` seconds. Requests from several threads wait for each
    other.
    """
    # A forked process (ZeroGPU) must not share its parent's child, nor a lock that was held.
    return _processes.setdefault(os.getpid(), _Process()).ask(request, time_limit, shrink)


class _Process:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def ask(
        self, request: dict[str, Any], time_limit: float, shrink: Shrink | None = None
    ) -> list[Answer]:
        with self._lock:
            child = self._running()
            timer = threading.Timer(time_limit, child.kill)
            timer.start()
            answers: list[Answer] = []
            try:
                answers = _collected(_exchange(child, request, shrink))
            finally:
                timer.cancel()
                if not answers:
                    self._end(child)
            return answers

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is None or self._child.poll() is not None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the child
            self._child = subprocess.Popen(
                [sys.executable, "-m", "internvl.preprocessing.video_reader"],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        return self._child

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.kill()
        child.communicate()
        if self._errors:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 1000))
            _log.warning("the video reader ended: %s", self._errors.read().decode(errors="replace"))
        self._child = None


_processes: dict[int, _Process] = {}


def _collected(exchange: Iterator[Answer]) -> list[Answer]:
    answers: list[Answer] = []
    for answer in exchange:
        if "again" in answer[0]:
            answers.clear()
        else:
            answers.append(answer)
    return answers


def _exchange(
    child: "subprocess.Popen[bytes]", request: dict[str, Any], shrink: Shrink | None
) -> Iterator[Answer]:
    requests, answers = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    requests.write(json.dumps(request).encode() + b"\n")
    requests.flush()
    while (line := answers.readline()).endswith(b"\n"):
        header = json.loads(line)
        picture = None
        if "shape" in header:
            height, width, channels = header["shape"]
            pixels = answers.read(height * width * channels)
            if len(pixels) < height * width * channels:
                break
            picture = Image.frombytes("RGB", (width, height), pixels)
            picture = shrink(picture) if shrink else picture
        yield header, picture
        if "end" in header or "error" in header:
            return
    raise EOFError("the video reader ended")
