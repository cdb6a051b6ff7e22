"""Pages of a PDF as pictures, drawn by PDFium in a process of its own.

PDFium is C++ that reads strangers' files and does not bear threads; a child process with a time
limit keeps what goes wrong there away from the page.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from internvl.preprocessing.image import AttachmentError

PAGE_EDGE = 2240
"""Pixels of a page's longer side: five tiles."""
TIME_LIMIT = 60.0
NAME_LENGTH = 60
"""Characters of the document's name that its pages carry, so that their numbers are not cut."""

_REASONS = {
    "password": "is locked with a password; please save it without one and attach that.",
    "damaged": "is damaged or no PDF; please save it again and attach that.",
    "empty": "has no pages.",
    "missing": "is a PDF, and this server can't read PDFs (pypdfium2 is not installed).",
}


@dataclass(frozen=True)
class Pages:
    """Pages drawn: how many the document has, their numbers from 1, a PNG file for each."""

    count: int
    numbers: Sequence[int]
    files: Sequence[Path]


def is_pdf(path: str | Path) -> bool:
    """Does the file say that it is a PDF? By its first bytes, whatever its name."""
    with Path(path).open("rb") as file:
        return b"%PDF-" in file.read(1024)


def parse_pages(wanted: str) -> list[int]:
    """Page numbers as people write them, in order and each once. Raises ValueError.

    >>> parse_pages("7, 1-3")
    [1, 2, 3, 7]
    """
    numbers: set[int] = set()
    for part in filter(None, re.split(r"[,;，、\s]+", re.sub(r"\s*[-–—]\s*", "-", wanted.strip()))):
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 1 <= first <= last:
            raise ValueError(f"{part!r} is no page number and no range such as 1-3")
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def draw_pages(
    path: str | Path,
    folder: Path,
    wanted: Sequence[int] | None = None,
    *,
    most: int = 1,
    time_limit: float = TIME_LIMIT,
) -> Pages:
    """Draw the wanted pages (None: the first), at most `most`, as files in `folder`.

    They are named "report page 2.png", their longer side has PAGE_EDGE pixels. Raises
    AttachmentError when the file can't be read or has none of the wanted pages.
    """
    name, stem = Path(path).name, Path(path).stem[:NAME_LENGTH]
    request = {
        "path": str(Path(path).absolute()),
        "folder": str(folder.absolute()),
        "stem": stem,
        "wanted": None if wanted is None else list(wanted),
        "most": most,
        "edge": PAGE_EDGE,
    }
    answer = _ask(name, request, time_limit)
    if "error" in answer:
        reason = answer["error"]
        raise AttachmentError(f"{name} {_REASONS[reason]}", f"pdf_{reason}", name=name)
    if not answer["numbers"]:
        page = min(wanted or [1])
        raise AttachmentError(
            f"{name} has {answer['count']} pages; page {page} is not among them.",
            "pdf_page",
            name=name,
            pages=answer["count"],
            page=page,
        )
    files = [folder / page for page in answer["files"]]
    return Pages(answer["count"], answer["numbers"], files)


def _ask(name: str, request: dict[str, Any], time_limit: float) -> dict[str, Any]:
    """What the drawing process answers. Raises AttachmentError when it takes too long."""
    try:
        child = subprocess.run(
            [sys.executable, "-m", "internvl.preprocessing.pdf_process"],
            cwd=Path(__file__).parents[2],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=time_limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AttachmentError(
            f"{name} could not be drawn within {time_limit:g} s; please attach fewer pages, or "
            "pictures of them.",
            "pdf_slow",
            name=name,
            seconds=time_limit,
        ) from error
    try:
        answer: dict[str, Any] = json.loads(child.stdout)
    except ValueError:
        answer = {"error": "damaged"}  # it ended before it could answer
    return answer
