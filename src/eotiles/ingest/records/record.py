"""A Record: one document of another catalogue, where it was found, or why there is none there."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from eotiles.core.errors import BadParameter
from eotiles.ingest.records.journal import Mark

Json = dict[str, Any]

MOST_DOCUMENT_BYTES = 16 * 2**20
"""Of one item or collection, as JSON."""


class Record(NamedTuple):
    """A document, or what stands in its place."""

    place: str
    """What people are told: an address, or a file and line (items.ndjson:17)."""

    document: Json | None
    """An item or a collection, as it was found."""

    refusal: str = ""
    """Why there is no document: a sentence's predicate ("answers 404")."""

    base: str | None = None
    """What its relative hrefs are relative to: an http(s) address, or the path of a file of this machine."""

    size_bytes: int = 0
    """About how much JSON it is."""

    parent: str | None = None
    """Collection that it was found in, where it names none."""

    gap: bool = False
    """There may be documents behind this one that were not reached: a later run should try again."""

    mark: Mark | None = None
    """A line of the journal, once this record and all before it are stored."""

    @property
    def is_collection(self) -> bool:
        """Whether the document says that it is a collection."""
        return self.document is not None and self.document.get("type") == "Collection"


def parse(text: bytes) -> Any:
    """JSON, whatever it is.

    Raises:
        BadParameter: it is none, or PostgreSQL could not store it: it holds NaN, Infinity or half a character.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadParameter(f"is not JSON ({error.msg}: {where})"[:200]) from error


def check_text(encoded: bytes) -> None:
    """Pass JSON, as orjson writes it, that PostgreSQL stores as it is.

    Raises:
        BadParameter: it holds a NUL character.
    """
    position = encoded.find(b"\\u0000")
    while position >= 0:
        before = encoded[:position]
        # An even number of backslashes before it: they escape each other, and this one escapes the u.
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            raise BadParameter("holds a NUL character")
        position = encoded.find(b"\\u0000", position + 1)
