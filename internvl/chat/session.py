"""Sessions: what one visitor said and uploaded, kept on disk and apart from everyone else's.

    store = SessionStore(Path("sessions"))
    session = store.open(token)       # the visitor's, or a new one with a token of its own
    session.add_file(path)            # a copy in the session's own folder
    session.save()

A visitor is known by a random 128-bit token that only the browser and this server hold. The folder
is named by the token's digest, so a listing of the folders opens nothing (see `store`).
"""

import hashlib
import json
import os
import secrets
import shutil
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from internvl.chat.conversation import Conversation, Settings, Turn
from internvl.chat.limits import Limits
from internvl.chat.record import conversation_from_json, conversation_to_json


@dataclass
class Session:
    """One visitor's chats, settings and files. Hold `lock` while changing it.

    The last of `conversations` is the one on the page. Settings are kept within `limits`.

    Only in memory: the turns that are being answered (`running`), files on their way to the draft
    (`incoming`), how often the model was asked to read ahead (`readings`), the answers of a
    comparison that is on the page (`compared`), the PDF that was attached last with the number of
    its pages (`document`), and where files lay when they were brought (`uploads`). Once `deleted`,
    nothing is written any more.
    """

    id: str
    folder: Path
    limits: Limits = field(default_factory=Limits)
    conversations: list[Conversation] = field(default_factory=lambda: [Conversation()])
    settings: Settings = field(default_factory=Settings)
    used: float = field(default_factory=time.time, compare=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    running: list[Turn] = field(default_factory=list, repr=False, compare=False)
    incoming: list[Path] = field(default_factory=list, repr=False, compare=False)
    readings: int = field(default=0, repr=False, compare=False)
    document: tuple[Path, int] | None = field(default=None, repr=False, compare=False)
    uploads: set[Path] = field(default_factory=set, repr=False, compare=False)
    deleted: bool = field(default=False, repr=False, compare=False)
    compared: list[Turn] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.settings = self.limits.clamp(self.settings)

    def answers(self, turn: Turn) -> bool:
        """Is this very turn being answered?"""
        return any(turn is running for running in self.running)

    @property
    def conversation(self) -> Conversation:
        """The conversation on the page."""
        return self.conversations[-1]

    @property
    def draft(self) -> Turn:
        """What has been put on the page for its conversation and not been sent."""
        return self.conversation.draft

    @draft.setter
    def draft(self, draft: Turn) -> None:
        self.conversation.draft = draft

    def start_conversation(self, system: str) -> Conversation:
        """A new empty conversation becomes the one on the page; an empty one is not kept.

        Raises LimitError when there are too many already.
        """
        kept = self.conversations[:-1] if self._is_empty() else self.conversations
        self.limits.check_chats(len(kept) + 1)
        self.conversations = [*kept, Conversation(system=system)]
        return self.conversation

    def keep_last(self, turns: int, place: int = -1) -> Conversation:
        """Copies of the last turns become a conversation of their own, and the one on the page.

        They end with the one at `place`, and the draft goes with them. The conversation that was
        on the page stays otherwise as it is. Raises LimitError when there are too many already.
        """
        whole = self.conversation
        self.limits.check_chats(len(self.conversations) + 1)
        until = whole.turns if place < 0 else whole.turns[: place + 1]
        copies = [replace(turn) for turn in until[-turns:]] if turns else []
        last = Conversation(whole.system, copies)
        if copies:
            last.title, last.changed = whole.title, whole.changed
        last.draft, whole.draft = whole.draft, Turn("")
        self.conversations.append(last)
        return last

    def open_conversation(self, conversation_id: str) -> Conversation:
        """An earlier conversation becomes the one on the page. Raises KeyError if not here."""
        for position, conversation in enumerate(self.conversations):
            if conversation.id == conversation_id:
                if self.conversation is not conversation and self._is_empty():
                    self.conversations.pop()
                self.conversations.append(self.conversations.pop(position))
                return self.conversation
        raise KeyError(conversation_id)

    def delete_conversation(self, conversation_id: str) -> None:
        """Remove a conversation and the files only it used."""
        self.conversations = [c for c in self.conversations if c.id != conversation_id]
        if not self.conversations:
            self.conversations = [Conversation()]
        self.remove_unused_files()

    def add_file(self, path: str | Path, name: str | None = None) -> Path:
        """The path of a copy in this session's folder; the same content is stored once.

        Raises LimitError for a file that is too large or one too many.
        """
        source = Path(path)
        if self.deleted:
            raise FileNotFoundError(f"{self.folder.name} has been deleted")
        self.limits.check_file(source)
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        target = self._files / digest[:32] / _safe_name(name or source.name)
        if not target.exists():
            self.limits.check_room(len(list(self._files.glob("*/[!.]*"))))
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{secrets.token_hex(8)}")
            shutil.copyfile(source, partial)
            partial.replace(target)
        return target

    def remove_unused_files(self) -> None:
        """Delete the files that no conversation and no draft uses any more."""
        turns = [
            *self.running,
            *self.compared,
            *(t for c in self.conversations for t in (*c.turns, c.draft)),
        ]
        paths = [*self.incoming, *(Path(a.path) for turn in turns for a in turn.attachments)]
        paths += [self.document[0]] if self.document else []
        used = {path.parent.name for path in paths}
        for folder in self._files.glob("*"):
            if folder.name not in used:
                shutil.rmtree(folder, ignore_errors=True)

    def save(self) -> None:
        """Write the session to its folder, in one step: a crash leaves the version before."""
        with self.lock:
            if self.deleted:
                return
            self.used = time.time()
            content = {
                "conversations": [conversation_to_json(c, self._files) for c in self.conversations],
                "settings": asdict(self.settings),
                "used": self.used,
            }
            self.folder.mkdir(exist_ok=True)
            partial = self.folder / f".{secrets.token_hex(8)}.json"
            partial.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            partial.replace(self.folder / "session.json")

    def _is_empty(self) -> bool:
        """Has nothing been asked or written on the page?"""
        draft = self.draft
        return not (self.conversation.turns or draft.attachments or draft.question.strip())

    @property
    def _files(self) -> Path:
        return self.folder / "files"

    @classmethod
    def load(cls, folder: Path, limits: Limits) -> "Session":
        """The session saved in `folder`. Raises FileNotFoundError."""
        content = json.loads((folder / "session.json").read_text(encoding="utf-8"))
        files = folder / "files"
        if "draft" in content:  # saved when a session had one for all its chats
            content["conversations"][-1]["draft"] = content["draft"]
        return cls(
            id=folder.name,
            folder=folder,
            limits=limits,
            conversations=[conversation_from_json(c, files) for c in content["conversations"]],
            settings=Settings(**content["settings"]),
            used=content["used"],
        )


def _safe_name(name: str) -> str:
    """The last part of a file name without control characters, at most 200 bytes."""
    name = "".join(c for c in os.path.basename(name) if c.isprintable())  # noqa: PTH119
    stem, suffix = os.path.splitext(name.lstrip("."))  # noqa: PTH122
    return (_cut(stem, 180) or "file") + _cut(suffix, 20)


def _cut(text: str, most: int) -> str:
    """The beginning of a text, at most so many bytes of UTF-8: file systems count those."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")
