"""The receipt under an answer: a line of the facts that matter, and all of them on demand."""

from collections.abc import Mapping
from typing import Any

from internvl.chat import Turn
from internvl.ui.tiles import count_tiles

Facts = list[tuple[str, str]]


def short_facts(receipt: Mapping[str, Any], turn: Turn, text: Mapping[str, str]) -> list[str]:
    """What the line under an answer says: what was seen, how fast, and why it ended."""
    values = _values(receipt)
    parts = ["first", "speed", receipt["finish_reason"]]
    return [*_seen(receipt, turn, text), *(text[f"receipt.{p}"].format(**values) for p in parts)]


def all_facts(receipt: Mapping[str, Any], turn: Turn, text: Mapping[str, str]) -> Facts:
    """Every fact with its name. Receipts of earlier versions of this project lack some."""
    values = _values(receipt)
    facts = [("model", receipt.get("model")), ("seen", ", ".join(_seen(receipt, turn, text)))]
    facts += [("visual", values["visual_tokens"] if receipt["tiles"] else None)]
    facts += [(name, text[f"receipt.{name}.of"].format(**values)) for name in ("read", "written")]
    facts += [(name, text[f"receipt.{name}.of"].format(**values)) for name in ("wait", "pace")]
    facts += [
        ("seed", text["receipt.seed.of"].format(**values)),
        ("ended", text[f"receipt.{receipt['finish_reason']}.why"]),
    ]
    if receipt.get("tuned") == {}:
        facts.append(("settings", text["receipt.settings.of"]))
    tuned = [(text[f"{name}.label"], f"{v}") for name, v in receipt.get("tuned", {}).items()]
    return [(text[f"receipt.{name}.name"], value) for name, value in facts if value] + tuned


def _seen(receipt: Mapping[str, Any], turn: Turn, text: Mapping[str, str]) -> list[str]:
    frames = sum(count_tiles(a) for a in turn.attachments if a.kind == "video")
    seen = [text["receipt.frames"].format(frames=frames)] if frames else []
    tiles = receipt["tiles"]
    if tiles == 1:
        return [*seen, text["tray.one"]]
    return [*seen, text["receipt.tiles"].format(tiles=f"{tiles:,}")] if tiles else seen


def _values(receipt: Mapping[str, Any]) -> dict[str, str]:
    wait = receipt["seconds_to_first"]
    return {
        **{k: f"{v:,}" for k, v in receipt.items() if isinstance(v, int) and k != "seed"},
        "seconds": f"{wait:.1f}" if wait >= 0.1 else f"{wait:.2f}",
        "speed": f"{receipt['tokens_per_second']:.1f}",
        "seed": str(receipt["seed"]),
    }
