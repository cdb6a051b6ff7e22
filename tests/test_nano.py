"""The embedded model: its files, its tokenizer, its dense targets, and that training goes on."""

import itertools
import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from internvl.chat import SYSTEM_MESSAGE, render
from internvl.model import encode, new_model
from internvl.model.tokenizer import load_tokenizer
from internvl.preprocessing import normalise
from internvl.training import gloss as gloss_module
from internvl.training import instruct
from internvl.training.batches import Batches, collate
from internvl.training.cells import GROUPS, label_cells
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry, new_tower, original_config
from internvl.training.gloss import listen, teach
from internvl.training.instruct import Run
from internvl.training.label_projector import (
    LabelProjector,
    new_label_projector,
    word_tables,
)
from internvl.training.nano import Plan, commands
from internvl.training.network import open_model
from internvl.training.optimizer import RATES
from internvl.training.phases import PHASES, Phase
from internvl.training.pretrain import TowerTraining, draw_tile, whiten
from internvl.training.samples import (
    Mixture,
    Sample,
    choose_exchanges,
    converse,
    draw_sample,
    stack_labels,
)
from internvl.training.scenes import draw, transcribe
from internvl.training.scenes.canvas import CHARACTERS, COLOURS, SHAPES, Mark
from internvl.training.starts import join_tower, read_start
from internvl.training.vocabulary import SPECIAL_TOKENS, train_tokenizer

NANO = Path("assets/nano")
TINY = Geometry(vision_width=32, vision_layers=1, width=40, layers=1, ffn=64, patch_size=56)
WHOLE = (0.0, 0.0, 448.0, 448.0)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(NANO)


def tiny_model(downsample_ratio=0.5):
    torch.manual_seed(0)
    geometry = replace(TINY, downsample_ratio=downsample_ratio)
    return new_model(original_config(geometry, NANO), NANO)


def test_the_shipped_files_are_small_and_ordinary():
    shards = list(NANO.glob("*.safetensors"))
    assert sum(path.stat().st_size for path in shards) < 25e6
    assert all(path.stat().st_size <= 9e6 for path in shards)
    config = json.loads((NANO / "config.json").read_text())
    assert config["model_type"] == "internvl_chat"
    assert config["llm_config"]["max_position_embeddings"] >= 16384
    assert config["force_image_size"] == 448


def test_the_tokenizer_has_the_published_special_tokens(tokenizer):
    assert set(SPECIAL_TOKENS) <= set(tokenizer.get_added_vocab())


def test_any_text_survives_the_tokenizer(tokenizer):
    for text in ("Größe 12,5 €", SYSTEM_MESSAGE, "naïve 🙂 <|im_end|>", " two  blanks\n\ttab"):
        ids, _ = encode(tokenizer, [(text, False, False)])
        assert tokenizer.decode(ids) == text


def test_the_default_system_message_costs_few_tokens(tokenizer):
    ids, _ = encode(tokenizer, [(SYSTEM_MESSAGE, False, False)])
    assert len(ids) <= 8


def test_words_to_read_are_spelled_and_common_words_are_one_token(tokenizer):
    read, _ = encode(tokenizer, [("umbrella", False, False)])
    common, _ = encode(tokenizer, [("What colour is the circle", False, False)])
    assert len(read) == len("umbrella")
    assert len(common) == 5


def test_the_tokenizer_is_made_the_same_again(tmp_path):
    size = train_tokenizer(tmp_path, words=20, scenes=30)
    assert size == len(load_tokenizer(tmp_path))
    again = tmp_path / "again"
    train_tokenizer(again, words=20, scenes=30)
    assert (again / "merges.txt").read_bytes() == (tmp_path / "merges.txt").read_bytes()


def test_the_vision_tower_learns_a_batch_and_resumes_exactly():
    def training():
        torch.manual_seed(0)
        tower = new_model(original_config(TINY, NANO), NANO).network.model.vision_tower
        return TowerTraining(tower, 56, 3e-3)

    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(2)), strict=True))
    whole = training()
    losses = [whole.learn(batch, 0.0)["loss"] for _ in range(6)]
    assert losses[-1] < losses[0]
    first = training()
    for _ in range(3):
        first.learn(batch, 0.0)
    second = training()
    second.restore(first.state())
    assert [second.learn(batch, 0.0)["loss"] for _ in range(3)] == pytest.approx(losses[3:])


def test_a_fresh_head_learns_alone_first_also_after_a_stop():
    def training():
        torch.manual_seed(0)
        tower = new_model(original_config(TINY, NANO), NANO).network.model.vision_tower
        return TowerTraining(tower, 56, 3e-3, head_first=4)

    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(2)), strict=True))
    whole = training()
    before = whole.both["tower"].embeddings.cls_token.clone()
    losses = [whole.learn(batch, 0.0)["loss"] for _ in range(4)]
    assert losses[-1] < losses[0]
    assert torch.equal(before, whole.both["tower"].embeddings.cls_token)
    first = training()
    for _ in range(2):
        first.learn(batch, 0.0)
    second = training()
    second.head_first = 0
    second.restore(first.state())
    assert [second.learn(batch, 0.0)["loss"] for _ in range(2)] == pytest.approx(losses[2:])
    whole.learn(batch, 0.0)
    moved = (whole.both["tower"].embeddings.cls_token - before).abs().max()
    assert 0 < moved < 1e-3  # warming up again


def tile(number):
    return draw_tile(number, "train")


def test_the_shipped_vision_tower_can_be_trained_further():
    shipped = open_model(NANO).network.model.vision_tower
    tower = new_tower(Geometry())
    keys = tower.load_state_dict(shipped.state_dict(), strict=False)
    assert not keys.unexpected_keys and all("layernorm" in name for name in keys.missing_keys)
    pixels = normalise(draw_tile(3, "held-out")[0][None])
    with torch.no_grad():
        first, second = (t(pixels).last_hidden_state for t in (shipped, tower))
    assert torch.allclose(first, second, atol=1e-3)


def test_a_trained_tower_joins_with_a_fresh_projector_and_nothing_else(tmp_path):
    model = new_model(original_config(TINY, NANO), NANO)
    before = {key: tensor.clone() for key, tensor in model.network.state_dict().items()}
    training = TowerTraining(new_tower(TINY), TINY.patch_size, 1e-3)
    torch.save(training.state(), tmp_path / "tower.pt")
    join_tower(model, tmp_path / "tower.pt")
    for key, tensor in model.network.state_dict().items():
        if "vision_tower" in key:
            own = training.both["tower"].state_dict()[key.removeprefix("model.vision_tower.")]
            assert torch.equal(tensor, own)
        elif "projector" not in key:
            assert torch.equal(tensor, before[key])
    said = "model.multi_modal_projector.linear_2.weight"
    assert not torch.equal(model.network.state_dict()[said], before[said])


def test_patches_start_whitened():
    projection = torch.nn.Conv2d(3, 8, 4, stride=4)
    tower = SimpleNamespace(embeddings=SimpleNamespace(patch_embeddings=SimpleNamespace()))
    tower.embeddings.patch_embeddings.projection = projection
    smooth = torch.rand(40, 3, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    tiles = (200 * smooth + 50 * torch.rand(40, 3, 32, 32)).to(torch.uint8)
    whiten(tower, tiles, least=0.0)
    components = projection(normalise(tiles)).transpose(0, 1).flatten(1)
    assert torch.allclose(components.mean(1), torch.zeros(8), atol=1e-3)
    assert torch.allclose(torch.cov(components), torch.eye(8), atol=1e-2)


def test_answers_are_learned_and_nothing_else(tokenizer):
    sample = draw_sample(3, Mixture({"single": 1.0}), tokenizer, 16)
    learned = tokenizer.decode(
        [i for i, own in zip(sample.ids, sample.learned, strict=True) if own]
    )
    assert learned.endswith("<|im_end|>")
    assert "<|im_start|>" not in learned
    assert "?" not in learned
    slots = sample.ids.count(tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"))
    assert slots == 16 * len(sample.tiles)


def test_questions_asked_apart_cost_what_they_cost_alone(tokenizer):
    model = tiny_model()
    with torch.no_grad():  # so that attention matters
        for layer in model.network.model.language_model.layers:
            layer.self_attn.v_proj.weight.mul_(8)
            layer.self_attn.o_proj.weight.mul_(8)
    mixture = Mixture({"objects": 1.0}, apart=1.0, most_exchanges=4)
    drawn = draw_sample(3, mixture, tokenizer, model.tokens_per_tile)
    sample = replace(drawn, places=[])  # every token weighs the same
    parts, learned = sample.parts, sum(sample.learned)
    assert max(parts) == 4
    alone = 0.0
    for part in range(1, 5):
        own = [place for place, other in enumerate(parts) if other in (0, part)]
        ids, marks = ([whole[n] for n in own] for whole in (sample.ids, sample.learned))
        alone += batch_loss(model, collate([Sample(ids, marks, sample.tiles)]), True)[0] * sum(
            marks
        )
    together = batch_loss(model, collate([sample]), True)[0]
    assert torch.allclose(together, alone / learned, atol=2e-4)
    mixed = batch_loss(model, collate([replace(sample, parts=[])]), True)[0]
    assert not torch.allclose(mixed, together, atol=2e-4)


def test_boxes_in_answers_are_real_tokens(tokenizer):
    scene = draw("objects", 2)
    boxes = [e for e in scene.exchanges if e.task == "boxes/object"][:1]
    segments = render(converse(scene, boxes), [[1]], 4)
    ids, _ = encode(tokenizer, segments)
    assert "".join(s.text for s in segments if s.learn) == boxes[0].answer + "<|im_end|>"
    assert tokenizer.convert_tokens_to_ids("<box>") in ids


def test_pictures_that_come_later_stand_before_their_question():
    scene = next(s for s in (draw("images", n) for n in range(40)) if s.ordered)
    turns = converse(scene, scene.exchanges).turns
    pictures = len(scene.canvases)
    assert [len(turn.attachments) for turn in turns[:pictures]] == [1] * pictures


def test_all_pictures_come_with_the_first_question_otherwise():
    import random

    scene = next(s for s in (draw("images", n) for n in range(40)) if not s.ordered)
    chosen = choose_exchanges(random.Random(0), scene, 3)
    turns = converse(scene, chosen).turns
    assert [len(turn.attachments) for turn in turns] == [len(scene.canvases), 0, 0]


def test_a_transcript_names_everything_drawn():
    scene = draw("objects", 1)
    text = transcribe(scene)
    assert all(f"{m.colour} {m.shape}" in text for m in scene.canvases[0].marks)


def test_batches_keep_to_their_limits_and_start_where_told(tokenizer):
    mixture = Mixture({"single": 1.0, "objects": 1.0, "talk": 1.0})
    batches = iter(Batches(mixture, tokenizer, 16, first=2, tokens=1500, tiles=6))
    seen = [next(batches) for _ in range(8)]
    assert {drawn for drawn, _ in seen} == {2 + 64}
    for _, batch in seen:
        assert batch.ids.numel() <= 1500
        assert batch.tile_count <= 6


def test_a_phase_can_start_from_a_phase_or_a_checkpoint(tmp_path):
    model = tiny_model()
    phase = Phase("growth", PHASES["growth"].trains, Mixture({"single": 1.0}), 1e-3, 1)
    Run(model, phase, tmp_path).save()
    model.save(tmp_path / "folder")
    for start in (tmp_path / "phase-growth.pt", tmp_path / "folder"):
        weights, helpers = read_start(start)
        assert helpers == {}
        assert weights.keys() == model.network.state_dict().keys()
        assert torch.equal(weights["lm_head.weight"], model.network.lm_head.weight)


def test_a_phase_learns_and_continues_after_a_stop(tmp_path):
    mixture = Mixture({"single": 1.0}, most_exchanges=3)
    phase = Phase("growth", PHASES["growth"].trains, mixture, 1e-3, 4, average=0.9)
    model = tiny_model()
    before = model.network.lm_head.weight.clone()
    Run(model, phase, tmp_path).train(10, workers=0, tokens=400, tiles=4)
    assert not torch.equal(before, model.network.lm_head.weight)
    other = tiny_model()
    run = Run(other, phase, tmp_path)
    assert run.step == 4
    assert torch.equal(model.network.lm_head.weight, other.network.lm_head.weight)
    assert run.average is not None
    assert not torch.equal(run.average["lm_head.weight"], other.network.lm_head.weight)
    drawn = run.drawn
    longer = Run(other, replace(phase, steps=6), tmp_path)
    longer.train(10, workers=0, tokens=400, tiles=4)
    assert longer.step == 6
    assert longer.drawn > drawn
    assert not torch.equal(model.network.lm_head.weight, other.network.lm_head.weight)


def labels_of(marks):
    return stack_labels([label_cells(marks, WHOLE)])


def test_a_mark_is_told_once_at_its_centre():
    letters = [Mark(x, 0, x + 7, 14, None, c, "blue") for x, c in ((448 / 32, "k"), (21, "m"))]
    square = Mark(96, 96, 208, 208, "square", None, "red")
    beyond = Mark(400, 400, 600, 600, "star", None, "red")
    classes = label_cells([*letters, square, beyond], WHOLE).classes
    assert np.argwhere(classes[3]).tolist() == [[10, 10]]
    assert classes[3, 10, 10] == SHAPES.index("square") + 1
    assert classes[4, 0, 1] == CHARACTERS.index("k") + 1
    assert classes[5, 0, 1] == CHARACTERS.index("m") + 1
    assert np.argwhere(classes[6]).tolist() == [[0, 1], [10, 10]]
    assert len(GROUPS) == len(classes)


def test_labels_become_visual_tokens_that_say_the_words_for_what_is_drawn():
    model = tiny_model()
    tables = word_tables(model)
    projector = new_label_projector(model)
    with torch.no_grad():  # words alone
        projector.places.zero_()
        projector.edges.zero_()
    tokens = projector(labels_of([Mark(0, 0, 112, 112, "square", None, "red")])).view(4, 4, -1)
    square = tables["shape"][SHAPES.index("square") + 1]
    said = square + tables["colour"][1 + list(COLOURS).index("red")]
    alike = torch.cosine_similarity(tokens.flatten(0, 1), said[None], dim=1).view(4, 4)
    assert alike[0, 0] > 0.6
    assert tokens[0, 0].abs().mean() > 50 * tokens[2:].abs().mean()


def test_visual_tokens_tell_where_they_are_and_where_what_they_show_ends():
    projector = new_label_projector(tiny_model())
    empty, square, lower = (
        projector(labels_of([Mark(0, 0, 100, bottom, "square", None, "red")] if bottom else []))
        for bottom in (0, 100, 106)
    )
    assert (empty[0] - empty[1]).norm() > 0.02
    assert (square[5] - empty[5]).norm() < 1e-6  # what covers no centre in the token is silent
    assert (square[0] - lower[0]).norm() > 0.02


def test_positions_are_told_in_directions_that_no_word_of_a_visual_token_uses():
    torch.manual_seed(0)
    projector = LabelProjector(16, 256, 64)
    told = projector.edges[projector.edges.any(1)]
    apart = torch.nn.functional.normalize(told)
    assert torch.allclose(apart @ apart.T, torch.eye(48), atol=1e-5)
    said = projector.linear(torch.nn.functional.gelu(projector.words.weight))
    assert (said @ apart.T).abs().max() < 1e-4 * said.abs().max()
    assert (said @ projector.places.T).abs().max() < 1e-4 * said.abs().max()
    assert (projector.places @ apart.T).abs().max() < 1e-6


def test_a_louder_language_model_is_spoken_to_as_loudly():
    model = tiny_model()
    square = labels_of([Mark(0, 0, 100, 100, "square", None, "red")])
    torch.manual_seed(0)
    soft = new_label_projector(model)(square)
    with torch.no_grad():
        model.network.get_input_embeddings().weight.mul_(32)
    torch.manual_seed(0)
    assert torch.allclose(new_label_projector(model)(square), 32 * soft, rtol=0.05, atol=0.01)


def test_rates_are_those_of_the_parts_they_name():
    phase = replace(PHASES["everything"], mixture=Mixture({"single": 1.0}))
    run = Run(tiny_model(), phase, Path("nowhere"))
    rates = {id(p): g["rate"] for g in run.optimizers[0].param_groups for p in g["params"]}
    assert run.pointer is not None
    assert {rates[id(p)] for p in run.pointer.parameters()} == {RATES["pointer"]}
    embedding = run.model.network.model.vision_tower.embeddings.patch_embeddings
    assert {rates[id(p)] for p in embedding.parameters()} == {RATES["patch_embeddings"]}


def test_labels_tell_letters_in_one_token_apart_and_have_gradients():
    projector = new_label_projector(tiny_model())
    one, other = (
        [Mark(0, 0, 7, 14, None, a, "red"), Mark(14, 0, 21, 14, None, b, "red")]
        for a, b in ("ab", "ba")
    )
    first, second = projector(labels_of(one)), projector(labels_of(other))
    assert (first[0] - second[0]).abs().max() > 0.1 * first[0].abs().max()
    square = projector(labels_of([Mark(0, 0, 60, 60, "square", None, "red")]))
    (first.sum() + square.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in projector.parameters())


def test_labels_are_cut_as_pictures_are(tokenizer):
    tiles = {"": (0.3, 0.3, 0.4)}
    for number in range(12):
        shown, told = (
            draw_sample(
                number,
                Mixture({"objects": 1, "images": 1, "video": 1}, tiles, labels=labels),
                tokenizer,
                16,
            )
            for labels in (False, True)
        )
        assert shown.ids == told.ids
        assert shown.tile_count == told.tile_count > 0


@pytest.mark.parametrize(("downsample_ratio", "tokens"), [(0.5, 16), (1.0, 64)])
def test_the_projector_learns_to_say_what_labels_say_and_nothing_else_changes(
    downsample_ratio, tokens
):
    model = tiny_model(downsample_ratio)
    assert model.tokens_per_tile == tokens
    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(4)), strict=True))
    before = model.network.lm_head.weight.clone()
    lessons = teach(model, new_label_projector(model), itertools.repeat(batch), 60, lr=5e-3)
    missing = list(lessons)
    assert missing[-1] < 0.9 * missing[0]
    assert torch.equal(before, model.network.lm_head.weight)


def test_labels_learn_to_say_what_a_trained_projector_says():
    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(5, 9)), strict=True))
    model = tiny_model()
    list(teach(model, new_label_projector(model), itertools.repeat(batch), 60, lr=5e-3))
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    fresh = new_label_projector(model)
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.mul_(0.3)
    start = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    missing = list(listen(model, fresh, itertools.repeat(batch), 40))
    assert missing[-1] < 0.5 * missing[0]
    kept = [name for name, now in fresh.state_dict().items() if torch.equal(start[name], now)]
    assert not kept
    after = model.network.state_dict()
    assert all(torch.equal(before[name], tensor) for name, tensor in after.items())


def test_in_a_gloss_a_crowded_tile_counts_by_the_root_of_what_it_says():
    soft, loud = torch.randn(2, 8, 4) * torch.tensor([1.0, 10.0])[:, None, None]
    wanted = torch.cat([soft, loud])
    mean = wanted.mean(0)
    missed = [
        gloss_module._miss(torch.cat(said), wanted, 2).item()
        for said in ((mean.expand(8, 4), loud), (soft, mean.expand(8, 4)))
    ]
    whole = [(part - mean).square().mean() ** 0.5 for part in (soft, loud)]
    assert missed == pytest.approx([float(part / sum(whole)) for part in whole], rel=1e-4)


def test_loud_visual_tokens_are_learned_as_well_as_soft_ones():
    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(4)), strict=True))
    missing = {}
    for loud in (1, 100):
        torch.manual_seed(0)
        model = tiny_model()
        with torch.no_grad():
            model.network.get_input_embeddings().weight.mul_(loud)
            model.network.model.multi_modal_projector.linear_2.weight.mul_(loud)
        labels = new_label_projector(model)
        missing[loud] = list(teach(model, labels, itertools.repeat(batch), 40, lr=5e-3))[-1]
    assert missing[1] < 0.9
    assert missing[100] < missing[1] + 0.05
    (again,) = teach(model, labels, itertools.repeat(batch), 1, lr=0.0)
    assert again < missing[100] + 0.05


def test_the_tower_learns_along_where_it_is_asked_to():
    batch = tuple(torch.stack(parts) for parts in zip(*map(tile, range(4)), strict=True))
    missing = {}
    for rate in (0.0, 1e-3):
        torch.manual_seed(0)
        model = tiny_model()
        tower = model.network.model.vision_tower.requires_grad_(False)
        before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
        labels = new_label_projector(model)
        lessons = teach(model, labels, itertools.repeat(batch), 40, lr=5e-3, tower_lr=rate)
        missing[rate] = list(lessons)[-1]
        same = all(torch.equal(before[name], now) for name, now in tower.state_dict().items())
        assert same == (rate == 0)
        assert not any(parameter.requires_grad for parameter in tower.parameters())
    model = tiny_model()
    list(teach(model, labels, itertools.repeat(batch), 1, tower_lr=1e-3))
    assert all(p.requires_grad for p in model.network.model.vision_tower.parameters())
    assert missing[1e-3] < missing[0.0]


def test_a_run_on_labels_learns_and_hands_its_labels_on(tmp_path):
    mixture = Mixture({"single": 1}, labels=True)
    phase = Phase("labels", ("language_model", "lm_head"), mixture, 1e-3, 2, pointing=1.0)
    run = Run(tiny_model(), phase, tmp_path)
    before = run.labels.words.weight.clone()
    run.train(10, workers=0, tokens=400, tiles=4)
    assert not torch.equal(before, run.labels.words.weight)
    _, told = read_start(tmp_path / "phase-labels.pt")
    assert torch.equal(told["pointer"]["heads.0.1.bias"], run.pointer.heads[0][1].bias)
    mixture = Mixture({"single": 1})
    glossed = replace(phase, name="projector", gloss=1, mixture=mixture, pointing=0.0)
    later = Run(tiny_model(), glossed, tmp_path, told)
    assert torch.equal(later.labels.words.weight, run.labels.words.weight)
    later.save()
    Run(tiny_model(), glossed, tmp_path).save()  # continued without its start
    assert read_start(tmp_path / "phase-projector.pt")[1].keys() == {"labels", "pointer"}


def test_a_start_without_labels_listens_and_labels_can_be_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("internvl.training.gloss.BATCH", 2)
    mixture = Mixture({"single": 1}, labels=True)
    phase = Phase("labels", ("language_model", "lm_head"), mixture, 1e-3, 2, listen=1)
    run = Run(tiny_model(), replace(phase, keep_labels=True), tmp_path)
    fresh = run.labels.words.weight.clone()
    frozen = run.model.network.model.multi_modal_projector
    before = {name: tensor.clone() for name, tensor in frozen.state_dict().items()}
    gloss_module.gloss(run.model, run.labels, run.phase, 0, workers=0)
    heard = run.labels.words.weight.clone()
    assert not torch.equal(fresh, heard)
    run.phase = replace(run.phase, listen=0)
    run.train(10, workers=0, tokens=400, tiles=4)
    assert torch.equal(heard, run.labels.words.weight)
    assert torch.equal(heard, Run(tiny_model(), run.phase, tmp_path).labels.words.weight)
    assert all(torch.equal(before[name], tensor) for name, tensor in frozen.state_dict().items())
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    glossed = replace(phase, name="projector", trains=("multi_modal_projector",), tower_gloss=1)
    later = Run(tiny_model(), replace(glossed, gloss=1), tmp_path / "later")
    gloss_module.gloss(later.model, later.labels, later.phase, 0, workers=0)
    told = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert [name for name in told if name] == ["listening"] * 2 + ["gloss", "gloss with the tower"]


def test_a_gloss_that_is_over_is_not_done_again(tmp_path, monkeypatch):
    trains = PHASES["projector"].trains
    phase = Phase("projector", trains, Mixture({"single": 1.0}), 1e-3, 1, gloss=1, average=0.9)
    glossed = []

    def mark(model, *details):
        glossed.append(details)
        torch.nn.init.constant_(model.network.model.multi_modal_projector.linear_2.bias, 0.25)

    monkeypatch.setattr(instruct, "gloss", mark)
    Run(tiny_model(), phase, tmp_path).train(1e-9, workers=0, tokens=400, tiles=4)
    again = Run(tiny_model(), phase, tmp_path)
    again.train(1e-9, workers=0, tokens=400, tiles=4)
    assert len(glossed) == 1
    again.export(tmp_path / "model")
    weights, _ = read_start(tmp_path / "model")
    assert (weights["model.multi_modal_projector.linear_2.bias"] == 0.25).all()
    assert not (tmp_path / ".model.partial").exists()


def test_a_start_with_labels_does_not_listen(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(instruct, "begin", lambda model, start: {"labels": {}})
    line = f"--phase labels --listen 1 --start x.pt --tokenizer {NANO} --output {tmp_path}"
    monkeypatch.setattr("sys.argv", ["instruct", *line.split()])
    with pytest.raises(SystemExit):
        instruct.main()
    assert "x.pt has a label projector: leave out --listen" in capsys.readouterr().err


def test_a_frozen_vision_tower_gets_no_gradient(tokenizer):
    model = tiny_model()
    samples = [draw_sample(n, Mixture({"single": 1.0}), tokenizer, 16) for n in range(2)]
    batch_loss(model, collate(samples), frozen_tower=True).loss.backward()
    assert model.network.model.vision_tower.embeddings.cls_token.grad is None
    assert model.network.model.multi_modal_projector.linear_1.weight.grad is not None


def test_one_command_makes_the_model():
    plan = Plan(Path("runs/x"), Path("out"), 14, 1.0, tower_batch=128, tokens=24000)
    for module, *options in commands(plan):
        import_module(module).new_parser().parse_args(options)
    lines = [" ".join(command) for command in commands(plan)]
    assert len(lines) == 1 + len(PHASES)
    assert all("--patch-size 14" in line for line in lines)
    assert "--batch 128" in lines[0]
    assert all("--tokens 24000 --tiles 64" in line for line in lines[1:])
    assert all("--downsample-ratio 1.0" in line for line in lines[1:])
    assert "--start runs/x/phase-language.pt" in lines[2]
    assert "--tower runs/x/tower/tower.pt" in lines[3]
    assert "--start runs/x/phase-labels.pt" in lines[3]
    assert "--save out" in lines[-1]
