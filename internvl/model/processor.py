"""What this machine's processor is fast in."""

import re
from functools import lru_cache
from pathlib import Path

_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
_INT8 = {"avx512_vnni", "avx_vnni", "amx_int8"}


def has_bfloat16() -> bool:
    """Whether it multiplies bfloat16 faster than float32, by AVX512-BF16 or AMX, as Linux tells."""
    return bool(_flags() & _BFLOAT16)


def has_int8() -> bool:
    """Whether it multiplies 8-bit integers faster than float32, by VNNI or AMX, as Linux tells."""
    return bool(_flags() & _INT8)


@lru_cache(maxsize=1)
def _flags() -> set[str]:
    """What the processor can do, as Linux says; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return set()
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    return set(flags[1].split()) if flags else set()
