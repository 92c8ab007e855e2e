"""The items of a JSON file, one after the other: a file of a gigabyte takes no more memory than its largest item."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TextIO

from eotiles.core.errors import BadParameter
from eotiles.ingest.records.record import MOST_DOCUMENT_BYTES, Json

CHUNK_CHARACTERS = 2**20
MOST_MEMBERS = 1000
"""Members of an object beside its list of items."""

LISTS = ("features", "collections")
"""Members of a FeatureCollection, or of the answer that lists the collections of an API, that are read one by one."""

_SPACE = re.compile(r"[ \t\r\n\x1e\ufeff]*")


class NotFinite(BadParameter):
    """holds NaN or Infinity, which JSON has not"""


def stream(text: TextIO) -> Iterator[Json | BadParameter]:
    """Every item, collection or other document in a text; what is wrong with one in its place.

    The text is one document, a list or a FeatureCollection of such, or several of these one after the other.

    Raises:
        BadParameter: from here on it is not JSON, or one document is too large.
        UnicodeDecodeError: it is not UTF-8.
    """
    reader = _Reader(text)
    while reader.peek():
        yield from _top(reader)


def _top(reader: _Reader) -> Iterator[Json | BadParameter]:
    if reader.peek() == "[":
        yield from _elements(reader)
        return
    if reader.peek() != "{":
        raise BadParameter("is not JSON with items in it")
    reader.skip("{")
    members: Json = {}
    finite = True
    streamed = False
    while reader.peek() != "}":
        name, _ = reader.value()
        if not isinstance(name, str):
            raise BadParameter("is not JSON: a member has no name")
        reader.skip(":")
        if name in LISTS and reader.peek() == "[":
            streamed = True
            yield from _elements(reader)
        else:
            members[name], fine = reader.value()
            finite = finite and fine
            if len(members) > MOST_MEMBERS or reader.taken > MOST_DOCUMENT_BYTES:
                raise BadParameter(f"holds a document larger than {MOST_DOCUMENT_BYTES >> 20} MiB")
        if reader.peek() == ",":
            reader.skip(",")
    reader.skip("}")
    reader.taken = 0
    if not streamed:
        yield members if finite else NotFinite()


def _elements(reader: _Reader) -> Iterator[Json | BadParameter]:
    reader.skip("[")
    while reader.peek() != "]":
        element, finite = reader.value()
        reader.taken = 0
        if not finite:
            yield NotFinite()
        elif isinstance(element, dict):
            yield element
        else:
            yield BadParameter("is no JSON object")
        if reader.peek() == ",":
            reader.skip(",")
    reader.skip("]")


class _Reader:
    """A text, value by value."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self._ended = False
        self._finite = True
        self._decoder = json.JSONDecoder(parse_constant=self._not_finite, parse_float=self._number)
        self.taken = 0
        """Characters of values since somebody set it to 0."""

    def _not_finite(self, _name: str) -> None:
        self._finite = False

    def _number(self, text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            self._finite = False
        return number

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(CHUNK_CHARACTERS):
                return ""

    def skip(self, wanted: str) -> None:
        """Go past a character.

        Raises:
            BadParameter: something else stands there.
        """
        found = self.peek()
        if found != wanted:
            raise BadParameter(
                f"is not JSON: {wanted!r} is missing"
                + (f" before {found!r}" if found else ", the file ends early")
            )
        self._at += 1

    def value(self) -> tuple[Any, bool]:
        """The next value, and whether its numbers are finite.

        Raises:
            BadParameter: there is none, or it is too large.
        """
        self.peek()
        wanted = CHUNK_CHARACTERS
        while True:
            self._finite = True
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise BadParameter("is nested too deeply") from error
            except json.JSONDecodeError as error:
                failure: json.JSONDecodeError | None = error
            else:
                failure = None
                # A number may go on in what was not read yet.
                if end < len(self._buffer) or self._ended:
                    self.taken += end - self._at
                    self._at = end
                    return value, self._finite
            if len(self._buffer) - self._at > MOST_DOCUMENT_BYTES:
                raise BadParameter(
                    f"holds a document larger than {MOST_DOCUMENT_BYTES >> 20} MiB, or is not JSON"
                )
            if not self._more(wanted) and failure is not None:
                raise BadParameter(f"is not JSON ({failure.msg}), or ends early") from failure
            wanted *= 2

    def _more(self, characters: int) -> bool:
        """Read on; False at the end."""
        if self._ended:
            return False
        read = self._text.read(characters)
        self._ended = not read
        self._buffer = self._buffer[self._at :] + read
        self._at = 0
        return bool(read)
