"""The places an answer points at, drawn over the picture it speaks of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from internvl.chat import Attachment, Conversation
from internvl.chat.grounding import Box, Region, split_regions
from internvl.preprocessing import AttachmentError, image_size
from internvl.ui.html import fill_line
from internvl.ui.markup import as_entities, coloured, split_code
from internvl.ui.tiles import display_copy, titles_of

_EDGE = 800
_NAMED = re.compile(r"\b(?:Image|Picture)[- ](\d{1,3})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Mark:
    """One box over the picture; `number` is its region's, `colour` its label's."""

    number: int
    colour: int
    label: str
    box: Box

    @property
    def style(self) -> str:
        """Where it stands, in percent of the picture."""
        left, top, right, bottom = (number / 10 for number in self.box)
        sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        return "; ".join(f"{side}: {percent:.1f}%" for side, percent in sides.items())

    @property
    def corner(self) -> str:
        """Which corner its label stands at, so that it stays within the picture."""
        return f"{'high ' if self.box[1] < 80 else ''}{'far' if self.box[0] > 650 else ''}".strip()

    @property
    def area(self) -> int:
        """Its size, in millionths of the picture."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


@dataclass
class Figure:
    """A picture of the conversation with the marks on it; `image` is its number, from 1."""

    image: int
    source: str
    ratio: float
    marks: list[Mark] = field(default_factory=list)
    regions: list[tuple[int, Region]] = field(default_factory=list)


def draw_figures(conversation: Conversation, position: int, text: Mapping[str, str]) -> str:
    """The HTML, on one line, of the pictures that an answer points at; nothing without any."""
    answer = conversation.turns[position].answer
    if "<box>" not in answer:
        return ""
    figures = find_figures(conversation, position)
    titles = titles_of((a for a in conversation.attachments if a.kind == "image"), text)
    drawn = [_filled(figure, titles[figure.image - 1], text) for figure in figures]
    return "".join(drawn)


def find_figures(conversation: Conversation, position: int) -> list[Figure]:
    """The pictures that an answer points at, each with its marks, in the order of their numbers."""
    turn = conversation.turns[position]
    seen = [t.attachments for t in conversation.turns[: position + 1]]
    pictures = [a for attachments in seen for a in attachments if a.kind == "image"]
    own = any(a.kind == "image" for a in turn.attachments)
    asked = "" if own and len(pictures) == 1 else turn.question
    figures: dict[int, Figure] = {}
    numbers = _speaks_of(turn.answer, asked, len(pictures))
    for (number, colour, region), image in zip(coloured(turn.answer), numbers, strict=False):
        figure = figures.get(image) or _picture(pictures, image)
        if figure is None:
            continue
        figures[image] = figure
        figure.regions.append((colour, region))
        figure.marks += [Mark(number, colour, region.label, box) for box in region.boxes]
    return [figures[image] for image in sorted(figures)]


def _speaks_of(answer: str, question: str, pictures: int) -> list[int]:
    """The picture of each region: the one named last before it in the answer or the question.

    A name after it counts when it stands in the same line and no other came before; without any
    name it is the last picture.
    """
    image = _last_named(question, pictures)
    numbers = []
    pieces = [
        piece
        for part in split_code(answer)
        for piece in (split_regions(part.text) if part.kind == "prose" else [part.text])
    ]
    for place, piece in enumerate(pieces):
        if isinstance(piece, str):
            image = _last_named(piece, pictures) or image
        else:
            after = next((p for p in pieces[place + 1 :] if isinstance(p, str)), "")
            line = after.split("\n", 1)[0]
            numbers.append(image or _last_named(line, pictures) or pictures)
    return numbers


def _last_named(text: str, pictures: int) -> int:
    """The number of the picture that is named last, 0 for none."""
    named = [int(number) for number in _NAMED.findall(text)]
    return next((n for n in reversed(named) if 1 <= n <= pictures), 0)


def _picture(pictures: Sequence[Attachment], image: int) -> Figure | None:
    if not 1 <= image <= len(pictures):
        return None
    path = str(pictures[image - 1].path)
    try:
        width, height = image_size(path)
        return Figure(image, display_copy(path, _EDGE), round(width / height, 4))
    except AttachmentError:
        return None


def _filled(figure: Figure, title: str, text: Mapping[str, str]) -> str:
    copied = "\n".join(str(region) for _, region in figure.regions)
    # The largest first, so that a smaller one over it can still be reached.
    marks = sorted(figure.marks, key=lambda mark: -mark.area)
    return fill_line(
        "figure", figure=figure, marks=marks, title=title, copied=copied, t=text, plain=as_entities
    )
