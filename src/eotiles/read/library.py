"""The library of a process: headers and decoded blocks of the files that are read, shared by all requests.

Whether a file is read natively or by GDAL is decided once, when its header is read, and said in the log.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from eotiles.read.blocks import BlockKey, Counts, block_cache
from eotiles.read.codecs import DamagedBlock
from eotiles.read.gdal import is_jpeg2000
from eotiles.read.header import Header, Unsupported
from eotiles.read.jpeg2000 import check_jpeg2000
from eotiles.read.local import file_version
from eotiles.read.location import Location
from eotiles.read.native import Cut, Missing, Native, ranges_by_file, stack
from eotiles.read.objects import Damaged, Object
from eotiles.read.stores import Stores, header_fetch
from eotiles.read.tiff import read_header

HEADERS_MAX = 4096
"""Files whose headers are kept: some 20 kB each."""

FRESH_S = 60.0
"""A remote file is asked for its version again after so long; ranges that are read before carry it (If-Match)."""

Cutting = tuple[NDArray[Any], NDArray[np.bool_] | None]
"""(band, y, x) pixels of the file's type, and (y, x) whether its mask lets them count; None without a mask."""


@dataclass(frozen=True, eq=False)
class _Entry:
    """What is known of a file."""

    size_bytes: int
    version: str
    read_at: float
    header: Header | None
    reason: str
    """Why it is left to GDAL; empty where it is not."""


class Library:
    """Opens native files and cuts windows out of them; `with` it. Called from many threads."""

    def __init__(self, stores: Stores, *, blocks_bytes: int, proxy: str | None = None) -> None:
        self._stores = stores
        self.proxy = proxy
        """Through which GDAL is to read what is not native; the stores have their own."""

        self._blocks = block_cache(blocks_bytes)
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def blocks_bytes(self) -> int:
        """Most memory for decoded blocks."""
        return self._blocks.capacity_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stores.close()

    def open(self, location: Location) -> Native | str:
        """A file that we read ourselves, or the reason why GDAL has to.

        Raises:
            StoreError: it is not there or cannot be reached.
            UnusableHeader: its header is damaged or over a limit.
        """
        entry = self._known(location)
        if entry is None:
            entry = self._read_entry(location)
            with self._lock:
                self._entries[location.name] = entry
                self._entries.move_to_end(location.name)
                while len(self._entries) > HEADERS_MAX:
                    self._entries.popitem(last=False)
        if entry.header is None:
            return entry.reason
        return Native(Object(location, entry.size_bytes, entry.version), entry.header)

    def forget(self, location: Location) -> None:
        """What is known of a file no longer holds: it has changed."""
        with self._lock:
            self._entries.pop(location.name, None)

    def cut(self, cuts: Sequence[Cut], *, stacked: bool = False) -> list[Cutting]:
        """Windows of files; what is not decoded yet is fetched and decoded together.

        `stacked` gives one for all, their bands one behind the other: for windows of one size, type and without masks.

        Raises:
            StoreError: a file is not there any more, has changed, is damaged or cannot be reached; its `name` tells
                which.
        """
        natives = {cut.native.file.name: cut.native for cut in cuts}
        keys = list(dict.fromkeys(key for cut in cuts for key in cut.block_keys()))

        def load(missing: Sequence[BlockKey]) -> list[NDArray[Any]]:
            return self._load([Missing(natives[key.name], key) for key in missing])

        blocks = dict(zip(keys, self._blocks.get(keys, load), strict=True))
        if stacked:
            return [(stack(cuts, blocks.__getitem__), None)]
        return [(stack([cut], blocks.__getitem__), cut.mask(blocks.__getitem__)) for cut in cuts]

    def explain(self, cut: Cut) -> dict[str, int]:
        """Blocks that a window touches, their compressed bytes, and how many of them are decoded already."""
        missing = [Missing(cut.native, key) for key in cut.block_keys()]
        ranges = [where for each in missing if (where := each.range) is not None]
        return {
            "blocks": len(missing),
            "bytes": sum(where.size_bytes for where in ranges),
            "cached": sum(self._blocks.holds(each.key) for each in missing),
        }

    def counts(self) -> Counts:
        """What the cache of blocks has done and holds."""
        return self._blocks.counts()

    def _known(self, location: Location) -> _Entry | None:
        with self._lock:
            entry = self._entries.get(location.name)
            if entry is None:
                return None
            self._entries.move_to_end(location.name)
        if location.kind == "file":
            return entry if file_version(location) == entry.version else None
        return entry if time.monotonic() - entry.read_at < FRESH_S else None

    def _read_entry(self, location: Location) -> _Entry:
        file, head = self._stores.open(location)
        header, reason = None, ""
        try:
            fetch = header_fetch(self._stores, file, head)
            if is_jpeg2000(location.path):
                check_jpeg2000(fetch, size_bytes=file.size_bytes)
                raise Unsupported("it is JPEG 2000")
            header = read_header(fetch, size_bytes=file.size_bytes)
        except Unsupported as error:
            reason = str(error)
            structlog.get_logger("eotiles").info("read by GDAL", file=file.name, reason=reason)
        return _Entry(file.size_bytes, file.version, time.monotonic(), header, reason)

    def _load(self, missing: Sequence[Missing]) -> list[NDArray[Any]]:
        files = ranges_by_file(missing)
        wanted = [(file, list(ranges.values())) for file, ranges in files.items()]
        raw: dict[BlockKey, bytes] = {}
        for ranges, pieces in zip(files.values(), self._stores.get_all(wanted), strict=True):
            raw.update(zip(ranges, pieces, strict=True))
        return [self._decoded(each, raw.get(each.key)) for each in missing]

    def _decoded(self, each: Missing, raw: bytes | None) -> NDArray[Any]:
        try:
            return each.decoded(raw)
        except DamagedBlock as error:
            raise Damaged(name=each.key.name) from error
