"""How much memory a search may hold: by default half of what is free when it starts."""

from __future__ import annotations

import sys
from pathlib import Path

SHARE = 0.5
UNKNOWN_BYTES = 2 << 30
CGROUP = Path("/sys/fs/cgroup")
CGROUP_FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def available_bytes() -> int:
    """What this machine (or this container's limit) has free; a cautious guess where it cannot be told."""
    try:
        import psutil  # type: ignore[import-untyped]
    except ImportError:
        return UNKNOWN_BYTES
    free = int(psutil.virtual_memory().available)
    for limit, used in CGROUP_FILES:
        try:
            free = min(free, int((CGROUP / limit).read_text()) - int((CGROUP / used).read_text()))
        except (OSError, ValueError):  # no such limit, or the word "max"
            continue
    return max(free, 0)


def resident_bytes() -> int:
    """What this process holds; its peak where only that can be told."""
    try:
        import psutil
    except ImportError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(psutil.Process().memory_info().rss)


class Budget:
    """A number of bytes that a search may add to what the process already holds."""

    def __init__(self, memory_bytes: int | None) -> None:
        self.bytes = memory_bytes if memory_bytes is not None else int(available_bytes() * SHARE)
        self.before = resident_bytes()

    def held(self) -> int:
        """Bytes that came since the search began."""
        return max(0, resident_bytes() - self.before)

    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.held() > self.bytes
