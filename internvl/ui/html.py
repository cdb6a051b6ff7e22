"""Fills the HTML files of the page. Every value is escaped; nothing typed or generated is HTML."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

ASSETS = Path(__file__).parents[2] / "assets"


def fill(name: str, **values: Any) -> str:
    """The HTML of `assets/html/<name>.html` with the values put in, escaped."""
    return _environment().get_template(f"{name}.html").render(values).strip()


def fill_line(name: str, **values: Any) -> str:
    """As `fill`, on one line: Markdown leaves a line that is HTML as it is."""
    filled = fill(name, **values)
    return filled.replace("\r", "").replace("\n", "&#10;")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ASSETS / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["safe_format"] = _safe_format
    return environment


def _safe_format(sentence: str, **values: str) -> Markup:
    """One of the page's own sentences, which may hold HTML, with escaped values."""
    return Markup(sentence).format(**values)
