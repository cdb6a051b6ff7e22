"""Ask a model about held-out scenes and count the right answers.

python -m internvl.training.evaluate --model assets/nano --samples 200 --max-tiles 1,12 --json -
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from internvl.chat import SYSTEM_MESSAGE, render
from internvl.model import Model, PieceStream, encode, load_model
from internvl.preprocessing import tiles_to_tensor
from internvl.training.samples import converse, cut, tile_counts
from internvl.training.scenes import Exchange, Scene, draw
from internvl.training.scores import Tally, is_right, similarity, tally

_SHOWN = "objects text documents charts images video"
TASKS: dict[str, tuple[str, str]] = {
    "objects/single": ("single", "objects/single"),
    "objects/new-pair": ("single", "objects/new-pair"),
    "objects": ("objects", "objects/"),
    "boxes": ("objects", "boxes/"),
    "text": ("text", "text/"),
    "documents": ("documents", "documents/"),
    "charts": ("charts", "charts/"),
    "images": ("images", "images/"),
    "video": ("video", "video/"),
    "talk": ("talk", "talk/"),
    "talk/photo": ("photo", "talk/photo"),
    "talk/living": ("photo", "talk/living"),
    "talk/drawn": (_SHOWN, "talk/drawn"),
    "talk/absent": (_SHOWN, "talk/absent"),
    "talk/describe": ("text documents charts images video", "talk/describe"),
    "talk/kind": (_SHOWN, "talk/kind"),
    "talk/beside": (f"{_SHOWN} photo", "talk/beside"),
}
"""The kinds of scene each task draws in turns, and the exchanges it asks about."""


@dataclass(frozen=True)
class Item:
    """One question of the evaluation: the scene, what was said before, what is asked."""

    scene: Scene
    before: tuple[Exchange, ...]
    asked: Exchange


def draw_items(task: str, count: int, seed: int) -> list[Item]:
    """Questions about `count` held-out scenes, one each."""
    kinds, wanted = TASKS[task]
    turns = kinds.split()
    items: list[Item] = []
    index = 0
    while len(items) < count:
        scene = draw(turns[index % len(turns)], index, "held-out", seed)
        index += 1
        fitting = [e for e in scene.exchanges if _fits(e.task, wanted)]
        if fitting:
            asked = random.Random(f"asked {task} {seed} {index}").choice(fitting)
            before = scene.exchanges[: scene.exchanges.index(asked)] if scene.ordered else []
            items.append(Item(scene, tuple(before), asked))
    return items


def _fits(task: str, wanted: str) -> bool:
    return task.startswith(wanted) if wanted.endswith("/") else task == wanted


def answer_items(model: Model, items: list[Item], max_tiles: int) -> list[str]:
    """The model's greedy answers, in the order of the items."""
    prepared = [prepare_item(model, item, max_tiles) for item in items]
    order = sorted(range(len(items)), key=lambda index: len(prepared[index][0]))
    answers = [""] * len(items)
    for chunk in _batches(order, prepared):
        for index, text in zip(chunk, _answer(model, [prepared[i] for i in chunk]), strict=True):
            answers[index] = text
    return answers


def prepare_item(model: Model, item: Item, max_tiles: int) -> tuple[list[int], list[Image.Image]]:
    """The prompt's token ids and the tiles of a question."""
    asked = Exchange(
        item.asked.task, item.asked.question, "", item.asked.region, item.asked.pictures
    )
    conversation = converse(item.scene, [*item.before, asked], SYSTEM_MESSAGE)
    seen = len(conversation.attachments) if not item.scene.video else len(item.scene.canvases)
    scene = Scene(item.scene.kind, item.scene.canvases[:seen], video=item.scene.video)
    tiles = cut(scene, max_tiles)
    counts = tile_counts(scene, tiles) if scene.canvases else []
    ids, _ = encode(model.tokenizer, render(conversation, counts, model.tokens_per_tile))
    return ids, [tile for picture in tiles for tile in picture]


def _batches(
    order: list[int], prepared: list[tuple[list[int], list[Image.Image]]]
) -> Iterator[list[int]]:
    """Groups of at most 16 questions and about 100 tiles."""
    chunk: list[int] = []
    for index in order:
        tiles = sum(len(prepared[i][1]) for i in chunk)
        if chunk and (len(chunk) == 16 or tiles + len(prepared[index][1]) > 104):
            yield chunk
            chunk = []
        chunk.append(index)
    if chunk:
        yield chunk


def _answer(model: Model, prepared: list[tuple[list[int], list[Image.Image]]]) -> list[str]:
    import torch

    longest = max(len(ids) for ids, _ in prepared)
    ids = torch.full((len(prepared), longest), model.stop_id)
    mask = torch.zeros_like(ids)
    for row, (own, _) in enumerate(prepared):
        ids[row, longest - len(own) :] = torch.tensor(own)
        mask[row, longest - len(own) :] = 1
    tiles = [tile for _, own in prepared for tile in own]
    inputs: dict[str, Any] = {}
    if tiles:
        inputs["pixel_values"] = tiles_to_tensor(tiles).to(model.device, model.dtype)
    network: Any = model.network
    with torch.inference_mode():
        generated = network.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=220,
            do_sample=False,
            eos_token_id=model.stop_id,
            pad_token_id=model.stop_id,
            **inputs,
        )
    return [_decode(model, row) for row in generated[:, longest:].tolist()]


def _decode(model: Model, ids: list[int]) -> str:
    stream = PieceStream(model.tokenizer)
    own = ids[: ids.index(model.stop_id)] if model.stop_id in ids else ids
    return "".join(stream.push(token) for token in own) + stream.finish()


def evaluate(
    model: Model, tasks: list[str], samples: int, max_tiles: int, seed: int, show: int = 0
) -> dict[str, Tally]:
    """A tally per task, and per kind of question within it ("objects/count")."""
    results: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for task in tasks:
        items = draw_items(task, samples, seed)
        for number, (item, answer) in enumerate(
            zip(items, answer_items(model, items, max_tiles), strict=True)
        ):
            asked = item.asked
            result = is_right(asked.task, answer, asked.answer), similarity(answer, asked.answer)
            results[task].append(result)
            if asked.task not in TASKS:
                results[asked.task].append(result)
            if number < show:
                question = asked.question or asked.region
                print(f"  {question!r}: {answer!r} (wanted {asked.answer!r})", file=sys.stderr)
    return {name: tally(results[name]) for name in results}


def markdown(by_tiles: dict[int, dict[str, Tally]], tasks: list[str]) -> str:
    """The table: a row per task, a column per max_tiles, accuracy with its interval in percent."""
    columns = list(by_tiles)
    lines = [
        "| task | n | " + " | ".join(f"max_tiles {number}" for number in columns) + " | ANLS |",
        "|---|---|" + "---|" * (len(columns) + 1),
    ]
    last = by_tiles[columns[-1]]
    for name in [*tasks, *sorted(set(last) - set(tasks))]:
        cells = [_cell(by_tiles[number].get(name)) for number in columns]
        anls = f"{100 * last[name].anls:.1f}" if name.startswith(("text", "documents")) else ""
        lines.append(f"| {name} | {last[name].n} | {' | '.join(cells)} | {anls} |")
    return "\n".join(lines)


def _cell(result: Tally | None) -> str:
    if result is None:
        return ""
    return f"{100 * result.accuracy:.1f} ({100 * result.low:.0f}-{100 * result.high:.0f})"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", required=True, help="a checkpoint folder")
    parser.add_argument("--samples", type=int, default=200, help="scenes per task")
    parser.add_argument("--tasks", default=",".join(TASKS), help="comma-separated")
    parser.add_argument("--max-tiles", default="1,6,12", help="comma-separated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="write the figures to this file, or - for the output")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    parser.add_argument("--show", type=int, default=0, help="print this many answers per task")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    tasks = arguments.tasks.split(",")
    unknown = [task for task in tasks if task not in TASKS]
    if unknown:
        parser.error(f"unknown tasks {', '.join(unknown)}; there are {', '.join(TASKS)}")
    model = load_model(arguments.model, device=arguments.device)
    by_tiles = {
        number: evaluate(model, tasks, arguments.samples, number, arguments.seed, arguments.show)
        for number in sorted(int(text) for text in arguments.max_tiles.split(","))
    }
    table = markdown(by_tiles, tasks)
    if arguments.json != "-":
        print(table)
    if arguments.markdown:
        arguments.markdown.write_text(table + "\n", "utf-8")
    if arguments.json:
        _write_json(by_tiles, arguments.json)


def _write_json(by_tiles: dict[int, dict[str, Tally]], target: str) -> None:
    plain = {
        str(number): {name: asdict(result) for name, result in results.items()}
        for number, results in by_tiles.items()
    }
    content = {"tasks": plain[str(max(by_tiles))], "by_max_tiles": plain}
    text = json.dumps(content, indent=2)
    if target == "-":
        print(text)
    else:
        Path(target).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
