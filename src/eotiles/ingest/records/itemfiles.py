"""Items and collections in files: JSON, a document a line, stac-geoparquet. Read one by one."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.records.jsonstream import stream
from eotiles.ingest.records.record import MOST_DOCUMENT_BYTES, Record, parse

JSON_ENDINGS = (".json", ".geojson")
LINE_ENDINGS = (".ndjson", ".jsonl", ".ndgeojson", ".geojsonl", ".geojsonseq", ".geojsons")
PARQUET_ENDINGS = (".parquet", ".geoparquet")
_GZIP = ".gz"

_DAMAGED = (OSError, EOFError, zlib.error, UnicodeDecodeError)


def read_items(paths: Iterable[Path]) -> Iterator[Record]:
    """Every document in files, and in those below folders; in place of what cannot be read, the reason."""
    for path in paths:
        for record in _of(path):
            # Names of files need not be characters; what people are told has to be.
            place = record.place.encode(errors="replace").decode()
            yield record if place == record.place else record._replace(place=place)


def _of(path: Path) -> Iterator[Record]:
    if path.is_dir():
        found = False
        for file in _below(path):
            found = True
            yield from _read(file)
        if not found:
            yield Record(str(path), None, "holds no file of items (JSON, ndjson, geoparquet)")
    elif path.is_file():
        yield from _read(path)
    else:
        yield Record(str(path), None, "is no file" if path.exists() else "does not exist")


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder.absolute()):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            bare = name.lower().removesuffix(_GZIP)
            if bare.endswith((*JSON_ENDINGS, *LINE_ENDINGS, *PARQUET_ENDINGS)) and name[0] != ".":
                yield Path(where, name)


def _read(path: Path) -> Iterator[Record]:
    bare = path.name.lower().removesuffix(_GZIP)
    if path.exists() and not path.is_file():
        yield Record(str(path), None, "is no file")  # a pipe would be waited for without end
        return
    try:
        if bare.endswith(PARQUET_ENDINGS):
            # Arrow is loaded by who has such a file.
            from eotiles.ingest.records.geoparquet import read_geoparquet  # noqa: PLC0415

            yield from read_geoparquet(path)
        elif bare.endswith(LINE_ENDINGS):
            with _opened(path) as file:
                yield from _lines(path, file)
        else:
            with _opened(path) as file:
                yield from _documents(path, file)
    except (BadParameter, IngestRefused) as error:
        yield Record(str(path), None, str(error))
    except _DAMAGED as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        detail = getattr(error, "strerror", None) or type(error).__name__
        yield Record(str(path), None, f"{reason}, or only up to here ({detail})")


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.lower().endswith(_GZIP) else path.open("rb")  # type: ignore[return-value]


def _lines(path: Path, file: IO[bytes]) -> Iterator[Record]:
    base = str(path.absolute())
    number = 0
    while line := file.readline(MOST_DOCUMENT_BYTES + 1):
        number += 1
        place = f"{path}:{number}"
        if len(line) > MOST_DOCUMENT_BYTES:
            yield Record(place, None, f"is larger than {MOST_DOCUMENT_BYTES >> 20} MiB")
            while line and not line.endswith(b"\n"):
                line = file.readline(MOST_DOCUMENT_BYTES)
            continue
        # A record separator begins each line of a GeoJSON text sequence (RFC 8142).
        line = line.strip(b" \t\r\n\x1e")
        if not line:
            continue
        try:
            document = parse(line)
            if not isinstance(document, dict):
                raise BadParameter("is no JSON object")
        except BadParameter as error:
            yield Record(place, None, str(error))
        else:
            yield Record(place, document, base=base, size_bytes=len(line))


def _documents(path: Path, file: IO[bytes]) -> Iterator[Record]:
    base = str(path.absolute())
    size = path.stat().st_size
    with io.TextIOWrapper(file, encoding="utf-8") as text:
        before = 0
        for number, document in enumerate(stream(text), 1):
            place = str(path) if number == 1 else f"{path}, number {number}"
            if isinstance(document, BadParameter):
                yield Record(f"{path}, number {number}", None, str(document))
                continue
            if document.get("type") == "Catalog":
                document_type = "is a catalogue: `eotiles ingest stac` follows its links"
                yield Record(place, None, document_type)
                continue
            after = file.tell() if file.seekable() else size
            yield Record(place, document, base=base, size_bytes=max(after - before, 4096))
            before = after
