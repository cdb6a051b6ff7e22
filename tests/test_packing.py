"""Packing: limits, first fit, what leaves, and what a packed sequence means to the network."""

import random

import pytest
import torch
from training_project import CHECKPOINT, make_sample

from internvl.training.loss import Learner, sum_losses
from internvl.training.network import open_model
from internvl.training.packing import IGNORED, Pack, Packer, collate, restore_packs
from internvl.training.preparation import Sample

IMAGE_ID = 485


def positions(pack):
    return [sample.position for sample in pack.samples]


def test_first_fit_prefers_the_sequence_with_the_most_tiles():
    packer = Packer(100, 10, buffers=5)
    for position, (tokens, tiles) in enumerate([(60, 2), (60, 6), (30, 5), (30, 3), (30, 2)]):
        assert packer.add(make_sample(tokens, tiles, position=position)) is None
    assert packer.positions() == [[0, 2], [1, 3], [4]]


def test_a_full_sequence_leaves_at_once_and_the_fullest_when_there_are_too_many():
    packer = Packer(100, 10, buffers=2)
    assert packer.add(make_sample(60)) is None
    assert positions(packer.add(make_sample(40, position=1))) == [0, 1]
    assert packer.add(make_sample(60, position=2)) is None
    assert packer.add(make_sample(70, position=3)) is None
    assert positions(packer.add(make_sample(80, position=4))) == [4]
    assert [positions(pack) for pack in packer.flush()] == [[3], [2]]


def test_without_buffers_every_sample_is_a_sequence():
    packer = Packer(100, 10, buffers=0)
    assert [positions(packer.add(make_sample(10, position=n))) for n in range(3)] == [[0], [1], [2]]


def test_limits_hold_and_nothing_is_lost():
    rng = random.Random(0)
    samples = [make_sample(rng.randint(5, 90), rng.randint(0, 6), position=n) for n in range(200)]
    packer = Packer(100, 8, buffers=4)
    packs = [pack for sample in samples if (pack := packer.add(sample))]
    assert len(packer.open) <= 4
    packs += packer.flush()
    assert sorted(n for pack in packs for n in positions(pack)) == list(range(200))
    for pack in packs:
        assert pack.tokens == sum(len(s.ids) for s in pack.samples) <= 100
        assert pack.tiles == sum(len(s.tiles) for s in pack.samples) <= 8
    used = sum(pack.tokens for pack in packs)
    assert used / (100 * len(packs)) > 1.5 * used / (100 * 200)


def test_a_sample_that_never_fits_is_refused():
    with pytest.raises(ValueError, match="101 tokens and 0 tiles does not fit"):
        Packer(100, 8).add(make_sample(101))


def test_open_sequences_can_be_made_again():
    packer, again = Packer(100, 8), Packer(100, 8)
    samples = [make_sample(30 + n, position=n) for n in range(6)]
    for sample in samples:
        packer.add(sample)
    restore_packs(again, [[samples[n] for n in pack] for pack in packer.positions()])
    assert again.positions() == packer.positions()
    assert [pack.tokens for pack in again.open] == [pack.tokens for pack in packer.open]


def test_positions_restart_and_targets_stay_within_a_sample():
    batch = collate([make_pack(make_sample(4, learned=2), make_sample(3, learned=1))], 448)
    assert batch.positions.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert batch.targets.tolist() == [[IGNORED, 2, 3, IGNORED, IGNORED, 2, IGNORED]]
    assert batch.weights[0].tolist() == pytest.approx([0, 2**-0.5, 2**-0.5, 0, 0, 1, 0])
    assert (batch.samples, batch.sequences, batch.tokens, batch.unpacked) == (2, 1, 7, 8)


def test_rows_are_padded_and_padding_is_not_learned():
    packs = [make_pack(make_sample(5)), make_pack(make_sample(2))]
    batch = collate(packs, 448)
    assert batch.ids.shape == (2, 5)
    assert batch.positions[1].tolist() == [0, 1, 0, 1, 2]
    assert batch.targets[1].tolist() == [1] + [IGNORED] * 4
    assert batch.weights[1].tolist() == [1, 0, 0, 0, 0]


def test_an_empty_batch_teaches_nothing():
    batch = collate([], 448)
    assert batch.ids.shape == (1, 1)
    assert batch.weights.sum() == 0
    assert batch.tiles.shape == (0, 448, 448, 3)


# --- with the network


@pytest.fixture(scope="module")
def learner():
    model = open_model(CHECKPOINT)
    assert model.image_token_id == IMAGE_ID
    return Learner(model.network)


def make_pack(*samples):
    pack = Pack()
    for sample in samples:
        pack.add(sample)
    return pack


def real_samples():
    """A text and two pictures: random tokens and pixels."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for position, tiles in enumerate((0, 1, 1)):
        text = torch.randint(0, 400, (20 + 5 * position,), generator=generator)
        ids = torch.cat([text[:5], torch.full((256 * tiles,), IMAGE_ID), text[5:]])
        pixels = torch.randint(0, 256, (tiles, 448, 448, 3), generator=generator).byte()
        learned = torch.arange(len(ids)) >= len(ids) - 9
        samples.append(Sample(ids.numpy(), learned.numpy(), pixels.numpy(), position))
    return samples


def gradients(learner, batches):
    learner.zero_grad()
    losses = [sum_losses(learner, batch, "cpu") for batch in batches]
    torch.stack(losses).sum().backward()
    return [loss.item() for loss in losses], {
        name: parameter.grad.clone() for name, parameter in learner.named_parameters()
    }


def test_a_packed_sequence_has_the_losses_and_gradients_of_its_samples(learner):
    samples = real_samples()
    apart = [collate([make_pack(sample)], 448) for sample in samples]
    together = collate([make_pack(*samples)], 448)
    rows = collate([make_pack(sample) for sample in samples], 448)
    losses, expected = gradients(learner, apart)
    for batch in (together, rows):
        (loss,), found = gradients(learner, [batch])
        assert loss == pytest.approx(sum(losses), rel=1e-5)
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)


def test_a_sample_does_not_see_its_neighbours(learner):
    text, one, two = real_samples()
    with torch.no_grad():
        alone = sum_losses(learner, collate([make_pack(two)], 448), "cpu")
        silent = [Sample(s.ids, s.learned & False, s.tiles) for s in (text, one)]
        behind = sum_losses(learner, collate([make_pack(*silent, two)], 448), "cpu")
    assert behind.item() == pytest.approx(alone.item(), rel=1e-5)
