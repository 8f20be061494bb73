"""How much memory a search may have, and address space that costs nothing until it is used."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

from perdure_model.checker.errors import EngineError
from perdure_model.checker.memory import SHARE, available_bytes

NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
HUGE_PAGE_BYTES = 1 << 21

Words = npt.NDArray[np.uint64]


def budget_bytes(asked: int | None) -> int:
    """The bytes that a search may use: what was asked for, or a share of what is free."""
    return int(available_bytes() * SHARE) if asked is None else asked


def reserve(words: int) -> Words:
    """An array of zeros whose pages take memory only once they are written to."""
    size = max(1, words) * 8
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
    except (OSError, OverflowError) as error:
        raise EngineError(
            f"the system gives no address space for {size:,} bytes ({error}); pass a smaller memory_bytes"
        ) from error
    if size >= HUGE_PAGE_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, dtype=np.uint64)
