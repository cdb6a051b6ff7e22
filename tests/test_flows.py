"""The flows that benchmarks compare answer alike; figures say whether they reach their aim."""

from pathlib import Path

import pytest
import torch

from benchmarks.figures import Figure
from benchmarks.flows import Stamps, official, official_tiles, ours, plain
from benchmarks.speed import Chat
from internvl import load_model
from internvl.engines import LocalEngine
from internvl.preprocessing import load_image, split_into_tiles, tiles_to_tensor

GOLDEN = Path(__file__).parent / "data" / "golden"
PHOTO = GOLDEN / "images" / "photo_502x343.png"


def test_all_flows_give_the_same_answer_at_every_turn():
    model = load_model(GOLDEN / "tiny-300m-qwen2", dtype="float32")
    chat = Chat(PHOTO, 6)
    flows = (ours(LocalEngine(model)), official(model), plain(model))
    for number in (1, 3):
        answers = [ask(chat.turn(number), chat.settings) for ask in flows]
        assert len({tuple(answer.ids) for answer in answers}) == 1
        assert all(answer.first > 0 and answer.per_second > 0 for answer in answers)


@pytest.mark.parametrize("prompt", [torch.empty(1, 0, dtype=torch.long), torch.tensor([[1, 2]])])
def test_the_prompt_is_no_token_of_the_answer(prompt):
    stamps = Stamps()
    for value in (prompt, torch.tensor([7]), torch.tensor([8])):
        stamps.put(value)
    assert stamps.answer().ids == [7, 8]


def test_the_official_pixels_are_ours():
    tiles = tiles_to_tensor(split_into_tiles(load_image(PHOTO), 12))
    assert torch.equal(official_tiles(PHOTO, 12), tiles)


@pytest.mark.parametrize(
    ("higher", "wanted", "verdict"),
    [(False, 0.5, "reached"), (False, 0.2, "**missed**"), (True, 0.2, "reached")],
)
def test_a_figure_is_the_median_of_its_rounds(higher, wanted, verdict):
    figure = Figure("first piece", wanted=wanted, higher=higher)
    for own, other in ((1.0, 2.0), (1.0, 4.0), (8.0, 10.0)):
        figure.add("ours", own)
        figure.add("official", other)
    assert figure.ratios() == [0.5, 0.25, 0.8]
    row = figure.row()
    assert "| 1 s | 4 s official |" in row and "0.5 (0.25-0.8)" in row and f"| {verdict} |" in row


def test_a_figure_without_an_opponent_has_no_ratio():
    figure = Figure("longest / median wait", unit="x")
    figure.add("ours", 1.5)
    assert figure.ratios() == [] and "| 1.5 x |" in figure.row()
