"""The optimizer of matrices: the blocks', and in a gloss the projector's."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from internvl.model.placement import fast_in_bfloat16


def new_muon(
    matrices: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float
) -> torch.optim.Optimizer:
    """Muon (https://kellerjordan.github.io/posts/muon) whose steps are as large as AdamW's.

    PyTorch's computes in bfloat16, which takes a processor without it longer than all the rest of
    a step; there a step is computed in float32.
    """
    muon = torch.optim.Muon(matrices, lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    device = muon.param_groups[0]["params"][0].device
    if fast_in_bfloat16(device):
        return muon
    return Float32Muon(muon.param_groups, lr, adjust_lr_fn="match_rms_adamw")


class Float32Muon(torch.optim.Muon):
    """PyTorch's Muon, steps as of `match_rms_adamw`, for gradients in float32."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step on all matrices that have a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, matrix.grad, group)

    def _move(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, momentum = self.state[matrix], group["momentum"]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        mean = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        update = gradient.lerp(mean, momentum) if group["nesterov"] else mean
        update = orthogonalise(update, group["ns_coefficients"], group["ns_steps"])
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(update, alpha=-0.2 * max(matrix.shape) ** 0.5 * group["lr"])


def orthogonalise(matrix: Tensor, coefficients: tuple[float, float, float], steps: int) -> Tensor:
    """The same singular vectors with singular values near 1, but for very small ones.

    That is Newton-Schulz; 0 stays 0.
    """
    a, b, c = coefficients
    wide: Tensor = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T
