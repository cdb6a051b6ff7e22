"""Frames named in an answer become buttons that show the moment in the video's player."""

import re
from collections.abc import Mapping, Sequence

from internvl.chat import Attachment, Turn
from internvl.preprocessing import AttachmentError
from internvl.ui.clips import CLIPS
from internvl.ui.frames import FrameView, strip_of
from internvl.ui.html import fill_line

# Not in an address, not in the middle of a word; code has no "-" left that could match.
_FRAME = re.compile(r"(?<![\w/?=&#%.-])(?<!\]\()(frame[- ]?(\d{1,3}))(?![\w%])", re.IGNORECASE)


def last_video(turns: Sequence[Turn]) -> Attachment | None:
    """The video that "Frame-7" in an answer to the last of the turns speaks of."""
    videos = [a for turn in turns for a in turn.attachments if a.kind == "video"]
    return videos[-1] if videos else None


def link_frames(markdown: str, video: Attachment | None, text: Mapping[str, str]) -> str:
    """The Markdown of an answer with each frame's name a button; `video` is frozen.

    Names of frames that the model did not get stay words, and so do all without a video.
    """
    if video is None or not _FRAME.search(markdown):
        return markdown
    try:
        frames = strip_of(video).kept
    except AttachmentError:
        return markdown
    clip = CLIPS.key(video.path)

    def link(match: re.Match[str]) -> str:
        number = int(match[2])
        if not 1 <= number <= len(frames):
            return match[0]
        return _button(match[1], number, frames[number - 1], clip, text)

    return _FRAME.sub(link, markdown)


def _button(said: str, number: int, frame: FrameView, clip: str, text: Mapping[str, str]) -> str:
    named = text["tray.frame"].format(number=number, time=frame.time)
    return fill_line(
        "frame",
        said=said,
        clip=clip,
        seconds=f"{frame.seconds:.3f}",
        named=named,
    )
