"""Deleting everything of a visitor, and presenter mode, where one visitor follows another.

What the browser keeps of a visitor has two more entries in presenter mode: "guest" while the
session was begun by presenter mode, and "own", the token to come back to.
"""

import contextlib
from pathlib import Path

from gradio.processing_utils import hash_file
from gradio.utils import get_upload_folder

from internvl.chat import Session
from internvl.ui import frames, tiles, views
from internvl.ui.cards import Card
from internvl.ui.draft_handlers import DraftHandlers
from internvl.ui.errors import friendly
from internvl.ui.page import Visitor
from internvl.ui.views import View, merged


class LeavingHandlers(DraftHandlers):
    """Fresh starts."""

    @friendly
    def erase(self, visitor: Visitor) -> View:
        """Nothing of the visitor is left, and the page starts as for a new one."""
        session, text = self.enter(visitor)
        self._delete(session)
        fresh = {**(visitor or {}), "token": self.store.new_token()}
        told = views.notice(Card(text["chats.erased"], calm=True))
        return merged(self._anew(fresh), told)

    @friendly
    def present(self, visitor: Visitor, action: str) -> View:
        """Presenter mode: "fresh" begins a session for the next person, "leave" ends the mode.

        The session that was there before presenter mode is kept and comes back; the others are
        deleted when their person has left.
        """
        session, _ = self.enter(visitor)
        now = dict(visitor or {})
        if now.pop("guest", ""):
            self._delete(session)
        elif action == "fresh":
            now["own"] = now["token"]
        own = now.get("own", "")
        if action == "fresh":
            return self._anew({**now, "token": self.store.new_token(), "guest": "yes"})
        now.pop("own", None)
        with contextlib.suppress(ValueError):
            self.store.open(own)
            return self._anew({**now, "token": own})
        return self._anew({**now, "token": self.store.new_token()})

    def _anew(self, visitor: dict[str, str]) -> View:
        """The whole page for someone else, with nothing left open."""
        none = merged(views.no_panels(), views.no_comparison())
        written: View = {name: {"value": ""} for name in ("find_text", "edit_text", "opinion_text")}
        return merged(self._everything(visitor), none, written)

    def _delete(self, session: Session) -> None:
        """Delete the session, the uploads it was copied from, and what is kept in memory."""
        with session.lock:
            conversations = [conversation.id for conversation in session.conversations]
            uploads = {_upload_of(path) for path in session.folder.glob("files/*/*")}
            uploads |= {path.parent for path in session.uploads}
        self.store.delete(session)
        for conversation_id in conversations:
            self.engine.forget(conversation_id)
        received = Path(get_upload_folder()).resolve()
        for upload in uploads:
            if upload.resolve().parent != received:
                continue  # an example of the page's own
            for path in upload.glob("*"):
                path.unlink(missing_ok=True)
        for kept in (tiles.display_copy, frames.frame_views):
            kept.cache_clear()


def _upload_of(copy: Path) -> Path:
    """The folder where Gradio keeps an upload of the same content for a while."""
    return Path(get_upload_folder()) / hash_file(copy)
