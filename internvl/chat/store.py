"""All sessions of a server, by the tokens of their visitors."""

import hashlib
import logging
import secrets
import shutil
import threading
import time
from pathlib import Path

from internvl.chat.limits import Limits
from internvl.chat.session import Session

logger = logging.getLogger(__name__)


class SessionStore:
    """All sessions of this server, by token, in one folder. Safe to use from several threads."""

    def __init__(self, folder: str | Path, limits: Limits | None = None) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.limits = limits or Limits()
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def new_token(self) -> str:
        """A random 128-bit token for a new visitor."""
        return secrets.token_hex(16)

    def open(self, token: str) -> Session:
        """The session of the visitor with this token, made when there is none yet.

        Raises ValueError for anything that is not a token of this store.
        """
        if len(token) != 32 or not set(token) <= set("0123456789abcdef"):
            raise ValueError("a visitor's token has 32 hexadecimal digits")
        name = hashlib.sha256(token.encode()).hexdigest()[:32]
        with self._lock:
            session = self._sessions.get(name) or self._load(name)
            self._sessions[name] = session
            session.used = time.time()
            return session

    def delete(self, session: Session) -> None:
        """Remove a session with everything the visitor said and uploaded."""
        with session.lock:  # an answer that is just ending would write it again
            session.deleted = True
        with self._lock:
            self._sessions.pop(session.id, None)
            shutil.rmtree(session.folder, ignore_errors=True)

    def remove_expired(self, now: float | None = None) -> list[Session]:
        """Delete the sessions not used for `limits.session_seconds`, and return them."""
        oldest = (time.time() if now is None else now) - self.limits.session_seconds
        return [session for session in self._all() if self._remove_older(session, oldest)]

    def _remove_older(self, session: Session, oldest: float) -> bool:
        """Delete a session unless it has been used after all; is it gone?"""
        with self._lock:
            if self._sessions.get(session.id, session).used >= oldest:
                return False
            self._sessions.pop(session.id, None)
            shutil.rmtree(session.folder, ignore_errors=True)
            return True

    def _load(self, name: str) -> Session:
        folder = self.folder / name
        try:
            return Session.load(folder, self.limits)
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("session %s can't be read and is put aside: %s", name, error)
            (folder / "session.json").replace(folder / "unreadable.json")
        return Session(id=name, folder=folder, limits=self.limits)

    def _all(self) -> list[Session]:
        """Every session: from memory, or one with no more than its folder's age."""
        with self._lock:
            saved = [
                Session(id=folder.name, folder=folder, used=_last_change(folder))
                for folder in self.folder.iterdir()
                if folder.is_dir() and folder.name not in self._sessions
            ]
            return [*self._sessions.values(), *saved]


def _last_change(folder: Path) -> float:
    saved = folder / "session.json"
    return (saved if saved.exists() else folder).stat().st_mtime
