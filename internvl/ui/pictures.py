"""Serves the pictures of a chat, large enough to check an answer against them.

Asked for by a random key as videos are (see `clips`). What is sent is a JPEG drawn here: nobody's
upload goes out as it came.
"""

import contextlib

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from internvl.preprocessing import AttachmentError, load_image
from internvl.ui.clips import CLIPS, Clips
from internvl.ui.frames import small_jpeg

EDGE = 2048
"""Pixels that a picture is wide and high at most."""


def picture_route(keys: Clips = CLIPS) -> Route:
    """The route of the large view: `/pictures/<key>`."""

    def send(request: Request) -> Response:
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        if path := keys.path(request.path_params["key"]):
            with contextlib.suppress(AttachmentError):
                content = small_jpeg(load_image(path), EDGE)
                return Response(content, media_type="image/jpeg", headers=headers)
        return PlainTextResponse("This picture is not here any more.", 404)

    return Route("/pictures/{key}", send)
