"""The stores of a process: any Location is opened and read here, wherever it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import Self

from eotiles.read.buckets import Buckets
from eotiles.read.local import LocalFiles
from eotiles.read.location import Kind, Location
from eotiles.read.objects import Changed, NotThere, Object, Outside, Part, Store, StoreError
from eotiles.read.ranges import (
    RANGE_BYTES_MAX,
    TOTAL_BYTES_MAX,
    Merged,
    Range,
    coalesce,
    cut,
)
from eotiles.read.web import Web

HEAD_BYTES = 16 * 2**10
"""Read when a file is opened: the header of most cloud-optimised files lies within it."""

FETCHING_THREADS = 16
"""Requests that are on their way beside those of the reading threads themselves."""

RANGES_MAX = 4096
"""Ranges asked for together."""

Wanted = tuple[Object, Sequence[Range]]


class Stores:
    """Opens and reads files; `with` it. Called from many threads, blocks the one that calls."""

    def __init__(self, stores: Mapping[Kind, Store]) -> None:
        self._stores = dict(stores)
        self._fetching = ThreadPoolExecutor(FETCHING_THREADS, thread_name_prefix="eotiles-fetch")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of threads and connections."""
        self._fetching.shutdown(cancel_futures=True)
        for store in self._stores.values():
            store.close()

    def open(self, location: Location, *, head_bytes: int = HEAD_BYTES) -> tuple[Object, bytes]:
        """A file and its first bytes, with one request. They are fewer where the file is shorter.

        Raises:
            StoreError: NotThere, also where the file is empty; Unreachable.
        """
        got = self._stores[location.kind].read(location, Range(0, head_bytes), version=None)
        if got.size_bytes == 0:
            raise NotThere("the file is empty")
        return Object(location, got.size_bytes, got.version), got.data

    def get(self, file: Object, ranges: Sequence[Range]) -> list[bytes]:
        """Bytes of a file, one string a range.

        Raises:
            StoreError: NotThere, Changed, Outside or Unreachable.
        """
        (got,) = self.get_all([(file, ranges)])
        return got

    def get_all(self, wanted: Sequence[Wanted]) -> list[list[bytes]]:
        """Bytes of several files: what comes over a network is asked for at the same time, near ranges in one request.

        Raises:
            StoreError: NotThere, Changed, Outside or Unreachable; its `name` is that of the file.
        """
        for file, ranges in wanted:
            _check(file, ranges)
        if sum(each.size_bytes for _, ranges in wanted for each in ranges) > TOTAL_BYTES_MAX:
            raise Outside(f"more than {TOTAL_BYTES_MAX} bytes are asked for together")
        plans = [(file, ranges, _requests(file, ranges)) for file, ranges in wanted]
        jobs = [(file, each.whole) for file, _, requests in plans for each in requests]
        parts = iter(self._fetch(jobs))
        answers = []
        for _, ranges, requests in plans:
            pieces = [b""] * len(ranges)
            for request in requests:
                data = next(parts).data
                for position in request.members:
                    pieces[position] = cut(data, request.whole, ranges[position])
            answers.append(pieces)
        return answers

    def _fetch(self, jobs: Sequence[tuple[Object, Range]]) -> list[Part]:
        """The parts, in order. This thread fetches too: of a single request no other thread hears."""
        remote = [position for position, (file, _) in enumerate(jobs) if _is_remote(file.location)]
        futures: dict[int, Future[Part]] = {
            position: self._fetching.submit(
                partial(copy_context().run, self._read, *jobs[position])
            )
            for position in remote[:-1]
        }
        parts: dict[int, Part] = {}
        try:
            for position, job in enumerate(jobs):
                if position not in futures:
                    parts[position] = self._read(*job)
            for position, future in futures.items():
                # What nobody has begun with is not waited for: all threads may hang on one slow server.
                begun = not future.cancel()
                parts[position] = future.result() if begun else self._read(*jobs[position])
        finally:
            for future in futures.values():
                future.cancel()
        return [parts[position] for position in range(len(jobs))]

    def _read(self, file: Object, wanted: Range) -> Part:
        store = self._stores[file.location.kind]
        try:
            got = store.read(file.location, wanted, version=file.version)
            if got.size_bytes != file.size_bytes:
                raise Changed
        except StoreError as error:
            error.name = file.name
            raise
        return got


def open_stores(*, web: Web | None = None, buckets: Buckets | None = None) -> Stores:
    """The stores of every kind of Location."""
    web, buckets = web or Web(), buckets or Buckets()
    local = LocalFiles()
    return Stores(
        {"file": local, "http": web, "https": web, "s3": buckets, "gs": buckets, "az": buckets}
    )


def header_fetch(stores: Stores, file: Object, head: bytes) -> Callable[[int, int], bytes]:
    """What a parser of headers reads with: `fetch(offset, length)`, shorter where the file ends.

    The bytes that came when the file was opened cost no request.
    """

    def fetch(offset: int, length: int) -> bytes:
        stop = min(offset + length, file.size_bytes)
        if offset < 0 or stop <= offset:
            return b""
        if stop <= len(head):
            return head[offset:stop]
        (data,) = stores.get(file, [Range(offset, stop)])
        return data

    return fetch


def _is_remote(location: Location) -> bool:
    return location.kind != "file"


def _check(file: Object, ranges: Sequence[Range]) -> None:
    if len(ranges) > RANGES_MAX:
        raise Outside(f"more than {RANGES_MAX} ranges are asked for together", name=file.name)
    for each in ranges:
        if each.stop > file.size_bytes:
            raise Outside(name=file.name)
        if each.size_bytes > RANGE_BYTES_MAX:
            raise Outside(f"more than {RANGE_BYTES_MAX} bytes in one piece", name=file.name)


def _requests(file: Object, ranges: Sequence[Range]) -> list[Merged]:
    if _is_remote(file.location):
        return coalesce(ranges)
    # From a disk two reads cost less than cutting one in two.
    return [Merged(each, (position,)) for position, each in enumerate(ranges)]
