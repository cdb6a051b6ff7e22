"""What each answer cost, kept beside the session so that a reload shows it again."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from internvl.chat import Conversation, Session
from internvl.engines.base import Receipt

_FILE = "receipts.json"


def read_receipts(session: Session, conversation: Conversation) -> dict[int, Mapping[str, Any]]:
    """The receipts of a conversation by the position of their turn."""
    kept = _load(session).get(conversation.id, {})
    return {int(position): receipt for position, receipt in kept.items()}


def keep_receipt(
    session: Session, conversation: Conversation, position: int, receipt: Receipt | None
) -> None:
    """Write down the receipt of the turn at a position; None removes it."""
    with session.lock:
        here = {c.id for c in session.conversations}
        content = {id_: kept for id_, kept in _load(session).items() if id_ in here}
        kept = content.setdefault(conversation.id, {})
        kept.pop(str(position), None)
        if receipt:
            fields = asdict(receipt)
            del fields["token_ids"]
            kept[str(position)] = fields
        partial = session.folder / f".{secrets.token_hex(8)}.json"
        partial.write_text(json.dumps(content), encoding="utf-8")
        partial.replace(session.folder / _FILE)


def _load(session: Session) -> dict[str, dict[str, Any]]:
    path = session.folder / _FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
