"""The heads of the language model that are taught where to look, and what they bring."""

from dataclasses import replace
from math import isnan
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import looking
from internvl.model import new_model
from internvl.model.tokenizer import load_tokenizer
from internvl.preprocessing import Grid
from internvl.training.batches import collate, sight
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry, original_config
from internvl.training.instruct import Run
from internvl.training.looking import looking_layers, start_looking, stray
from internvl.training.network import open_model
from internvl.training.phases import PHASES
from internvl.training.places import Place, Spoken, find_visual_tokens
from internvl.training.samples import Mixture, draw_sample
from internvl.training.scenes import draw
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
def test_how_far_it_strays_is_what_its_attention_leaves_out(apart):
    model = build(replace(SMALL, layers=5), NANO)
    model.network.model.language_model.set_attn_implementation("eager")
    batch = collate(drawn(model, apart, "charts"))
    with torch.no_grad():
        hidden, attentions = read(model, batch)
        strayed = stray(model.network, hidden, batch)
    expected = []
    for look, layer in ((2, 2), (3, 3), (4, 4)):
        rows, tokens, *wanted = batch.pointed[batch.pointed[:, look] >= 0].unbind(1)
        assert len(rows) > 20
        visual = batch.ids[rows, wanted[look - 2]] == model.image_token_id
        assert visual.all() == (look != 3)  # the second look may be on what was asked about
        assert (wanted[look - 2] < tokens).all()
        seen = attentions[layer][:, -1][rows, tokens, wanted[look - 2]]
        expected.append(-seen.log().mean())
    assert strayed.item() == pytest.approx(torch.stack(expected).mean().item(), rel=1e-4)


def test_where_nothing_seen_is_spoken_of_nothing_strays(model):
    batch = collate(drawn(model, 0.0, "talk"))
    assert stray(model.network, [torch.zeros(1)], batch) is None


def test_three_layers_look_if_there_are_so_many(model):
    language_model = SimpleNamespace(layers=[None] * 5)
    assert looking_layers(language_model) == [2, 3, 4]
    assert looking_layers(model.network.model.language_model) == [1, 2]


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
    edges = 0.0, 0.0, 0.0, 0.0
    places = [
        (40, Place(*edges, 0.0, 0.2, 0.2, 0.0)),  # in the thumbnail
        (40, Place(*edges, 0.0, 0.9, 0.2, 0.0)),
        (40, Place(*edges, 0.0, 0.2, 0.2, 0.1)),  # in the left tile
        (40, Place(*edges, 0.0, 0.9, 0.7, 0.1)),  # in the right one, lower right
        (40, Place(*edges, 0.0, 0.2, 0.2, 0.01)),  # too small to be read
        (40, Place(*edges, 0.125, 0.2, 1.0, 0.1)),
        (20, Place(*edges, 0.125, 0.2, 1.0, 0.0)),  # before the picture came
    ]
    found = [Spoken(token, place, (None, 5, place)) for token, place in places]
    seen = find_visual_tokens(found, visual, [Grid(2, 1), Grid(1, 1)], 2)
    assert seen == [(-1, 5, own) for own in (18, 19, 10, 17, -1, 24, -1)]


@pytest.mark.parametrize("apart", [0.0, 1.0], ids=["in turn", "apart"])
@pytest.mark.parametrize("kind", ["objects", "images", "text", "documents", "charts"])
def test_what_is_looked_at_is_what_is_spoken_of(kind, apart):
    """By the labels of the cells under each visual token that is told."""
    tokenizer = load_tokenizer(NANO)
    mixture = Mixture({kind: 1.0}, {"": (0.4, 0.3, 0.3)}, apart=apart, labels=True)
    things = letters = 0
    for number in range(10):
        sample = draw_sample(number, mixture, tokenizer, 64)
        image = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
        visual = [n for n, token in enumerate(sample.ids) if token == image]
        for _, (*_, own), place in sample.places:
            if own < 0:
                continue
            tile, cell = divmod(visual.index(own), 64)
            rows, columns = (slice(4 * at, 4 * at + 4) for at in divmod(cell, 8))
            classes = sample.labels.classes[tile, :, rows, columns]
            if place.letter:
                letters += 1
                assert classes[4:6].any()  # a letter has its centre there
            elif place.left * place.right and place.x * 8 % 1 and place.y * 8 % 1:
                things += 1
                assert classes[3].any()  # a thing has
    assert things + letters > 20


def test_in_a_clip_the_first_head_looks_from_a_thing_one_frame_back():
    tokenizer = load_tokenizer(NANO)
    mixture = Mixture({"video": 1.0}, labels=True)
    image = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    things = spoken = 0
    for number in range(12):
        sample = draw_sample(number, mixture, tokenizer, 256)
        visual = [n for n, token in enumerate(sample.ids) if token == image]
        assert len({weight for weight in collate([sample]).weights.tolist()[0] if weight}) == 1
        for token, looks, place in sample.places:
            assert isnan(place.x)
            if token not in visual:
                spoken += 1
                assert looks[0] == -1
                assert looks[1] in visual
                continue
            things += 1
            assert looks == (visual[visual.index(token) - 256], -1, -1)
            frame, cell = divmod(visual.index(token), 256)
            rows, columns = (slice(max(0, 2 * at - 1), 2 * at + 3) for at in divmod(cell, 16))
            assert sample.labels.classes[frame, 0, rows, columns].any()  # something is drawn there
    assert things > 20
    assert spoken > 20


def test_looking_is_learned(tmp_path):
    torch.manual_seed(0)
    model = build(SMALL, NANO)
    mixture = Mixture({"single": 1.0}, labels=True)
    phase = replace(PHASES["labels"], mixture=mixture, lr=0.05, steps=12, looking=1.0, pointing=0.1)
    batch = collate(drawn(model, 0.0, "single"))
    strayed = []
    run = Run(model, phase, tmp_path)
    for steps in (0, 12):
        if steps:
            run.train(minutes=10, workers=0, tokens=3000, tiles=32)
        with torch.no_grad():
            strayed.append(batch_loss(model, batch, True, None, run.pointer).strayed.item())
    assert strayed[1] < strayed[0] - 0.3
    talk = collate(drawn(model, 0.0, "talk"))
    assert batch_loss(model, talk, True, None, run.pointer).strayed is None


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


def test_a_model_with_other_layers_or_words_is_not_widened(model, tmp_path):
    for other in (replace(SMALL, layers=2), replace(SMALL, layers=4)):
        narrow = replace(other, width=80, heads=4, kv_heads=4)
        state = new_model(original_config(narrow, NANO), NANO, "narrow").network.state_dict()
        torch.save({"network": state, "helpers": {}}, tmp_path / "phase.pt")
        with pytest.raises(ValueError, match="as many layers and words"):
            begin(model, tmp_path / "phase.pt")


def test_a_start_with_other_visual_tokens_is_refused_in_words(model, tmp_path):
    finer = new_model(original_config(replace(SMALL, downsample_ratio=1.0), NANO), NANO, "finer")
    finer.save(tmp_path / "finer")
    with pytest.raises(ValueError, match="finer was made with other visual tokens"):
        begin(model, tmp_path / "finer")


def test_a_loud_language_model_is_brought_places_as_loudly(model, tmp_path):
    narrow = replace(SMALL, width=80, heads=4, kv_heads=4)
    old = new_model(original_config(narrow, NANO), NANO, "narrow")
    gains = []
    for loud in (1, 10):
        with torch.no_grad():
            old.network.get_input_embeddings().weight.mul_(loud)
        torch.save({"network": old.network.state_dict(), "helpers": {}}, tmp_path / "phase.pt")
        begin(model, tmp_path / "phase.pt")
        attention = model.network.model.language_model.layers[1].self_attn
        brought = attention.o_proj.weight[-20:, -20:] @ attention.v_proj.weight[-20:, -20:]
        gains.append(brought.diagonal().mean().item())
    assert gains == pytest.approx([0.03, 3.0], rel=0.1)


def test_an_answer_is_followed_from_its_first_token_to_its_last_and_looked_for_where_it_is_read():
    shipped = open_model(NANO)
    scene = draw("charts", 0, "held-out", seed=1)
    seen = looking.read(shipped, scene)
    for exchange in scene.exchanges:
        steps = list(looking.follow(shipped, scene, exchange, seen))
        answer = shipped.tokenizer.encode(exchange.answer, add_special_tokens=False)
        assert [step.first for step in steps] == [True] + [False] * (len(answer) - 1)
        if exchange.task == "charts/title":
            assert all(step.looked is not None for step in steps)
            told = {step.looked for step in steps}
        elif exchange.task == "charts/kind":
            assert all(step.looked is None and step.right for step in steps)
    assert True in told
