"""What was said. Standard library only."""

from internvl.chat.conversation import (
    SYSTEM_MESSAGE,
    Attachment,
    Conversation,
    SettingError,
    Settings,
    Turn,
    freeze,
)
from internvl.chat.limits import LimitError, Limits
from internvl.chat.session import Session
from internvl.chat.store import SessionStore
from internvl.chat.template import Segment, render, with_grounding

__all__ = [
    "SYSTEM_MESSAGE",
    "Attachment",
    "Conversation",
    "LimitError",
    "Limits",
    "Segment",
    "Session",
    "SessionStore",
    "SettingError",
    "Settings",
    "Turn",
    "freeze",
    "render",
    "with_grounding",
]
