"""Files of this machine, read where they lie."""

from __future__ import annotations

import os
import stat

from eotiles.read.location import Location
from eotiles.read.objects import Changed, NotThere, Part, Unreachable, part
from eotiles.read.ranges import Range

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
"""Links were resolved when the href was checked, so one at its end is new. Without NONBLOCK a pipe would be waited
for; of a file it changes nothing."""


class LocalFiles:
    """A Store of files. Nothing stays open: a file that takes another one's place is noticed by its inode."""

    def read(self, location: Location, wanted: Range, *, version: str | None) -> Part:
        """Bytes of a file.

        Raises:
            NotThere: there is none, or what is there is no file, or this process may not read it.
            Changed: it has another version.
            Unreachable: the disk fails.
        """
        try:
            descriptor = os.open(location.path, _FLAGS)
        except OSError as error:
            raise NotThere from error
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise NotThere("it is not a file")
            data = _pread(descriptor, wanted)
            after = os.fstat(descriptor)
        except OSError as error:
            raise Unreachable("the file cannot be read") from error
        finally:
            os.close(descriptor)
        # Looked at after the bytes were read too: a file that is written to in place is torn in two else.
        now = _version(after)
        if now != (_version(before) if version is None else version):
            raise Changed
        return part(data, wanted, size_bytes=after.st_size, version=now)

    def close(self) -> None:
        """Nothing is open."""


def file_version(location: Location) -> str | None:
    """The version that `read` would give now; None where there is no such file."""
    try:
        return _version(os.lstat(location.path))
    except OSError:
        return None


def _pread(descriptor: int, wanted: Range) -> bytes:
    data = os.pread(descriptor, wanted.size_bytes, wanted.start)
    if len(data) == wanted.size_bytes or not data:
        return data
    # The kernel may give less than was asked for (a signal, a network file system): until the file ends.
    pieces, size_bytes = [data], len(data)
    while size_bytes < wanted.size_bytes:
        piece = os.pread(descriptor, wanted.size_bytes - size_bytes, wanted.start + size_bytes)
        if not piece:
            break
        pieces.append(piece)
        size_bytes += len(piece)
    return b"".join(pieces)


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
