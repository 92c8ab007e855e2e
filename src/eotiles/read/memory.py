"""Files that are in memory: what stands for a store where none is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from eotiles.read.location import Location
from eotiles.read.objects import Changed, NotThere, Part, Store, part
from eotiles.read.ranges import Range


class MemoryFiles:
    """A Store of the files in a mapping, by their location's name. Their versions are hashes of what is in them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.reads: list[tuple[str, Range]] = []
        """Each request, in order."""

    def read(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        """Bytes of a file.

        Raises:
            NotThere: no file has that name.
            Changed: it has another version.
        """
        self.reads.append((location.name, wanted))
        content = self.files.get(location.name)
        if content is None:
            raise NotThere
        now = hashlib.sha256(content).hexdigest()
        if version is not None and version != now:
            raise Changed
        data = content[wanted.start : wanted.stop]
        return part(data, wanted, size_bytes=len(content), version=now)

    def close(self) -> None:
        """Nothing is open."""


_: type[Store] = MemoryFiles
