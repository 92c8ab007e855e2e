"""The parts of a file that hold its header, fetched in few calls: each may be a request over the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eotiles.read.gdal import UnusableHeader
from eotiles.read.header import Unsupported

Fetch = Callable[[int, int], bytes]
"""(offset, length) in bytes -> that part of the file."""

FIRST_BYTES = 16 * 2**10
"""Of a file, asked for at once: the whole header of a cloud-optimised file of 121 blocks with its overviews."""

AHEAD_MAX_BYTES = 2**20
GAP_MAX_BYTES = 32 * 2**10
"""Parts this far from each other are fetched in one call: a request costs more than such a gap."""

FETCHES_MAX = 64
FETCHED_MAX_BYTES = 64 * 2**20


class Segments:
    """What has been fetched of a file so far."""

    def __init__(self, fetch: Fetch, *, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._fetch = fetch
        self._front = b""
        self._others: list[tuple[int, bytes]] = []
        self._fetches = 0
        self._fetched_bytes = 0
        self._ahead_bytes = FIRST_BYTES

    def at(self, offset: int, length: int) -> bytes:
        """A part of the file, fetched now, with more behind it, if it was not yet.

        Raises:
            UnusableHeader: it lies outside the file.
        """
        found = self._find(offset, length)
        if found is not None:
            return found
        self._check(offset, length)
        front = len(self._front)
        if offset <= front + self._ahead_bytes:
            # The beginning, or a cloud-optimised file with a long header: fetch on, four times as much each time.
            more = self._load(front, max(offset + length - front, self._ahead_bytes))
            self._ahead_bytes = min(4 * self._ahead_bytes, AHEAD_MAX_BYTES)
            self._front += more
            return self._front[offset : offset + length]
        part = self._load(offset, max(length, FIRST_BYTES))
        self._others.append((offset, part))
        return part[:length]

    def load(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch (offset, length) parts that are not there yet, neighbours in one call.

        Raises:
            UnusableHeader: one lies outside the file.
        """
        missing: list[tuple[int, int]] = []
        for offset, length in ranges:
            if self._find(offset, length) is None:
                self._check(offset, length)
                missing.append((offset, offset + length))
        joined: list[tuple[int, int]] = []
        for start, end in sorted(missing):
            if joined and start - joined[-1][1] <= GAP_MAX_BYTES:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        for start, end in joined:
            self._others.append((start, self._load(start, end - start)))

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise UnusableHeader("its header points outside the file")

    def _find(self, offset: int, length: int) -> bytes | None:
        end = offset + length
        if 0 <= offset <= end <= len(self._front):
            return self._front[offset:end]
        for start, part in self._others:
            if start <= offset <= end <= start + len(part):
                return part[offset - start : end - start]
        return None

    def _load(self, start: int, length: int) -> bytes:
        length = min(length, self.size_bytes - start)
        self._fetches += 1
        self._fetched_bytes += length
        if self._fetches > FETCHES_MAX:
            raise Unsupported("its header lies scattered over the file")
        if self._fetched_bytes > FETCHED_MAX_BYTES:
            raise UnusableHeader("its header is too long")
        part = self._fetch(start, length)
        if len(part) != length:
            raise UnusableHeader("it is truncated")
        return bytes(part)
