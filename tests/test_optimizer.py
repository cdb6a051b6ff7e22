"""The optimizers of the nano model's training."""

import pytest
import torch

from internvl.training import muon
from internvl.training.muon import Float32Muon, new_muon, orthogonalise
from internvl.training.network import mixed_precision

SHAPES = ((24, 64), (64, 24), (32, 32))


def descend(optimizer, matrices, steps=4):
    draws = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for matrix in matrices:
            matrix.grad = torch.randn(matrix.shape, generator=draws)
        optimizer.step()


def on_a_processor(monkeypatch, dtype):
    """Matrices and their optimizer on a processor that is fast in this precision."""
    monkeypatch.setattr(muon, "choose_dtype", lambda device: dtype)
    torch.manual_seed(0)
    matrices = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    return new_muon([{"params": matrices, "rate": 4.0}], 0.02), matrices


def test_without_fast_bfloat16_muon_takes_the_same_steps_in_float32(monkeypatch):
    library, theirs = on_a_processor(monkeypatch, torch.bfloat16)
    own, ours = on_a_processor(monkeypatch, torch.float32)
    assert isinstance(own, Float32Muon) and not isinstance(library, Float32Muon)
    assert own.param_groups[0]["rate"] == 4.0
    start = [matrix.detach().clone() for matrix in ours]
    descend(library, theirs)
    descend(own, ours)
    for before, one, other in zip(start, theirs, ours, strict=True):
        assert (one - other).norm() < 0.02 * (one - before).norm()


def test_a_run_goes_on_on_another_kind_of_processor(monkeypatch):
    library, theirs = on_a_processor(monkeypatch, torch.bfloat16)
    descend(library, theirs)
    own, ours = on_a_processor(monkeypatch, torch.float32)
    descend(own, ours)
    one, other = library.state_dict(), own.state_dict()
    assert one["state"].keys() == other["state"].keys()
    assert one["param_groups"] == other["param_groups"]
    own.load_state_dict(one)
    moved = own.state_dict()["state"][0]["momentum_buffer"]
    assert torch.equal(moved, one["state"][0]["momentum_buffer"])


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_updates_have_singular_values_near_one(shape):
    torch.manual_seed(0)
    update = orthogonalise(torch.randn(shape), (3.4445, -4.775, 2.0315), 5)
    values = torch.linalg.svdvals(update)
    assert values.min() > 0.5 and values.max() < 1.3


@pytest.mark.parametrize(("dtype", "fast"), [(torch.bfloat16, True), (torch.float32, False)])
def test_bfloat16_is_used_where_the_processor_is_fast_in_it(monkeypatch, dtype, fast):
    monkeypatch.setattr("internvl.training.network.choose_dtype", lambda device: dtype)
    with mixed_precision("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if fast else torch.float32)
