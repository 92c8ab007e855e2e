"""An Object: a file whose size and version are known, wherever it lies; and the seam behind which stores are.

    StoreError
    ├── NotThere       no such file, or access to it is refused
    ├── Changed        another file than the one that was opened
    ├── Damaged        bytes that are not what they should be
    ├── Outside        bytes that the file does not have, or more than may be asked for
    └── Unreachable    the store does not answer, or not with what was asked for

Their texts are for users: they name no host and no path, and never a query. Whoever catches one names the asset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eotiles.read.location import Location
from eotiles.read.ranges import Range


class StoreError(Exception):
    """The bytes of a file cannot be had."""

    def __init__(self, message: str | None = None, *, name: str | None = None) -> None:
        said = (type(self).__doc__ or "").strip().rstrip(".")
        super().__init__(message or said[:1].lower() + said[1:])
        self.name = name
        """Of the file, for whoever asked for several at once. It is not in the text."""


class NotThere(StoreError):
    """The file is not there."""


class Changed(StoreError):
    """The file is another one now."""


class Damaged(StoreError):
    """The file is damaged."""


class Outside(StoreError):
    """Bytes are asked for that the file does not have."""


class Unreachable(StoreError):
    """The server that holds the file does not answer."""


@dataclass(frozen=True)
class Object:
    """A file as it was when its first bytes were read. Made anew from its parts, it costs no request."""

    location: Location

    size_bytes: int

    version: str
    """ETag, else what else tells one state of a file from the next. With the location's name a key of caches."""

    @property
    def name(self) -> str:
        """The location's name."""
        return self.location.name


@dataclass(frozen=True, slots=True)
class Part:
    """What a store answers."""

    data: bytes
    """As many bytes as the range has, fewer only where the file ends."""

    size_bytes: int
    """Of the whole file."""

    version: str


class Store(Protocol):
    """Where bytes come from. Called from many threads."""

    def read(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        """Bytes of a file, of that version if one is given.

        Raises:
            StoreError: NotThere, Changed or Unreachable.
        """
        ...

    def close(self) -> None:
        """Let go of connections; again is no mistake."""
        ...


def part(data: bytes, wanted: Range, *, size_bytes: int, version: str) -> Part:
    """A Part of exactly the bytes that were asked for, as far as the file has them.

    Raises:
        Unreachable: there are fewer or more.
    """
    expected = max(0, min(wanted.stop, size_bytes) - wanted.start)
    if len(data) != expected:
        raise Unreachable(f"{expected} bytes of the file were asked for, {len(data)} came")
    return Part(data=data, size_bytes=size_bytes, version=version)
