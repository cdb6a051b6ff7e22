"""PDFs on the page: their first pages become pictures, and others can be asked for by number."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from internvl.chat import Attachment, Session
from internvl.preprocessing import draw_pages, is_pdf
from internvl.preprocessing.pdf import NAME_LENGTH

PAGE_TILES = 6
"""Tiles that make a page of A4 readable: 2 x 3."""


@contextlib.contextmanager
def unfolded(
    session: Session, files: Sequence[str | Path], wanted: Sequence[int] | None = None
) -> Iterator[list[Path]]:
    """The files, each PDF replaced by pictures of its pages, which are gone afterwards.

    Without `wanted` as many pages as the tiles of a message make readable, from the first on; of
    wanted ones no more than there are tiles. The last PDF is kept as the session's document. Raises
    AttachmentError or LimitError.
    """
    tiles = session.settings.max_tiles
    most = max(1, tiles // PAGE_TILES) if wanted is None else tiles
    with tempfile.TemporaryDirectory() as folder:
        pictures: list[Path] = []
        for number, file in enumerate(files):
            if not is_pdf(file):
                pictures.append(Path(file))
                continue
            with session.lock:
                kept = session.add_file(file)
                session.incoming.append(kept)
            try:
                own = Path(folder) / str(number)  # two documents can have one name
                own.mkdir()
                pages = draw_pages(kept, own, wanted, most=most)
                session.document = (kept, pages.count)
            finally:
                with session.lock:
                    session.incoming.remove(kept)
            pictures += pages.files
        yield pictures


def pages_on_page(session: Session) -> dict[int, Attachment]:
    """Pictures of the document's pages that would be sent now, by page number."""
    if session.document is None:
        return {}
    start = f"{session.document[0].stem[:NAME_LENGTH]} page "
    found = {}
    for attachment in session.draft.attachments:
        name = Path(attachment.path).stem
        if name.startswith(start) and name[len(start) :].isdecimal():
            found[int(name[len(start) :])] = attachment
    return found


def put_pages(session: Session, pages: Sequence[Attachment]) -> None:
    """Put pages of the document where those on the page stand. Needs the lock."""
    old = list(pages_on_page(session).values())
    before = list(session.draft.attachments)
    place = before.index(old[0]) if old else len(before)
    others = [[a for a in part if a not in old] for part in (before[:place], before[place:])]
    session.draft = replace(session.draft, attachments=(*others[0], *pages, *others[1]))


def name_pages(numbers: Sequence[int]) -> str:
    """Page numbers as `parse_pages` reads them.

    >>> name_pages([1, 2, 3, 7])
    '1-3, 7'
    """
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in parts)
