"""The optimizers of the nano model's training."""

import copy

import pytest
import torch

from internvl.model import placement
from internvl.training.muon import Float32Muon, new_muon, orthogonalise
from internvl.training.network import mixed_precision

SHAPES = ((24, 64), (64, 24), (32, 32))
COEFFICIENTS = (3.4445, -4.775, 2.0315)


def descend(optimizer, matrices, steps=4):
    draws = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for matrix in matrices:
            matrix.grad = torch.randn(matrix.shape, generator=draws)
        optimizer.step()


@pytest.fixture
def processor(monkeypatch):
    """Makes the processor fast in a precision."""
    return lambda dtype: monkeypatch.setattr(placement, "choose_dtype", lambda device: dtype)


def begin(processor, dtype):
    """Matrices and their optimizer on such a processor."""
    processor(dtype)
    torch.manual_seed(0)
    matrices = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    return new_muon([{"params": matrices, "rate": 4.0}], 0.02), matrices


def assert_alike(ones, others, starts):
    for one, other, start in zip(ones, others, starts, strict=True):
        assert (one - start).norm() > 0
        assert (one - other).norm() < 0.02 * (one - start).norm()


def test_without_fast_bfloat16_muon_takes_the_same_steps_in_float32(processor):
    library, theirs = begin(processor, torch.bfloat16)
    own, ours = begin(processor, torch.float32)
    assert isinstance(own, Float32Muon) and not isinstance(library, Float32Muon)
    assert own.param_groups[0]["rate"] == 4.0
    start = [matrix.detach().clone() for matrix in ours]
    descend(library, theirs)
    descend(own, ours)
    assert_alike(theirs, ours, start)


@pytest.mark.parametrize("there", [torch.bfloat16, torch.float32])
def test_a_run_goes_on_on_another_kind_of_processor(processor, there):
    here = torch.float32 if there == torch.bfloat16 else torch.bfloat16
    before, matrices = begin(processor, there)
    descend(before, matrices)
    after, moved = begin(processor, here)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    with torch.no_grad():
        for matrix, same in zip(moved, matrices, strict=True):
            matrix.copy_(same)
    start = [matrix.detach().clone() for matrix in moved]
    descend(before, matrices)
    descend(after, moved)
    assert_alike(matrices, moved, start)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_orthogonal_update_keeps_singular_vectors_and_evens_out_the_values(shape):
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    values = torch.linspace(0.1, 2.0, min(shape))
    update = orthogonalise(left @ values.diag() @ right, COEFFICIENTS, 5)
    even = left.T @ update @ right.T
    assert (even - even.diag().diag()).abs().max() < 1e-3
    assert even.diag().min() > 0.5 and even.diag().max() < 1.3
    assert not orthogonalise(torch.zeros(shape), COEFFICIENTS, 5).any()


@pytest.mark.parametrize(("dtype", "fast"), [(torch.bfloat16, True), (torch.float32, False)])
def test_bfloat16_is_used_where_the_processor_is_fast_in_it(processor, dtype, fast):
    processor(dtype)
    with mixed_precision("cpu"):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if fast else torch.float32)
