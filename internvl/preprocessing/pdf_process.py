"""The child process in which a PDF's pages are drawn: one request in JSON, one answer, the end.

Started by `pdf.draw_pages`; the answer is `{"count", "numbers", "files"}` or `{"error": reason}`.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    try:
        import pypdfium2
    except ImportError:
        answer: dict[str, Any] = {"error": "missing"}
    else:
        try:
            answer = _draw(pypdfium2.PdfDocument(request["path"]), request)
        except pypdfium2.PdfiumError as error:
            locked = "password" in str(error).lower()
            answer = {"error": "password" if locked else "damaged"}
    json.dump(answer, sys.stdout)


def _draw(document: Any, request: dict[str, Any]) -> dict[str, Any]:
    count = len(document)
    if not count:
        return {"error": "empty"}
    document.init_forms()
    wanted = request["wanted"] or range(1, count + 1)
    numbers = [number for number in wanted if number <= count][: request["most"]]
    files = []
    for number in numbers:
        page = document[number - 1]
        scale = request["edge"] / max(*page.get_size(), 1.0)
        name = f"{request['stem']} page {number}.png"
        picture = page.render(scale=scale, may_draw_forms=True).to_pil()
        picture.convert("RGB").save(Path(request["folder"]) / name)
        files.append(name)
    return {"count": count, "numbers": numbers, "files": files}


if __name__ == "__main__":
    main()
