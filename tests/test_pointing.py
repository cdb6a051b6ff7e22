"""Dense supervision of the language model where it writes a box."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from internvl.chat import Conversation, Turn, render
from internvl.model import encode, new_model
from internvl.model.tokenizer import load_tokenizer
from internvl.training.batches import collate
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry, original_config
from internvl.training.pointing import Pointer
from internvl.training.samples import Mixture, draw_sample
from internvl.training.waves import make_waves, miss_positions

NANO = Path("assets/nano")
TINY = Geometry(vision_width=32, vision_layers=1, width=32, layers=1, ffn=64, patch_size=56)


def test_the_edges_of_a_box_are_asked_for_where_it_is_written():
    model = new_model(original_config(TINY, NANO), NANO)
    answer = "<ref>red square</ref><box>[[12, 0, 1000, 507]]</box>"
    turn = Turn("", (), answer, region="red square")
    segments = render(Conversation(system="", id="x", turns=[turn]), [], 4)
    ids, learned = (torch.tensor([part]) for part in encode(model.tokenizer, segments))
    pointer = Pointer(model)
    tokens, edges = pointer.find(ids, learned)
    written = model.tokenizer.decode(ids[0, tokens[:, 1]].tolist())
    assert written == "<box>[[12, 0, 1000, 507]]"
    assert edges.unique(dim=0).tolist() == [pytest.approx([0.012, 0.0, 1.0, 0.507])]
    assert pointer.find(ids, torch.zeros_like(learned)) is None
    hidden = [torch.randn(1, ids.shape[1], 32) for _ in range(2)]
    assert pointer(hidden, tokens, edges) > 0.5
    with torch.no_grad():
        for head in pointer.heads:
            head[1].weight.zero_()
            head[1].bias.copy_(make_waves(edges[0]))
    assert pointer(hidden, tokens, edges).item() == pytest.approx(0, abs=1e-6)


def test_the_pointer_reads_the_middle_and_the_end():
    model = new_model(original_config(replace(TINY, layers=5), NANO), NANO)
    assert Pointer(model).layers == (3, 5)


def test_boxes_of_scenes_told_in_words_are_not_asked_for():
    model = new_model(original_config(TINY, NANO), NANO)
    pointer, tokenizer = Pointer(model), load_tokenizer(NANO)
    missed = {}
    for as_text in (0.0, 1.0):
        mixture = Mixture({"objects": 1.0}, as_text=as_text)
        samples = [draw_sample(n, mixture, tokenizer, model.tokens_per_tile) for n in range(3)]
        batch = collate(samples)
        assert pointer.find(batch.ids, batch.weights > 0) is not None
        missed[as_text] = batch_loss(model, batch, True, pointer=pointer).missed
    assert missed[0.0] > 0.5
    assert missed[1.0] is None


def test_knowing_nothing_of_a_position_misses_all_of_it():
    wanted = make_waves(torch.rand(500, 4))
    assert miss_positions(torch.zeros_like(wanted), wanted).item() == pytest.approx(1, abs=0.05)
    assert miss_positions(wanted, wanted) == 0
