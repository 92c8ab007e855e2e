"""How much memory there is for the processes of this machine, or of this container."""

from __future__ import annotations

import os
from pathlib import Path

_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where a container's limit stands, of cgroups version 2 and 1."""


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Bytes of the machine's memory, or of the container's limit where that is less."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in limits:
        try:
            text = file.read_text().strip()
        except OSError:  # no such version, or not let in
            continue
        if text.isdigit() and int(text) > 0:  # "max" is no limit
            found.append(int(text))
    return min(found)
