"""Reads a file of chats that `internvl.ui.exports` wrote, or says what is wrong with it.

Nothing in the file is trusted: every field is known and of its kind, names are names of files and
not paths, pictures are opened as any upload is.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from internvl.chat import Conversation, Limits, SettingError, Settings, Turn
from internvl.ui.exports import FORMAT, ORIGIN, RECEIPT, VERSION

TURNS, PICTURES = 500, 64
"""The most turns of a chat and pictures of a turn."""
NAME = 200
"""The most characters of a model's name."""

_FILE = {"format": str, "version": int, "chats": list}
_CHAT = {"title": str, "system": str, "changed": float, "turns": list}
_TURN: dict[str, Any] = {
    "question": str,
    "answer": str,
    "region": str | None,
    "receipt": dict | None,
    "pictures": list,
}
_PICTURE = {"name": str, "tiles": int, "data": str}


class FileProblem(ValueError):
    """The file can't be used; `told` says why in the words of a language."""

    def __init__(self, kind: str, place: tuple[int, int] = (0, 0), **facts: Any) -> None:
        super().__init__(kind)
        self.kind, self.place, self.facts = kind, place, facts

    def told(self, text: Mapping[str, str]) -> str:
        """One sentence; places count from 1."""
        chat, turn = self.place
        where = "turn" if turn else "chat" if chat else "file"
        facts = {
            "place": text[f"import.{where}"].format(chat=chat, turn=turn),
            **self.facts,
        }
        if "what" in facts:
            facts["what"] = text[f"import.{facts['what']}"]
        return text[f"import.{self.kind}"].format(**facts)


@dataclass(frozen=True)
class Picture:
    """A picture in a file: its name, its content and the tiles that its message allowed."""

    name: str
    content: bytes
    tiles: int
    place: tuple[int, int]


@dataclass(frozen=True)
class Chat:
    """A conversation in a file, and the pictures that go with each of its turns."""

    conversation: Conversation
    pictures: list[list[Picture]] = field(default_factory=list)


def read_chats(path: Path, limits: Limits) -> list[Chat]:
    """The chats of a file. Raises FileProblem, or LimitError for a text that is too long."""
    size = path.stat().st_size
    if size > limits.import_bytes:
        raise FileProblem("size", megabytes=size / 2**20, most=limits.import_bytes / 2**20)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # halves of characters can't be kept
    except (ValueError, RecursionError) as error:
        raise FileProblem("json") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileProblem("json")
    if content.get("version") != VERSION:
        raise FileProblem("version")
    _check(content, _FILE, (0, 0))
    chats = content["chats"]
    if not chats:
        raise FileProblem("nothing")
    _count(chats, "chats", limits.chats, (0, 0))
    return [_chat(chat, number, limits) for number, chat in enumerate(chats, start=1)]


def _chat(content: Any, number: int, limits: Limits) -> Chat:
    place = (number, 0)
    _check(content, _CHAT, place)
    limits.check_title(content["title"])
    limits.check_system(content["system"])
    if not 0 <= content["changed"] < 1e11:
        raise FileProblem("type", place, name="changed")
    _count(content["turns"], "turns", TURNS, place)
    turns, pictures = [], []
    for position, value in enumerate(content["turns"], start=1):
        turns.append(_turn(value, (number, position), limits))
        pictures.append([_picture(p, (number, position)) for p in value["pictures"]])
    named = {name: content[name] for name in ("title", "system", "changed")}
    return Chat(Conversation(turns=turns, **named), pictures)


def _turn(content: Any, place: tuple[int, int], limits: Limits) -> Turn:
    _check(content, _TURN, place)
    limits.check_question(content["question"])
    limits.check_question(content["region"] or "")
    _count(content["pictures"], "pictures", PICTURES, place)
    if content["receipt"] is not None:
        _check_receipt(content["receipt"], place)
    said = {name: content[name] for name in ("question", "answer", "region")}
    return Turn(**said, receipt=content["receipt"])


def _check_receipt(receipt: Any, place: tuple[int, int]) -> None:
    known = {name: kind for name, kind in ORIGIN.items() if name in receipt}
    _check(receipt, {**RECEIPT, **known}, place)
    if receipt["finish_reason"] not in ("stop", "length"):
        raise FileProblem("type", place, name="finish_reason")
    if len(receipt.get("model", "")) > NAME:
        raise FileProblem("type", place, name="model")
    try:
        Settings(**receipt.get("tuned", {}))
    except (TypeError, SettingError) as error:
        raise FileProblem("type", place, name="tuned") from error


def _picture(content: Any, place: tuple[int, int]) -> Picture:
    _check(content, _PICTURE, place)
    name, tiles = content["name"], content["tiles"]
    if not name or name.startswith(".") or not name.isprintable() or set(name) & set("/\\:"):
        raise FileProblem("type", place, name="name")
    if not 1 <= tiles <= 64:
        raise FileProblem("type", place, name="tiles")
    try:
        data = base64.b64decode(content["data"], validate=True)
    except ValueError as error:
        raise FileProblem("picture", place) from error
    return Picture(f"{Path(name).stem[:60]}.jpg", data, tiles, place)


def _check(content: Any, fields: Mapping[str, Any], place: tuple[int, int]) -> None:
    """Raise FileProblem unless the content has these fields, no other, and each of its kind."""
    if not isinstance(content, dict):
        raise FileProblem("json")
    for name in content:
        if name not in fields:
            raise FileProblem("unknown", place, name=name[:40])
    for name, kind in fields.items():
        if name not in content:
            raise FileProblem("missing", place, name=name)
        value = content[name]
        number = kind is float and isinstance(value, int | float) and math.isfinite(value)
        if isinstance(value, bool) or not (number or isinstance(value, kind)):
            raise FileProblem("type", place, name=name)
        if kind in (int, float) and not 0 <= value < 2**63:
            raise FileProblem("type", place, name=name)


def _count(values: list[Any], what: str, most: int, place: tuple[int, int]) -> None:
    if len(values) > most:
        raise FileProblem("many", place, number=len(values), what=what, most=most)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
