"""Pictures of a chat are sent large, to those who know their key."""

import io

from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from internvl.ui.clips import Clips
from internvl.ui.pictures import EDGE, picture_route


def test_a_picture_goes_out_drawn_anew_and_only_by_its_key(tmp_path):
    shown = Clips()
    client = TestClient(Starlette(routes=[picture_route(shown)]))
    large, other = tmp_path / "large.png", tmp_path / "page.html"
    Image.new("RGB", (3000, 1500), "teal").save(large)
    other.write_text("<script>alert(1)</script>")

    answer = client.get(f"/pictures/{shown.key(large)}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (EDGE, EDGE // 2)
    assert client.get(f"/pictures/{shown.key(other)}").status_code == 404
    assert client.get("/pictures/guessed").status_code == 404
    large.unlink()
    assert client.get(f"/pictures/{shown.key(large)}").status_code == 404
