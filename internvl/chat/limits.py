"""What one visitor may ask of the page, and the sentences that say so."""

from dataclasses import dataclass, replace
from pathlib import Path

from internvl.chat.conversation import Settings


class LimitError(ValueError):
    """More than this page takes; the message says how much that is.

    `kind` names the limit and `facts` are what the message holds, for a page in another language.
    """

    def __init__(self, message: str, kind: str = "", **facts: str | float) -> None:
        super().__init__(message)
        self.kind = kind
        self.facts = facts


@dataclass(frozen=True)
class Limits:
    """What one visitor may ask of the page."""

    upload_bytes: int = 200 * 2**20
    files: int = 64
    pixels: int = 100_000_000
    tiles: int = 24
    frames: int = 64
    question_characters: int = 8_000
    system_characters: int = 8_000
    session_seconds: float = 7 * 24 * 3600.0
    chats: int = 200
    said_characters: int = 20_000_000
    title_characters: int = 120
    import_bytes: int = 64 * 2**20

    def clamp(self, settings: Settings) -> Settings:
        """The settings with no more tiles and frames than a message may use.

        >>> Limits(tiles=6).clamp(Settings()).max_tiles
        6
        """
        return replace(
            settings,
            max_tiles=min(settings.max_tiles, self.tiles),
            max_frames=min(settings.max_frames, self.frames),
        )

    def check_question(self, question: str) -> None:
        """Raise LimitError when the question is too long."""
        _check_length("question", "The question has", len(question), self.question_characters)

    def check_reason(self, reason: str) -> None:
        """Raise LimitError when the reason of an opinion is too long."""
        _check_length("reason", "Your reason has", len(reason), self.question_characters)

    def check_system(self, system: str) -> None:
        """Raise LimitError when the system message is too long."""
        _check_length("system", "The system message has", len(system), self.system_characters)

    def check_file(self, path: Path) -> None:
        """Raise LimitError when the file is too large."""
        self.check_size(path.name, path.stat().st_size)

    def check_size(self, name: str, size: int) -> None:
        """Raise LimitError when a file of that many bytes is too large."""
        if size > self.upload_bytes:
            facts = {"megabytes": size / 2**20, "most": self.upload_bytes / 2**20}
            raise LimitError(
                f"{name} has {facts['megabytes']:.0f} MB; {facts['most']:.0f} MB is "
                "the most. Please use a smaller file.",
                "file",
                name=name,
                **facts,
            )

    def check_room(self, files: int) -> None:
        """Raise LimitError when there is no room for another file beside so many."""
        if files >= self.files:
            raise LimitError(
                f"This session holds {files} files already, the most it can. "
                "Please delete a chat to make room.",
                "room",
                files=files,
            )

    def check_chats(self, chats: int) -> None:
        """Raise LimitError for so many chats."""
        if chats > self.chats:
            raise LimitError(
                f"{chats} chats are more than this page keeps; {self.chats} is the most. "
                "Please delete some first.",
                "chats",
                chats=chats,
                most=self.chats,
            )

    def check_said(self, characters: int) -> None:
        """Raise LimitError for so many characters in all chats of a session together."""
        _check_length("said", "All chats together have", characters, self.said_characters)

    def check_title(self, title: str) -> None:
        """Raise LimitError when a chat's title is too long."""
        _check_length("title", "The title has", len(title), self.title_characters)


def _check_length(kind: str, subject: str, characters: int, most: int) -> None:
    if characters > most:
        raise LimitError(
            f"{subject} {characters:,} characters; {most:,} is the most. Please shorten it.",
            kind,
            characters=characters,
            most=most,
        )
