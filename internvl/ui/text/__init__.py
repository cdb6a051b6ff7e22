"""All words of the page, English and Chinese.

A key with a dot names a component of the page and one of its properties: `send.value` is what is
written on the Send button. The other keys are sentences that the handlers fill in.
"""

from collections.abc import Mapping
from typing import Any

from internvl.ui.text import (
    about,
    answers,
    cards,
    chat,
    detail,
    errors,
    first,
    head,
    history,
    presenter,
    settings,
    tiles,
    video,
)

LANGUAGES = {"English": "en", "中文": "zh"}

WORDS: dict[str, tuple[str, str]] = {}
for part in (
    *(head, about, presenter, tiles, detail, video, first),
    *(chat, answers, history, settings, errors, cards),
):
    WORDS |= part.WORDS


def words(language: str) -> dict[str, str]:
    """All words in a language, "en" or "zh".

    >>> words("zh")["send.value"]
    '发送'
    """
    position = 1 if language == "zh" else 0
    return {key: pair[position] for key, pair in WORDS.items()}


def properties(component: str, text: Mapping[str, str]) -> dict[str, Any]:
    """The properties of a component that are words.

    >>> properties("send", words("en"))
    {'value': 'Send'}
    """
    wanted = {"label", "info", "placeholder", "value"}
    named = ((key.split(".", 1), sentence) for key, sentence in text.items() if "." in key)
    return {part: text for (name, part), text in named if name == component and part in wanted}


def preferred(accept_language: str) -> str:
    """The language that a browser asks for first, "en" unless it is Chinese.

    >>> preferred("zh-CN,zh;q=0.9,en;q=0.8")
    'zh'
    """
    return "zh" if accept_language.strip().lower().startswith("zh") else "en"
