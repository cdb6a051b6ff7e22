"""8 bit on a CPU against bf16 on the same weights: is it faster, and does it say the same?

    python -m benchmarks.int8              # nano and the 1B shape: about 15 minutes on two cores

Speed is measured by turns against the official flow in bf16. What is said is compared on the
held-out scenes of the evaluation: logits at the first place of each answer, and right answers.
Writes benchmarks/results/int8.json and prints Markdown.
"""

import argparse
import json
from typing import Any

import torch

from benchmarks.figures import RESULTS, Figure, table
from benchmarks.flows import official, ours
from benchmarks.machine import machine
from benchmarks.material import NANO, endless, nano, one_b
from benchmarks.speed import Chat, material
from internvl.engines import LocalEngine
from internvl.model import Model, load_model
from internvl.model.int8 import quantize
from internvl.preprocessing import tiles_to_tensor
from internvl.training.evaluate import TASKS, draw_items, evaluate, prepare_item

TILES = 6


def in_8_bit(model: Model) -> Model:
    """The model's own layers put in 8 bit, as `load_model(..., quantization="8bit")` does."""
    quantize(model.network)
    return model


def speed(name: str, small: Model, whole: Model, chat: Chat, rounds: int) -> list[Figure]:
    """First piece with nothing prepared, and decoding, against the official flow in bf16."""
    cold = Figure(f"{name} in 8 bit: first piece, cold", wanted=0.7)
    rate = Figure(f"{name} in 8 bit: decoding", "tokens/s", 1.5, True)
    small, whole = endless(small), endless(whole)
    flow = official(whole)
    for _ in range(rounds):
        for who, ask in (("ours", ours(LocalEngine(small))), ("official", flow)):
            answer = ask(chat.turn(1), chat.settings)
            cold.add(who, answer.first)
            rate.add(who, answer.per_second)
    return [cold, rate]


def said(small: Model, whole: Model, samples: int) -> dict[str, float]:
    """How far the logits are apart, and the share of right answers of both, over all tasks."""
    gaps, scales, same = [], [], []
    for task in TASKS:
        for item in draw_items(task, max(1, samples // 10), 1):
            first, second = (
                logits(model, *prepare_item(model, item, TILES)) for model in (whole, small)
            )
            gaps.append((first - second).abs().mean().item())
            scales.append(first.std().item())
            same.append(float(first.argmax() == second.argmax()))
    found = {
        "logits: mean difference / deviation": sum(gaps) / sum(scales),
        "logits: same first token": sum(same) / len(same),
    }
    for name, model in (("bf16", whole), ("8 bit", small)):
        tallies = evaluate(model, list(TASKS), samples, TILES, 0)
        right = sum(tallies[task].accuracy * tallies[task].n for task in TASKS)
        found[f"right answers, {name}"] = right / sum(tallies[task].n for task in TASKS)
    return found


def logits(model: Model, ids: list[int], tiles: list[Any]) -> torch.Tensor:
    """Float32 logits of the first token after a prompt, (vocabulary,)."""
    network: Any = model.network
    pixels = {"pixel_values": tiles_to_tensor(tiles, model.dtype)} if tiles else {}
    with torch.inference_mode():
        result = network(input_ids=torch.tensor([ids]), logits_to_keep=1, **pixels)
    last: torch.Tensor = result.logits[0, -1].float()
    return last


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="questions per task")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    limits, whole, small = machine(), nano(), load_model(NANO, quantization="8bit")
    checked = said(small, whole, given.samples)
    for name, value in checked.items():
        print(f"{name}: {value:.4f}")
    with material() as (_, picture):
        chat = Chat(picture, TILES)
        figures = speed("nano", small, whole, chat, given.rounds)
        figures += speed("1B shape", in_8_bit(one_b()), one_b(), chat, given.rounds)
    print(table(figures))
    content = {
        "machine": limits,
        "nano": checked,
        "figures": [figure.to_json() for figure in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "int8.json").write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
