"""Versions of an answer keep their order and outlast a restart."""

import json

import pytest

from internvl.chat import Turn
from internvl.chat.conversation import Version
from internvl.chat.record import turn_from_json, turn_to_json
from internvl.chat.versions import choose_version, with_room


def written(*answers):
    turn = Turn("What?")
    for answer in answers:
        turn = with_room(turn)
        turn.answer, turn.receipt = answer, {"seed": len(answer)}
    return turn


def test_each_version_comes_back_with_its_receipt():
    turn = written("A", "BB", "CCC")
    for position in (1, 0, 2, 0):
        choose_version(turn, position)
        assert len(turn.earlier) == position
        assert turn.answer == ["A", "BB", "CCC"][position]
        assert turn.receipt == {"seed": position + 1}
        assert len(turn.earlier) + len(turn.later) == 2
    for position in (-1, 3):
        with pytest.raises(IndexError):
            choose_version(turn, position)


def test_a_retry_of_an_early_version_comes_last():
    turn = written("A", "B")
    choose_version(turn, 0)
    again = with_room(turn)
    assert [version.answer for version in again.earlier] == ["A", "B"]
    assert (again.answer, again.later) == ("", ())


def test_versions_are_saved_and_old_files_have_none(tmp_path):
    turn = written("A", "B")
    choose_version(turn, 0)
    content = json.loads(json.dumps(turn_to_json(turn, tmp_path)))
    assert turn_from_json(content, tmp_path) == turn
    assert turn_from_json(content, tmp_path).later == (Version("B", {"seed": 1}),)
    old = {"question": "Q", "attachments": [], "answer": "A", "region": None, "receipt": None}
    assert turn_from_json(old, tmp_path) == Turn("Q", (), "A")
