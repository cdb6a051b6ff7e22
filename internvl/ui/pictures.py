"""Serves the pictures of a chat, large enough to check an answer against them.

Asked for by a random key as videos are (see `clips`). What is sent is a JPEG drawn here: nobody's
upload goes out as it came.
"""

from base64 import b64decode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from internvl.preprocessing import AttachmentError, load_image
from internvl.ui.clips import CLIPS, Clips
from internvl.ui.frames import data_address

EDGE = 2048
"""Pixels that a picture is wide and high at most."""


def picture_route(keys: Clips = CLIPS) -> Route:
    """The route of the large view: `/pictures/<key>`."""

    def send(request: Request) -> Response:
        path = keys.path(request.path_params["key"])
        try:
            if path is None:
                raise AttachmentError("no such key")
            address = data_address(load_image(path), EDGE)
        except AttachmentError:
            return PlainTextResponse("This picture is not here any more.", 404)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        return Response(
            b64decode(address.partition(",")[2]), media_type="image/jpeg", headers=headers
        )

    return Route("/pictures/{key}", send)
