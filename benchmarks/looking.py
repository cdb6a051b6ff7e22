"""Where answers go wrong: do the looking heads find what is read, and is it read where they do?

python -m benchmarks.looking --model assets/nano --samples 60

Every token of the right answer is asked for after those before it, so that one mistake doesn't
make others. One tile a picture.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from internvl.chat import render
from internvl.model import Model, encode
from internvl.training.forward import visual_tokens
from internvl.training.looking import looking_layers, score_pairs
from internvl.training.network import open_model
from internvl.training.samples import (
    converse,
    cut,
    find_looks,
    round_boxes,
    stack,
    tile_counts,
)
from internvl.training.scenes import Exchange, Scene, draw

KINDS = ("objects", "text", "charts")


class Step(NamedTuple):
    """A token of an answer but its end: whether it is the first, right, and was looked at.

    `looked` is whether the last looking head that is told where looks there, None where none is.
    """

    first: bool
    right: bool
    looked: bool | None


class Seen(NamedTuple):
    """Of a scene's pictures: how many tiles each has, and their visual tokens (tokens, hidden)."""

    counts: list[list[int]]
    tokens: Tensor


@torch.no_grad()
def read(model: Model, scene: Scene) -> Seen:
    """What a model sees of a scene."""
    tiles = cut(scene, 1)
    every = [tile for picture in tiles for tile in picture]
    tokens = visual_tokens(model.network, stack(every), frozen_tower=True)
    return Seen(tile_counts(scene, tiles), tokens)


@torch.no_grad()
def follow(model: Model, scene: Scene, exchange: Exchange, seen: Seen) -> Iterator[Step]:
    """The steps of a right answer, with boxes as training says them."""
    network, asked = model.network, replace(exchange, answer=round_boxes(exchange.answer))
    prompt = render(converse(scene, [asked]), seen.counts, model.tokens_per_tile)
    ids, learned = encode(model.tokenizer, prompt)
    looks = find_looks(scene, ids, learned, model.tokenizer, 1, model.tokens_per_tile)
    wanted = {token: own for token, own, _ in looks}
    shown = torch.tensor(ids) == model.image_token_id
    embeddings = network.get_input_embeddings()(torch.tensor([ids]))
    embeddings[0, shown] = seen.tokens
    language_model: Any = network.model.language_model
    output = language_model(inputs_embeds=embeddings, output_hidden_states=True)
    told = network.lm_head(output.last_hidden_state)[0].argmax(-1).tolist()
    positions = torch.arange(len(ids))[None]
    scores = [
        score_pairs(language_model, layer, output.hidden_states[layer], positions)[0]
        for layer in looking_layers(language_model)
    ]
    for token in (n for n in range(1, len(ids)) if learned[n] and ids[n] != model.stop_id):
        last = token - 1
        found = [
            int(scores[look][last, :token].argmax()) == place
            for look, place in enumerate(wanted.get(last, ()))
            if place >= 0
        ]
        yield Step(not learned[last], told[last] == ids[token], found[-1] if found else None)


def measure(model: Model, samples: int, first: int) -> dict[tuple[str, str], list[Step]]:
    """The steps by task and whether they begin the answer, of held-out scenes."""
    steps: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for kind in KINDS:
        for number in range(first, first + samples):
            scene = draw(kind, number, "held-out", seed=1)
            seen = read(model, scene)
            for exchange in scene.exchanges:
                for step in follow(model, scene, exchange, seen):
                    steps[exchange.task, "first" if step.first else "later"].append(step)
    return steps


def table(steps: dict[tuple[str, str], list[Step]]) -> str:
    """Markdown: of the tokens that should be looked at, how many are, and are right then."""
    lines = ["| task | token | n | looked at | right, where it was | where not |", "|---" * 6 + "|"]
    for (task, part), all_steps in sorted(steps.items()):
        told = [step for step in all_steps if step.looked is not None]
        if told:
            groups = [[s.right for s in told if s.looked == looked] for looked in (True, False)]
            shares = [f"{sum(g) / len(g):.0%} of {len(g)}" if g else "" for g in groups]
            looked = f"{len(groups[0]) / len(told):.0%}"
            lines.append(
                f"| {task} | {part} | {len(told)} | {looked} | {shares[0]} | {shares[1]} |"
            )
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("assets/nano"))
    parser.add_argument("--samples", type=int, default=60, help="scenes of each kind")
    parser.add_argument("--first", type=int, default=6_000_000, help="number of the first scene")
    given = parser.parse_args()
    print(table(measure(open_model(given.model), given.samples, given.first)))


if __name__ == "__main__":
    main()
