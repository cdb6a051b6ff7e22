"""The versions of an answer: each retry writes a new one, and a visitor chooses among them."""

from dataclasses import replace

from internvl.chat.conversation import Turn, Version


def with_room(turn: Turn) -> Turn:
    """The turn with all its answers kept as earlier versions, and a new one to be written.

    >>> with_room(Turn("Hi?", answer="Hello.")).earlier
    (Version(answer='Hello.', receipt=None),)
    """
    return replace(turn, answer="", receipt=None, earlier=_all(turn), later=(), opinion=None)


def choose_version(turn: Turn, position: int) -> None:
    """Make another version (counted from 0) the turn's answer. Raises IndexError if not there.

    >>> turn = Turn("Hi?", answer="Two.", earlier=(Version("One."),))
    >>> choose_version(turn, 0)
    >>> turn.answer, [version.answer for version in turn.later]
    ('One.', ['Two.'])
    """
    versions = _all(turn)
    if not 0 <= position < len(versions):
        raise IndexError(f"version {position} of {len(versions)}")
    turn.earlier, turn.later = versions[:position], versions[position + 1 :]
    turn.answer, turn.receipt = versions[position].answer, versions[position].receipt
    turn.opinion = None


def _all(turn: Turn) -> tuple[Version, ...]:
    own = (Version(turn.answer, turn.receipt),) if turn.answer else ()
    return (*turn.earlier, *own, *turn.later)
