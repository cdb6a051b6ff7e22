"""Turns and conversations as JSON, with their files named from the session's folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from internvl.chat.conversation import Attachment, Conversation, Turn


def turn_to_json(turn: Turn, files: Path) -> dict[str, Any]:
    """A turn as JSON values; its files must lie in `files` (else ValueError)."""
    content = asdict(turn)
    for attachment in content["attachments"]:
        attachment["path"] = Path(attachment["path"]).relative_to(files).as_posix()
    return content


def turn_from_json(content: dict[str, Any], files: Path) -> Turn:
    """The turn again, its files in `files`."""
    attachments = [
        Attachment(**{**attachment, "path": files / attachment["path"]})
        for attachment in content["attachments"]
    ]
    return Turn(**{**content, "attachments": tuple(attachments)})


def conversation_to_json(conversation: Conversation, files: Path) -> dict[str, Any]:
    """A conversation as JSON values."""
    own = {name: getattr(conversation, name) for name in ("system", "id", "title", "changed")}
    turns = [turn_to_json(turn, files) for turn in conversation.turns]
    return {**own, "turns": turns, "draft": turn_to_json(conversation.draft, files)}


def conversation_from_json(content: dict[str, Any], files: Path) -> Conversation:
    """The conversation again, its files in `files`."""
    turns = [turn_from_json(turn, files) for turn in content["turns"]]
    written = {"draft": turn_from_json(content["draft"], files)} if "draft" in content else {}
    return Conversation(**{**content, "turns": turns, **written})
