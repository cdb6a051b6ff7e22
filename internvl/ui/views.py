"""What the components of the page show, drawn from a session: component name -> its properties."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from internvl.chat import Limits, Session
from internvl.engines.base import Event, Loading, Reading, Waiting
from internvl.preprocessing import AttachmentError
from internvl.ui.cards import Card
from internvl.ui.chat import draw_chat
from internvl.ui.documents import name_pages, pages_on_page
from internvl.ui.drafts import draft_video
from internvl.ui.examples import Example
from internvl.ui.frames import video_seconds
from internvl.ui.history import draw_history
from internvl.ui.html import fill
from internvl.ui.text import WORDS, properties
from internvl.ui.tiles import draw_tray, looks_differ

View = dict[str, dict[str, Any]]
Words = Mapping[str, str]
_HELD = ("retry", "undo", "language")


@dataclass(frozen=True)
class About:
    """The model as the page introduces it; `embedded` is the project's own small one.

    A `published` one is in the catalogue. `shared`: the page has a public link through Gradio's
    servers. A tile has `tile_size` x `tile_size` pixels and gives `tokens_per_tile` visual tokens.
    """

    name: str
    licence: str = "see its model card"
    embedded: bool = False
    published: bool = False
    shared: bool = False
    tokens_per_tile: int = 256
    tile_size: int = 448


def merged(*views: View) -> View:
    """The views one over the other."""
    result: View = {}
    for view in views:
        for name, shown in view.items():
            result[name] = {**result.get(name, {}), **shown}
    return result


def labels(text: Words) -> View:
    """Every component with the words it carries."""
    names = {key.split(".")[0] for key in WORDS if "." in key}
    shown = {name: properties(name, text) for name in names}
    return {name: words for name, words in shown.items() if words}


def idle() -> View:
    """Nothing runs: Send is there, Stop is not."""
    free: View = {name: {"interactive": True} for name in _HELD}
    return {"send": {"visible": True}, "stop": {"visible": False}, **free}


def busy() -> View:
    """An answer runs, in one language: Stop stands where Send was."""
    held: View = {name: {"interactive": False} for name in _HELD}
    return {"send": {"visible": False}, "stop": {"visible": True}, **held}


def undisturbed(view: View) -> View:
    """The view without what belongs to an answer that is under way: its words, line and buttons."""
    own = ("chat", "shown", "status", *idle())
    return {name: shown for name, shown in view.items() if name not in own}


def no_panels() -> View:
    """No panel over the composer is open, but for a comparison."""
    hidden: View = {f"{name}_panel": {"visible": False} for name in ("edit", "opinion", "find")}
    return {**hidden, "chosen": {"value": None}}


def no_comparison() -> View:
    """No comparison is on the page."""
    return {"compare_panel": {"visible": False}}


def notice(card: Card | str = "") -> View:
    """A card, or one sentence, about what went wrong; none takes it away."""
    card = Card(card) if isinstance(card, str) else card
    return {"notice": {"value": fill("notice", card=card)}}


def chat(session: Session, text: Words, about: About) -> View:
    """The conversation on the page."""
    back: View = {name: {"visible": bool(session.conversation.turns)} for name in ("retry", "undo")}
    drawn = draw_chat(session.conversation, text, session.running, about.tile_size)
    return {"chat": {"value": drawn}, "shown": {"value": session.conversation.id}, **back}


def chats(session: Session, text: Words) -> View:
    """The list of chats, the one opened last first."""
    return {"chats": {"value": draw_history(session, text)}}


def tray(
    session: Session,
    text: Words,
    about: About,
    examples: Sequence[Example] = (),
    moved: int | None = None,
) -> View:
    """Everything that goes with the next question, and the clip's controls for a video."""
    pictures = sum(a.kind == "image" for a in session.conversation.attachments)
    drawn = draw_tray(
        session.draft.attachments,
        session.settings,
        text,
        earlier=pictures,
        tokens_per_tile=about.tokens_per_tile,
        tile_size=about.tile_size,
        examples=() if session.conversation.turns else examples,
        most=session.limits.tiles,
        moved=moved,
        asked=bool(session.conversation.attachments),
    )
    return {
        "tray": {"value": drawn},
        "clear": {"visible": len(session.draft.attachments) > 1},
        **_comparable(session, text, about),
        **_clip(session),
        **_pages(session, text),
    }


def pane(session: Session) -> View:
    """The pane where the visitor left off."""
    kinds = [attachment.kind for attachment in session.draft.attachments]
    several = "images" if kinds.count("image") > 1 else "image"
    return {"panes": {"selected": "video" if "video" in kinds else several}}


def settings(session: Session) -> View:
    """The session's settings on their sliders."""
    shown: View = {name: {"value": value} for name, value in asdict(session.settings).items()}
    return {**shown, "system": {"value": session.conversation.system}}


def status(
    stage: str = "", text: Words | None = None, event: Event | None = None, **numbers: int
) -> View:
    """One line about what is going on, with a bar where the end is known; none without a stage."""
    fraction: float | None = None
    if isinstance(event, Loading):
        numbers, fraction = {"percent": round(event.fraction * 100)}, event.fraction
    elif isinstance(event, Waiting):
        stage, numbers = _waiting(event)
    elif isinstance(event, Reading) and not event.total:
        stage = "thinking"
    elif isinstance(event, Reading):
        numbers = {"done": event.done, "total": event.total}
        fraction = event.done / max(1, event.total)
    sentence = text[f"status.{stage}"].format(**numbers) if text and stage else ""
    drawn = fill(
        "status",
        stage=stage,
        sentence=sentence,
        back=text["status.back"] if text else "",
        fraction=fraction,
        spoken=stage in ("answered", "both", "loading"),
        done=numbers.get("done", numbers.get("total", 0)),
        total=numbers.get("total", 0),
    )
    return {"status": {"value": drawn}}


def _waiting(event: Waiting) -> tuple[str, dict[str, int]]:
    """The stage and the numbers of a line in which somebody waits."""
    if event.place == 0:
        return "opening", {}
    numbers = {"place": event.place}
    if event.seconds is None:
        return "next" if event.place == 1 else "waiting", numbers
    numbers["seconds"] = max(1, round(event.seconds))
    return "next_in" if event.place == 1 else "waiting_in", numbers


def model(about: About, loading: float | None, problem: str | None, text: Words) -> View:
    """The model's name and whether it is ready, or why it can't be."""
    state = text["model.failed"].format(problem=problem) if problem else text["model.ready"]
    if loading is not None:
        state = text["model.loading"].format(percent=round(loading * 100))
    stage = "loading" if loading is not None else "failed" if problem else "ready"
    drawn = fill("model", about=about, stage=stage, fraction=loading or 0.0, state=state)
    return {"model": {"value": drawn}, "timer": {"active": loading is not None}}


def introduction(about: About, text: Words, limits: Limits, language: str) -> View:
    """What the model is, what is kept of the visitor, and the words that scripts need."""
    hours = limits.session_seconds / 3600
    unit, number = ("days", hours / 24) if hours >= 48 and hours % 24 == 0 else ("hours", hours)
    time = text[f"time.{unit}"].format(number=number)
    return {
        "about": {"value": fill("about", about=about, t=text, time=time)},
        "caution": {"value": fill("caution", about=about, t=text)},
        "extras": {"value": fill("extras", t=text)},
        "tools": {"value": fill("tools", t=text)},
        "words": {"value": fill("words", t=text, language=language, most=limits.upload_bytes)},
    }


def presenter(visitor: Mapping[str, str], text: Words) -> View:
    """The bar of presenter mode, which knows whether this session was begun by it."""
    return {"presenter": {"value": fill("presenter", guest=visitor.get("guest", ""), t=text)}}


def _comparable(session: Session, text: Words, about: About) -> View:
    """Whether a close look differs from a quick one, and the reason if not."""
    turns = [*session.conversation.turns, session.draft]
    kinds = {attachment.kind for turn in turns for attachment in turn.attachments}
    same = "image" in kinds and not looks_differ(turns, session.limits.tiles, about.tile_size)
    reason = text["compare.same"] if same else ""
    return {"compare": {"interactive": not same}, "compare_why": {"value": reason}}


def _clip(session: Session) -> View:
    video = draft_video(session)
    if video is None:
        return {"start": {"visible": False}, "end": {"visible": False}}
    try:
        seconds = round(video_seconds(str(video.path)), 1)
    except AttachmentError:
        return {}
    bounds = {"maximum": seconds, "visible": True}
    end = seconds if video.end is None else video.end
    return {"start": {**bounds, "value": video.start or 0.0}, "end": {**bounds, "value": end}}


def _pages(session: Session, text: Words) -> View:
    """The field for other pages, as long as pages of a PDF are on the page."""
    shown = pages_on_page(session)
    if session.document is None or not shown:
        return {"pages": {"visible": False}}
    path, count = session.document
    names = name_pages(list(shown))
    name = path.name.replace("](", "] (")  # Gradio makes links of what looks like Markdown's
    info = text["pages.told"].format(name=name, count=count, pages=names)
    return {"pages": {"visible": count > 1, "value": names, "info": info}}
