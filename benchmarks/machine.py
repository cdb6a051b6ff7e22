"""What is measured on, and how long a call takes there."""

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch


def machine(device: str = "cpu") -> dict[str, Any]:
    """What this is measured on, and what it can do at best: products, and reading of memory."""
    size = 2048 if device == "cpu" else 8192
    left = torch.randn(size, size, dtype=torch.bfloat16, device=device)
    seconds = min(seconds_of(torch.matmul, left, left) for _ in range(5))
    matrix = torch.randn(64, 1024, 8192, dtype=torch.bfloat16, device=device)
    vector = torch.randn(8192, 1, dtype=torch.bfloat16, device=device)
    reading = min(seconds_of(torch.matmul, matrix, vector) for _ in range(5))
    processor = platform.processor() or platform.machine()
    return {
        "processor": processor if device == "cpu" else torch.cuda.get_device_name(),
        "cores": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("torch", "transformers", "pillow")},
        "gemm_bf16_gflops": 2 * size**3 / seconds / 1e9,
        "memory_gb_per_second": matrix.nbytes / reading / 1e9,
    }


def seconds_of(work: Callable[..., object], *arguments: object) -> float:
    """How long a call takes, what it leaves a GPU to do included."""
    began = time.perf_counter()
    work(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began
