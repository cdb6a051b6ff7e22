"""What is on the page and not yet sent: pictures, one video, its clip. Files are the session's own.

Decoding takes time, so `brought`, `set_clip` and `drop_frames` do it before they take the session's
lock, and another chat may be on the page when they do: what was begun for a chat stays with it.
`refuse` needs no lock, the others are called with it held. Each leaves the session as it was when
it raises.
"""

import contextlib
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from internvl.chat import Attachment, Conversation, LimitError, Limits, Session, Turn
from internvl.preprocessing import AttachmentError, image_size
from internvl.ui.errors import PageError
from internvl.ui.frames import frame_views, video_seconds
from internvl.ui.tiles import SHOWN, display_copy


def kind_of(path: str | Path) -> Literal["image", "video"]:
    """Whether a file is a video, by its name; everything else is tried as a picture.

    >>> kind_of("clip.mp4"), kind_of("photo.heic")
    ('video', 'image')
    """
    name = str(path).lower()
    guessed = mimetypes.guess_type(name)[0] or ""
    more = (".mkv", ".webm", ".m4v", ".mov", ".avi", ".flv", ".wmv", ".ts")
    return "video" if guessed.startswith("video/") or name.endswith(more) else "image"


def check_picture(path: str | Path, limits: Limits) -> None:
    """Raise LimitError for a picture over the limit of pixels."""
    width, height = image_size(path)
    if width * height > limits.pixels:
        raise LimitError(
            f"{Path(path).name} has {width * height / 1e6:.0f} million pixels; "
            f"{limits.pixels / 1e6:.0f} million is the most. Please use a smaller copy.",
            "megapixels",
            name=Path(path).name,
            megapixels=width * height / 1e6,
            most=limits.pixels / 1e6,
        )


def refuse(told: str, limits: Limits, text: Mapping[str, str]) -> None:
    """Raise the error of a file that the browser has not sent: "size or kind:pane:bytes:name"."""
    why, pane, size, name = (*told.split(":", 3), "", "", "")[:4]
    name = name[:100]
    if why == "size":
        limits.check_size(name, int(size) if size.isdecimal() else 0)
    elif pane == "imported":
        raise PageError(text["import.json"])
    else:
        kind = "unknown_video" if pane == "video" else "picture"
        raise AttachmentError(f"{name} is no file of a known kind.", kind, name=name)


@contextlib.contextmanager
def brought(
    session: Session, files: Sequence[str | Path], kind: Literal["image", "video"]
) -> Iterator[list[Attachment]]:
    """Attachments of the session's copies of files, each opened once to be sure that it can be.

    Afterwards files that are used by nothing are deleted. Raises AttachmentError or LimitError for
    the first that can't be used.
    """
    added: list[Attachment] = []
    try:
        for file in files:
            with session.lock:
                added.append(Attachment(session.add_file(file), kind))
                session.incoming.append(Path(added[-1].path))
            _open(added[-1], session)
        yield added
    finally:
        with session.lock:
            for attachment in added:
                session.incoming.remove(Path(attachment.path))
            session.remove_unused_files()


def add_pictures(
    conversation: Conversation, added: Sequence[Attachment], only: bool = False
) -> None:
    """Put pictures into the draft; with `only` they replace the pictures that are there."""
    kept = [a for a in conversation.draft.attachments if not (only and a.kind == "image")]
    for attachment in added:
        if attachment.path not in [a.path for a in kept]:
            kept.append(attachment)
    conversation.draft = replace(conversation.draft, attachments=tuple(kept))


def set_video(conversation: Conversation, video: Attachment) -> None:
    """Put a video into the draft in place of the one that is there."""
    pictures = [a for a in conversation.draft.attachments if a.kind == "image"]
    conversation.draft = replace(conversation.draft, attachments=(*pictures, video))


def set_clip(session: Session, start: float | None, end: float | None) -> None:
    """Bound the video on the page, in seconds. Raises AttachmentError for an empty clip."""
    conversation, video = session.conversation, draft_video(session)
    if video is None:
        return
    seconds = video_seconds(str(video.path))
    trimmed = replace(
        video,
        start=start if start and start > 0 else None,
        end=end if end is not None and end < seconds - 0.05 else None,
    )
    frame_views(str(video.path), session.settings.max_frames, trimmed.start, trimmed.end)
    with session.lock:
        attachments = [trimmed if a is video else a for a in conversation.draft.attachments]
        conversation.draft = replace(conversation.draft, attachments=tuple(attachments))


def drop_frames(session: Session, positions: Sequence[int], dropped: bool) -> bool:
    """Leave out frames of the video on the page, by their positions in it, or bring them back.

    Only frames that are in the strip can be meant. False when none would be left: nothing changes.
    """
    conversation, video = session.conversation, draft_video(session)
    if video is None:
        return True
    views = frame_views(str(video.path), session.settings.max_frames, video.start, video.end)
    shown = {view.index for view in views}
    before, meant = set(video.dropped), shown & set(positions)
    after = before | meant if dropped else before - meant
    if dropped and shown <= after:
        return False
    changed = replace(video, dropped=tuple(sorted(after)))
    with session.lock:
        attachments = [changed if a is video else a for a in conversation.draft.attachments]
        conversation.draft = replace(conversation.draft, attachments=tuple(attachments))
    return True


def draft_video(session: Session) -> Attachment | None:
    """The video on the page."""
    return next((a for a in session.draft.attachments if a.kind == "video"), None)


def take_away(session: Session, position: int | None = None) -> None:
    """Remove one attachment from the page, or all of them."""
    kept = list(session.draft.attachments)
    if position is None:
        kept.clear()
    elif 0 <= position < len(kept):
        del kept[position]
    session.draft = replace(session.draft, attachments=tuple(kept))
    session.remove_unused_files()


def move(session: Session, start: int, end: int) -> bool:
    """Put an attachment of the page at another's place; is there one?"""
    attachments = list(session.draft.attachments)
    if not (0 <= start < len(attachments) and 0 <= end < len(attachments)):
        return False
    attachments.insert(end, attachments.pop(start))
    session.draft = replace(session.draft, attachments=tuple(attachments))
    return True


def take_back(conversation: Conversation, turn: Turn) -> None:
    """Put a question that was sent, with its attachments, back into the draft."""
    returned = [replace(a, max_tiles=None, max_frames=None) for a in turn.attachments]
    paths = {str(a.path) for a in returned}
    video = any(a.kind == "video" for a in returned)
    newer = [
        a
        for a in conversation.draft.attachments
        if str(a.path) not in paths and not (video and a.kind == "video")
    ]
    question = "" if turn.region else turn.question  # what was to be found stays in its own field
    conversation.draft = Turn(conversation.draft.question or question, (*returned, *newer))


def _open(attachment: Attachment, session: Session) -> None:
    path = str(attachment.path)
    if attachment.kind == "image":
        check_picture(path, session.limits)
        display_copy(path, SHOWN)
    else:
        frame_views(path, session.settings.max_frames, None, None)
