"""A backup file, which is pg_dump's own (custom format): what is in it, and its SQL as a stream."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eotiles.core.errors import SetupError

SCHEMA = "pgstac"

_EMPTY_PATH = b"SELECT pg_catalog.set_config('search_path', '', false);\n"
_COPY = re.compile(rb"COPY pgstac\.(\S+) \((.*)\) FROM stdin;\n")
_END = b"\\.\n"
_ITEM_COLUMNS = b"id, geometry, collection, "
_ESCAPE = re.compile(rb"\\(.)")
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


@dataclass(frozen=True)
class Contents:
    """What a catalogue holds, in a database or in a backup of it."""

    pgstac: str
    """Version of pgSTAC."""

    items: dict[str, int]
    """Collection → number of its items."""

    @property
    def count(self) -> int:
        """Items of all collections."""
        return sum(self.items.values())

    def __str__(self) -> str:
        items = "1 item" if self.count == 1 else f"{self.count} items"
        collections = "1 collection" if len(self.items) == 1 else f"{len(self.items)} collections"
        return f"{items} of {collections} (pgSTAC {self.pgstac})"


def read_contents(archive: Path, *, tools: Path) -> Contents:
    """Count what is in a backup by reading all of it; `tools` is the folder of PostgreSQL's client programs.

    Raises:
        SetupError: it is no backup of a catalogue, or it is damaged.
    """
    items: Counter[str] = Counter()
    versions: list[tuple[bytes, str]] = []
    table, is_items = b"", False
    for line in restore_script(archive, tools=tools, data_only=True):
        if not table:
            if found := _COPY.fullmatch(line):
                table, is_items = found[1], found[2].startswith(_ITEM_COLUMNS)
        elif line == _END:
            table = b""
        elif is_items:
            items[_text(line.split(b"\t", 3)[2])] += 1
        elif table == b"collections":
            items[str(json.loads(_text(line.split(b"\t", 2)[1]))["id"])] += 0
        elif table == b"migrations":
            version, when = line.rstrip(b"\n").split(b"\t")
            versions.append((when, _text(version)))
    if not versions:
        raise SetupError(f"{archive.name} is no backup of a catalogue: there is no pgSTAC in it")
    return Contents(max(versions)[1], dict(items))


def restore_script(archive: Path, *, tools: Path, data_only: bool = False) -> Iterator[bytes]:
    """Lines of the SQL that makes a catalogue anew, as psql reads it. Without data_only, roles have to be there.

    Raises:
        SetupError: the file cannot be read, or it is damaged; lines may have come by then.
    """
    command = [str(tools / "pg_restore"), "--file=-", *(["--data-only"] if data_only else [])]
    with tempfile.NamedTemporaryFile(prefix="eotiles-list-") as kept:
        if not data_only:
            kept.write(b"".join(_entries(archive, tools=tools)))
            kept.flush()
            command.append(f"--use-list={kept.name}")
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(
                [*command, str(archive)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            ) as program,
        ):
            assert program.stdout is not None
            try:
                replaced = False
                for line in program.stdout:
                    if not replaced and line == _EMPTY_PATH:
                        # pgSTAC's functions have to be found by those that call them, in indexes and constraints.
                        replaced, line = True, line.replace(b"''", b"'pgstac, public'", 1)
                    yield line
            finally:
                if program.poll() is None:
                    program.kill()
                program.wait()
            if program.returncode != 0:
                errors.seek(0)
                raise SetupError(
                    f"{archive.name} cannot be read as a backup: {complaint(errors.read())}"
                )


def complaint(said: bytes) -> str:
    """The first thing that a program of PostgreSQL complains of."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    told = next((line for line in lines if re.search(r"error|fatal", line, re.IGNORECASE)), "")
    text = told or (lines[-1] if lines else "it ended without a word")
    return re.sub(r"^\S*?(pg_dump|pg_restore|psql)\S*: ?(\S+:\d+: )?(error: )?", "", text)[:300]


def _entries(archive: Path, *, tools: Path) -> Iterator[bytes]:
    """The table of contents, less default privileges of whoever migrated there: that role may be unknown here."""
    done = subprocess.run(
        [str(tools / "pg_restore"), "--list", str(archive)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"{archive.name} cannot be read as a backup: {complaint(done.stderr)}")
    for line in done.stdout.splitlines(keepends=True):
        if b" DEFAULT ACL " not in line or line.split()[-1].startswith(b"pgstac_"):
            yield line


def _text(value: bytes) -> str:
    """A column of COPY's text format."""
    plain = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)
    return plain.decode()
