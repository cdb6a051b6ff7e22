"""8 bit on a CPU: products of integers, which it does several times faster than those of bf16.

Weights have a scale per row, inputs one per place, found when they come. Both halves matter: with
8-bit weights alone a prompt would have to be multiplied in bf16 after all. bitsandbytes, which does
this on GPUs, is slower than bf16 on a CPU. A processor without VNNI or AMX multiplies integers
twenty times slower than float32: it makes the weights wide again for more than a `FEW` places.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvl.model.processor import has_int8

ROWS = 4096
"""Rows of a weight that are in float32 at once while it is put in 8 bit."""
FEW = 2
"""Places for which it is not worth while to make weights wide."""
WIDENED = 2**20
"""Weights that are wide at once."""


class Int8Linear(nn.Module):
    """A linear layer whose weight `(out, in)` is kept in 8 bit, with a float32 scale per row."""

    weight: Tensor
    scales: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        parts = [_in_int8(rows.float()) for rows in torch.split(linear.weight.detach(), ROWS)]
        self.register_buffer("weight", torch.cat([weight for weight, _ in parts]))
        self.register_buffer("scales", torch.cat([scales[:, 0] for _, scales in parts]))
        self.bias = linear.bias

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in) -> (..., out) in the precision of the inputs."""
        flat = inputs.reshape(-1, inputs.shape[-1])
        outputs = self._multiply(flat) if len(flat) <= FEW or has_int8() else self._widen(flat)
        if self.bias is not None:
            outputs += self.bias
        return outputs.to(inputs.dtype).view(*inputs.shape[:-1], len(self.weight))

    def _multiply(self, inputs: Tensor) -> Tensor:
        """Products of integers, in float32."""
        places, scales = _in_int8(inputs.float())
        return torch._int_mm(places, self.weight.t()) * scales * self.scales

    def _widen(self, inputs: Tensor) -> Tensor:
        """Products by wide weights, some rows of them at once."""
        rows = max(1, WIDENED // inputs.shape[1])
        pairs = zip(torch.split(self.weight, rows), torch.split(self.scales, rows), strict=True)
        parts = [F.linear(inputs, (own * s[:, None]).to(inputs.dtype)) for own, s in pairs]
        return torch.cat(parts, 1)


def _in_int8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of float32 as whole numbers from -127 to 127, and the step of each row (rows, 1)."""
    steps = rows.abs().amax(1, keepdim=True).clamp_(min=1e-30).div_(127)
    return (rows / steps).round_().to(torch.int8), steps


def quantize(network: Any) -> None:
    """Put the language model's linear layers in 8 bit one after the other, its output as well."""
    parts = network.model.language_model.modules()
    parents = [module for module in parts if not isinstance(module, nn.Linear)]
    for module in [*parents, network]:  # a list of the layers would keep all of them in memory
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child))


def read_as(quantization: str, device: str) -> str:
    """The quantisation a checkpoint is read with: 8 bit on a CPU is made of what was read whole.

    >>> read_as("8bit", "cpu"), read_as("8bit", "cuda")
    ('none', '8bit')
    """
    return "none" if (quantization, device) == ("8bit", "cpu") else quantization
