"""The head of the language model that is taught where to look, and what it brings from there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from internvl.model import new_model
from internvl.model.tokenizer import load_tokenizer
from internvl.training.batches import collate, sight
from internvl.training.geometry import Geometry, original_config
from internvl.training.instruct import Run
from internvl.training.looking import looking_layers, start_looking, stray
from internvl.training.phases import PHASES
from internvl.training.places import find_slots
from internvl.training.samples import Mixture, draw_sample
from internvl.training.starts import begin, build

NANO = Path("assets/nano")
SMALL = Geometry(vision_width=32, vision_layers=1, width=100, layers=3, ffn=64, patch_size=56)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = build(SMALL, NANO)
    model.network.model.language_model.set_attn_implementation("eager")  # tells what it looks at
    return model


def drawn(model, apart, kind="objects"):
    mixture = Mixture({kind: 1.0}, {"": (0.5, 0.5, 0.0)}, apart=apart)
    return [draw_sample(n, mixture, model.tokenizer, model.tokens_per_tile) for n in range(4)]


def read(model, batch):
    """All hidden states, and what each layer's heads look at (samples, heads, length, length)."""
    parts = torch.zeros_like(batch.ids) if batch.parts is None else batch.parts
    mask = torch.zeros(parts.shape[0], 1, *[parts.shape[1]] * 2)
    result = model.network.model.language_model(
        inputs_embeds=model.network.get_input_embeddings()(batch.ids),
        attention_mask=mask.masked_fill(~sight(parts), float("-inf")),
        position_ids=batch.positions,
        output_hidden_states=True,
        output_attentions=True,
    )
    return result.hidden_states, result.attentions


@pytest.mark.parametrize("apart", [0.0, 1.0], ids=["in turn", "apart"])
def test_how_far_it_strays_is_what_its_attention_leaves_out(model, apart):
    batch = collate(drawn(model, apart))
    with torch.no_grad():
        hidden, attentions = read(model, batch)
        strayed = stray(model.network, hidden, batch)
    rows, tokens, slots = batch.pointed[batch.pointed[:, 2] >= 0].unbind(1)
    assert len(rows) > 20
    assert (batch.ids[rows, slots] == model.image_token_id).all()
    seen = torch.stack([attentions[layer][:, -1][rows, tokens, slots] for layer in (1, 2)])
    assert strayed.item() == pytest.approx(-seen.log().mean().item(), rel=1e-4)


def test_where_nothing_seen_is_spoken_of_nothing_strays(model):
    batch = collate(drawn(model, 0.0, "talk"))
    assert stray(model.network, [torch.zeros(1)], batch) is None


def test_it_brings_the_place_and_nothing_else_from_where_it_looks(model):
    network = model.network
    language_model = network.model.language_model
    assert looking_layers(language_model) == [1, 2]
    start_looking(network, gain=0.5)
    with torch.no_grad():
        embeddings = network.get_input_embeddings()(torch.arange(30, 40)[None])
        assert not embeddings[..., -20:].any()
        embeddings[0, 3, -20:] = torch.randn(20)
        hidden = language_model(
            inputs_embeds=embeddings, output_hidden_states=True, output_attentions=True
        )
        attention = hidden.attentions[1][0, -1, :, 3]
        normed = language_model.layers[1].input_layernorm(hidden.hidden_states[1])[0, 3, -20:]
    states = torch.stack(hidden.hidden_states[:-1])[:, 0]  # the last is normed
    assert torch.allclose(states[2, 4:, -20:], 0.5 * attention[4:, None] * normed, atol=1e-6)
    assert not states[:2, 4:, -20:].any()
    assert not states[2, :3, -20:].any()


def test_a_place_is_looked_for_in_the_right_part_of_the_right_picture():
    visual = list(range(10, 10 + 4 * (3 + 1)))  # two pictures: two tiles and a thumbnail, and one
    point = 0.0, 0.0, 0.0, 0.0
    found = [
        (40, (*point, 0.0, 0.2, 0.2, 0.0)),  # in the thumbnail
        (40, (*point, 0.0, 0.9, 0.2, 0.0)),
        (40, (*point, 0.0, 0.2, 0.2, 1.0)),  # in the left tile
        (40, (*point, 0.0, 0.9, 0.7, 1.0)),  # in the right one, lower right
        (40, (*point, 0.125, 0.2, 1.0, 1.0)),
        (20, (*point, 0.125, 0.2, 1.0, 0.0)),  # before the picture came
    ]
    assert find_slots(found, visual, [(2, 1), (1, 1)], 2) == [18, 19, 10, 17, 24, -1]


def test_every_sample_tells_one_slot_for_each_token_that_it_found():
    tokenizer = load_tokenizer(NANO)
    mixture = Mixture({"objects": 1.0, "images": 1.0, "text": 1.0}, {"": (0.4, 0.3, 0.3)}, 0.1)
    for number in range(12):
        sample = draw_sample(number, mixture, tokenizer, 16)
        assert len(sample.slots) == len(sample.places)


def test_a_narrower_start_is_widened_and_says_what_it_said(model, tmp_path):
    narrow = replace(SMALL, width=80, heads=4, kv_heads=4)
    torch.manual_seed(1)
    old = new_model(original_config(narrow, NANO), NANO, "narrow")
    with torch.no_grad():
        for parameter in old.network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    helpers = {"labels": {"places": torch.zeros(3)}}
    torch.save({"network": old.network.state_dict(), "helpers": helpers}, tmp_path / "phase.pt")
    assert begin(model, tmp_path / "phase.pt") == {}
    ids = torch.arange(50, 90)[None]
    with torch.no_grad():
        said, wanted = (m.network(input_ids=ids).logits for m in (model, old))
    assert torch.allclose(said, wanted, atol=1e-3)
    tiles = torch.rand(1, 3, 448, 448)
    with torch.no_grad():
        seen, known = (
            m.network.model.get_image_features(tiles).pooler_output for m in (model, old)
        )
    assert torch.allclose(torch.cat(list(seen))[..., :80], torch.cat(list(known)), atol=1e-5)


def test_a_start_as_wide_is_taken_with_its_helpers(model, tmp_path):
    weights = {key: value + 1 for key, value in model.network.state_dict().items()}
    helpers = {"labels": {"places": torch.ones(3)}}
    torch.save({"network": weights, "helpers": helpers}, tmp_path / "phase.pt")
    assert begin(model, tmp_path / "phase.pt").keys() == {"labels"}
    for key, value in model.network.state_dict().items():
        assert torch.equal(value, weights[key])


def test_training_keeps_the_numbers_of_places_for_the_looking_head(tmp_path):
    torch.manual_seed(0)
    model = build(SMALL, NANO)
    phase = replace(PHASES["labels"], mixture=Mixture({"single": 1.0}, labels=True), steps=2)
    Run(model, phase, tmp_path).train(minutes=10, workers=0, tokens=2000, tiles=16)
    first, second, *_ = model.network.model.language_model.layers
    assert not first.mlp.down_proj.weight[-20:].any()
    assert not first.self_attn.o_proj.weight[-20:].any()
    assert first.self_attn.o_proj.weight[:-20, -20:].any()
    assert second.mlp.down_proj.weight[-20:].any()
    assert not model.network.get_input_embeddings().weight[:, -20:].any()
