"""What the embedded database takes of the machine's memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eotiles.embedded import configuration
from eotiles.embedded.memory import memory_bytes

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("268435456\n", 1 << 28),
        ("max\n", MACHINE),
        ("0\n", MACHINE),
        ("nonsense", MACHINE),
        ("9223372036854771712\n", MACHINE),
    ],
)
def test_a_container_s_limit_counts_where_it_is_less(
    tmp_path: Path, text: str, expected: int
) -> None:
    file = tmp_path / "memory.max"
    file.write_text(text)
    assert memory_bytes((file,)) == expected


def test_without_a_limit_the_machine_s_memory_counts(tmp_path: Path) -> None:
    assert memory_bytes((tmp_path / "missing",)) == MACHINE


@pytest.mark.parametrize(
    ("gigabytes", "shared_mb", "cached_mb"),
    [(0.25, 128, 512), (4, 512, 2048), (64, 1024, 16_384)],
)
def test_buffers_grow_with_the_memory_within_bounds(
    gigabytes: float, shared_mb: int, cached_mb: int
) -> None:
    size = int(gigabytes * (1 << 30))
    assert configuration._within(size // 8, configuration._SHARED_MB) == shared_mb
    assert configuration._within(size // 2, configuration._CACHED_MB) == cached_mb
