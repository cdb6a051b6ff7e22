"""Serves the videos that are on someone's page to the player there.

A video is asked for by a random key that the page carries; only files that a page has shown have
one, and a key is good until the server ends or the file is deleted.
"""

import mimetypes
import secrets
import threading
from collections import OrderedDict
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

KEPT_KEYS = 10_000
"""Videos that can be asked for; the one not shown for the longest time gives way."""


class Clips:
    """Keys of videos and pictures. Safe to use from several threads."""

    def __init__(self, most: int = KEPT_KEYS) -> None:
        self._most = most
        self._paths: OrderedDict[str, Path] = OrderedDict()
        self._keys: dict[Path, str] = {}
        self._lock = threading.Lock()

    def key(self, path: str | Path) -> str:
        """The key of a file, the same each time."""
        path = Path(path)
        with self._lock:
            key = self._keys.setdefault(path, secrets.token_urlsafe(16))
            self._paths[key] = path
            self._paths.move_to_end(key)
            while len(self._paths) > self._most:
                del self._keys[self._paths.popitem(last=False)[1]]
            return key

    def path(self, key: str) -> Path | None:
        """The file of a key, if it is known and still there."""
        with self._lock:
            path = self._paths.get(key)
        return path if path and path.is_file() else None


CLIPS = Clips()
"""Those of this process."""


def clip_route(clips: Clips = CLIPS) -> Route:
    """The route that the player asks: `/clips/<key>`, in ranges as well."""

    def send(request: Request) -> Response:
        path = clips.path(request.path_params["key"])
        if path is None:
            return PlainTextResponse("This video is not here any more.", 404)
        return FileResponse(
            path,
            media_type=_media_type(path),
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
        )

    return Route("/clips/{key}", send, methods=["GET", "HEAD"])


def _media_type(path: Path) -> str:
    """A video's type by its name. Anything else is bytes: nobody's upload opens as a page."""
    guessed = mimetypes.guess_type(path.name)[0] or ""
    return guessed if guessed.startswith("video/") else "application/octet-stream"
