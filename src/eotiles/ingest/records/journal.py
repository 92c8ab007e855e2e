"""A journal: what a crawl that was cut short had stored, so that the next run goes on from there."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

FOLDER = "crawls"
YOUNG_S = 24 * 3600.0
"""An older journal is not believed: the other catalogue has moved on."""

_AT_ONCE = 5000

Name = tuple[str, str]
"""Collection and id of an item."""


@dataclass(frozen=True)
class Mark:
    """A line: what is stored once it is written."""

    key: str
    """What the crawl knows the step by: an address, or a page's link to the next."""

    items: tuple[Name, ...]
    """That are in the catalogue then: nothing is skipped that is not."""


class Journal:
    """Lines of one crawl in the data folder. One that is finished has none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    @property
    def is_there(self) -> bool:
        """Whether an earlier run was cut short."""
        return self._path.exists()

    def marks(self, stored: Callable[[Sequence[Name]], set[Name]]) -> Iterator[Mark]:
        """What an earlier run had stored and is there still; in order.

        `stored` tells which of some items are in the catalogue.
        """
        lines = self._lines()
        while some := list(islice(lines, _AT_ONCE)):
            there = stored([name for mark in some for name in mark.items])
            yield from (mark for mark in some if there.issuperset(mark.items))

    def _lines(self) -> Iterator[Mark]:
        try:
            if time.time() - self._path.stat().st_mtime > YOUNG_S:
                self._path.unlink()
                return
            with self._path.open("rb") as file:
                for line in file:
                    try:
                        key, names = orjson.loads(line)
                        yield Mark(str(key), tuple((str(one), str(two)) for one, two in names))
                    except (ValueError, TypeError):
                        continue  # the line that a kill cut in two
        except FileNotFoundError:
            return

    def write(self, marks: Iterable[Mark]) -> None:
        """Note what is stored."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
            if self._file.tell():
                self._file.write(b"\n")  # ends a line that a kill cut in two
        self._file.writelines(orjson.dumps([mark.key, mark.items]) + b"\n" for mark in marks)
        self._file.flush()

    def close(self, *, finished: bool) -> None:
        """Let go of it; a finished crawl starts anew next time."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if finished:
            self._path.unlink(missing_ok=True)


def journal_of(data: Path, *parts: Any) -> Journal:
    """The journal of a crawl: of the same address and options it is the same."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return Journal(data / FOLDER / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.journal")
