"""The loss: weights, pieces of the head, batches without pictures; drop path."""

import pytest
import torch
from training_project import CHECKPOINT, make_sample

from internvl.training.drop_path import drop_path
from internvl.training.loss import Learner, sample_weight, sum_losses
from internvl.training.network import open_model
from internvl.training.packing import Pack, collate


@pytest.fixture(scope="module")
def network():
    return open_model(CHECKPOINT).network


def batch_of(*samples, loss="square"):
    pack = Pack()
    for sample in samples:
        pack.add(sample)
    return collate([pack], 448, loss)


def test_weights():
    assert [sample_weight(100, loss) for loss in ("token", "sample", "square")] == [1, 0.01, 0.1]
    assert sample_weight(0, "square") == 0


@pytest.mark.parametrize("loss", ["token", "sample", "square"])
def test_the_loss_of_a_pack_is_the_weighted_mean_of_its_tokens(network, loss):
    samples = [make_sample(12, learned=2), make_sample(30, learned=16), make_sample(9, learned=0)]
    batch = batch_of(*samples, loss=loss)
    with torch.no_grad():
        found = sum_losses(Learner(network), batch, "cpu") / batch.weights.sum()
        total = weights = 0.0
        for sample in samples:
            ids = torch.from_numpy(sample.ids)[None]
            logits = network(input_ids=ids).logits[0, :-1]
            losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
            learned = torch.from_numpy(sample.learned[1:])
            weight = sample_weight(sample.supervised, loss)
            total += weight * losses[learned].sum().item()
            weights += weight * sample.supervised
    assert found.item() == pytest.approx(total / weights, rel=1e-5)


def test_the_head_in_pieces_gives_the_same(network):
    batch = batch_of(make_sample(40, learned=33))
    results = []
    for piece in (1024, 7):
        network.zero_grad()
        loss = sum_losses(Learner(network, piece), batch, "cpu")
        loss.backward()
        results.append((loss.item(), network.lm_head.weight.grad.clone()))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    torch.testing.assert_close(results[0][1], results[1][1])


def test_every_weight_has_a_gradient_without_pictures_and_without_data(network):
    for batch in (batch_of(make_sample(12)), collate([], 448)):
        network.zero_grad()
        sum_losses(Learner(network), batch, "cpu").backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(not parameter.grad.any() for parameter in network.parameters())


def test_drop_path_leaves_out_whole_branches_of_single_tiles(network):
    tower = network.model.vision_tower.train()
    pixels = torch.randn(1, 3, 448, 448).expand(64, -1, -1, -1)
    layer = tower.encoder.layer[-1]
    hidden = tower.embeddings(pixels[:1]).expand(64, -1, -1)[:, :8].detach()
    with torch.no_grad():
        plain = layer(hidden)[0]
        attended = (
            hidden[0] + layer.lambda_1 * layer.attention(layer.layernorm_before(hidden))[0][0]
        )
        torch.manual_seed(0)
        with drop_path(tower, 0.5):
            dropped = layer(hidden)
            first = tower.encoder.layer[0](hidden)
        torch.testing.assert_close(layer(hidden)[0], plain)
    torch.testing.assert_close(first, tower.encoder.layer[0](hidden))
    untouched = sum(torch.allclose(row, hidden[0], atol=1e-6) for row in dropped)
    assert 5 < untouched < 30  # a quarter of 64 loses both branches
    assert not any(torch.allclose(row, attended, atol=1e-6) for row in dropped)
    kinds = {tuple(row.flatten()[:16].mul(1e3).round().tolist()) for row in dropped}
    assert len(kinds) == 4
    tower.eval()
    with torch.no_grad(), drop_path(tower, 0.5):
        torch.testing.assert_close(layer(hidden)[0], plain)
