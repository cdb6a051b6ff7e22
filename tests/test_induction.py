"""A fresh language model of the nano geometry looks back, and finds again what it has seen."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from internvl.model import new_model
from internvl.training.geometry import Geometry, original_config
from internvl.training.induction import look_back, start_repeating
from internvl.training.starts import build

NANO = Path("assets/nano")


@pytest.fixture(
    params=[Geometry(), replace(Geometry(), width=384, heads=6, kv_heads=3)],
    ids=["nano", "two to one of keys and values"],
)
def network(request):
    torch.manual_seed(0)
    network = build(request.param, NANO).network
    network.model.language_model.set_attn_implementation("eager")  # tells what it attends to
    return network


def attend(network, ids):
    """Attention (heads, places, places) of each layer."""
    embeddings = network.get_input_embeddings()(ids[None])
    with torch.no_grad():
        read = network.model.language_model(inputs_embeds=embeddings, output_attentions=True)
    return [layer[0] for layer in read.attentions]


def test_the_first_layer_brings_what_stands_one_and_two_places_before(network):
    first = attend(network, torch.randperm(1500)[:60])[0]
    for head, distance in ((0, 1), (1, 2)):
        assert first[head].diagonal(-distance).mean() > 0.6


def test_what_the_first_layer_brings_of_a_token_can_be_told_beforehand(network):
    ids = torch.randperm(1500)[:60]
    brought = []
    attention = network.model.language_model.layers[0].self_attn
    attention.register_forward_hook(lambda module, given, output: brought.append(output[0][0]))
    attend(network, ids)
    with torch.no_grad():
        expected = look_back(network, network.get_input_embeddings()(ids))
    alike = torch.nn.functional.normalize(brought[0]) @ torch.nn.functional.normalize(expected).T
    assert (alike[1:].argmax(1) == torch.arange(59)).float().mean() > 0.9


def test_the_second_layer_finds_what_followed_the_last_time(network):
    again = 30
    ids = torch.randperm(1500)[:again].repeat(2)
    second = attend(network, ids)[1]
    places = torch.arange(again + 2, 2 * again - 1)
    found = second[:, places, places - again + 1].mean(1)  # at random 1 / 45
    assert (found[:2] > 0.08).all() and (found[2:4] > 0.2).all()


@pytest.mark.parametrize(("layers", "heads", "kv_heads"), [(5, 4, 4), (5, 5, 1), (1, 5, 5)])
def test_too_few_heads_are_refused(layers, heads, kv_heads):
    few = replace(Geometry(), layers=layers, heads=heads, kv_heads=kv_heads)
    network = new_model(original_config(few, NANO), NANO).network
    with pytest.raises(ValueError, match="of five heads"):
        start_repeating(network)
