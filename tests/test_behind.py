"""The engine made behind the page."""

import subprocess
import sys
import threading

import pytest
from scripted_engine import ScriptedEngine

from internvl.chat import Conversation, Settings, Turn
from internvl.engines.base import Loading, Receipt, Text
from internvl.engines.behind import EngineBehind

ASKED = Conversation(turns=[Turn("Hm?")])


def test_it_is_loading_until_it_is_there_and_then_answers():
    ready = threading.Event()

    def make():
        ready.wait()
        return ScriptedEngine(["Yes."])

    engine = EngineBehind(make)
    assert engine.loading == 0.0
    engine.forget("nobody")
    events = engine.stream(ASKED, Settings())
    assert next(events) == Loading(0.0)
    ready.set()
    rest = [event for event in events if not isinstance(event, Loading)]
    assert Text("Yes.") in rest
    assert isinstance(rest[-1], Receipt)
    assert engine.loading is None
    assert engine.estimate(ASKED, Settings()).visual_tokens == 0
    assert list(engine.prepare(ASKED, Settings())) == []


def test_it_is_made_once_and_its_failure_is_told_to_whoever_asks():
    made = []

    def make():
        made.append(1)
        raise ImportError("no torch here")

    engine = EngineBehind(make)
    for _ in range(2):
        with pytest.raises(ImportError, match="no torch"):
            list(engine.stream(ASKED, Settings()))
    assert made == [1]
    assert engine.loading is None


def test_the_page_is_put_together_without_torch():
    code = (
        "import sys, app, internvl.ui.handlers, internvl.ui.layout, internvl.ui.serve, "
        "internvl.engines.behind; heavy = {'torch', 'transformers', 'decord', 'cv2'} & "
        "set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
