"""The `/ask` endpoint: by itself, and over HTTP with gradio_client."""

import pytest
from gradio_client import Client, handle_file
from scripted_engine import ScriptedEngine

from internvl.chat import LimitError, Limits
from internvl.engines.base import QueueFull
from internvl.preprocessing import AttachmentError
from internvl.ui.ask import ask
from internvl.ui.errors import PageError


def asked(engine, question="What?", files=(), given=None, limits=None):
    return list(ask(engine, limits or Limits(), question, files, given))


def test_the_answer_grows_and_nothing_is_kept(engine, tall, clip):
    given = {"max_tiles": 6, "max_frames": 3, "system": "Be brief.", "start": 0.2, "end": 1}
    texts = asked(engine, "What?", [str(tall), str(clip)], given)
    assert texts[0] == "A "
    assert texts[-1] == "A photo of a tower."
    conversation, settings = engine.asked[0]
    picture, video = conversation.turns[0].attachments
    assert (conversation.system, settings.max_tiles) == ("Be brief.", 6)
    assert (picture.kind, picture.max_tiles) == ("image", 6)
    assert (video.kind, video.max_frames, video.start, video.end) == ("video", 3, 0.2, 1)
    assert engine.forgotten == [conversation.id]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"max_tile": 3}, PageError, "max_tile"),
        ({"temperature": "hot"}, PageError, "temperature must be a number"),
        ({"max_tiles": 25}, LimitError, "24 is the most"),
        ({"start": "x"}, PageError, "start must be a time in seconds"),
        ({"system": ["x"]}, PageError, "system must be a text"),
        ({"system": "x" * 8001}, LimitError, "8,001 characters"),
        (["max_tiles"], PageError, "Settings are an object"),
        ("max_tiles", PageError, "Settings are an object"),
    ],
)
def test_wrong_settings_are_refused(engine, clip, given, error, sentence):
    with pytest.raises(error, match=sentence):
        asked(engine, files=[str(clip)], given=given)
    assert engine.asked == []


def test_small_limits_are_the_default(engine, tall, clip):
    asked(engine, files=[str(tall), str(clip)], limits=Limits(tiles=4, frames=3))
    picture, video = engine.asked[0][0].turns[0].attachments
    assert (picture.max_tiles, video.max_frames) == (4, 3)


def test_limits_hold(engine, tall, clip, tmp_path):
    with pytest.raises(PageError, match="question"):
        asked(engine, " ")
    with pytest.raises(LimitError, match="1 files already"):
        asked(engine, files=[str(tall), str(tall)], limits=Limits(files=1))
    with pytest.raises(PageError, match="one video"):
        asked(engine, files=[str(clip), str(clip)])
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(AttachmentError, match=r"no\.png"):
        asked(engine, files=[str(tmp_path / "no.png")])


def test_leaving_early_stops_the_engine(engine):
    answer = ask(engine, Limits(), "What?", None, None)
    next(answer)
    answer.close()
    assert engine.closed == 1
    assert len(engine.forgotten) == 1


def test_over_http(serve_page, tall):
    engine = ScriptedEngine(["A ", "photo."])
    client = Client(serve_page(engine), verbose=False)
    public = client.view_api(return_format="dict")["named_endpoints"]
    assert list(public) == ["/ask"]
    job = client.submit("What?", [handle_file(str(tall))], {"max_tiles": 4}, api_name="/ask")
    assert job.result(timeout=60) == "A photo."
    assert job.outputs()[-1] == "A photo."
    assert engine.asked[0][0].turns[0].attachments[0].max_tiles == 4
    assert client.predict("Hello", api_name="/ask") == "A photo."
    engine.answers = [[QueueFull("32 visitors are waiting")]]
    with pytest.raises(Exception, match="32 visitors are waiting"):
        client.predict("Hello", api_name="/ask")
    with pytest.raises(Exception, match="max_tile"):
        client.predict("Hello", [], {"max_tile": 4}, api_name="/ask")


def test_files_of_the_server_cannot_be_asked_about(serve_page, tall):
    client = Client(serve_page(ScriptedEngine(["Secret."])), verbose=False)
    stolen = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Exception) as refused:
        client.submit("What?", [stolen], {}, api_name="/ask").result(timeout=60)
    assert "Secret." not in str(refused.value)
