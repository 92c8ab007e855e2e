"""A Range of bytes, and ranges that lie near each other made into few requests. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP_BYTES_MAX = 16 * 2**10
"""Bytes that are fetched and thrown away rather than asked for anew: a request costs more than they do."""

MERGED_BYTES_MAX = 8 * 2**20
"""Most bytes of one request for several ranges: beyond it two requests beside each other are sooner there."""

RANGE_BYTES_MAX = 80 * 2**20
"""Most bytes of one range: a block that deflate could not make smaller, and more than read/gdal.py lets pass."""

TOTAL_BYTES_MAX = 512 * 2**20
"""Most bytes of all ranges that are asked for together: they are in memory together."""


@dataclass(frozen=True, order=True, slots=True)
class Range:
    """Bytes of a file."""

    start: int
    """First byte, counted from 0."""

    stop: int
    """The byte after the last one."""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"no range of bytes: {self.start} to {self.stop}")

    @property
    def size_bytes(self) -> int:
        """How many bytes it has, at least one."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Merged:
    """One request, and which of the ranges asked for lie in it."""

    whole: Range
    members: tuple[int, ...]
    """Positions in the sequence asked for, by where they start."""


def coalesce(
    ranges: Sequence[Range],
    *,
    gap_bytes: int = GAP_BYTES_MAX,
    merged_bytes: int = MERGED_BYTES_MAX,
) -> list[Merged]:
    """The requests that fetch ranges: those at most a gap apart in one. Ranges may overlap and be in any order."""
    merged: list[Merged] = []
    order = sorted(range(len(ranges)), key=lambda position: ranges[position])
    members: list[int] = []
    start = stop = 0
    for position in order:
        each = ranges[position]
        longer = max(stop, each.stop)
        near = each.start - stop <= gap_bytes and longer - start <= merged_bytes
        if members and (near or longer == stop):
            members.append(position)
            stop = longer
            continue
        if members:
            merged.append(Merged(Range(start, stop), tuple(members)))
        members, start, stop = [position], each.start, each.stop
    if members:
        merged.append(Merged(Range(start, stop), tuple(members)))
    return merged


def cut(data: bytes, whole: Range, wanted: Range) -> bytes:
    """A range out of the bytes of one that holds it."""
    if whole == wanted:
        return data
    return data[wanted.start - whole.start : wanted.stop - whole.start]
