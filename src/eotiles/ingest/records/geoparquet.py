"""Items in a stac-geoparquet file, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eotiles.core.errors import IngestRefused, SetupError
from eotiles.ingest.records.record import Record

BATCH_ROWS = 200
_ROW_BYTES = 8192
_MARK = b"PAR1"


def read_geoparquet(path: Path) -> Iterator[Record]:
    """Every row as an item; in place of one that is none, the reason.

    Raises:
        IngestRefused: the file is no geoparquet, or damaged from here on.
        SetupError: the packages that read it are not installed.
    """
    try:
        from arro3.core import Table  # noqa: PLC0415
        from arro3.io import read_parquet  # noqa: PLC0415
        from rustac import RustacError, from_arrow  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(
            "stac-geoparquet is read with packages that are missing: pip install 'eotiles[ingest]'"
        ) from error
    number = 0

    def items(batch: Any) -> list[Any]:
        table: Any = Table.from_batches([batch])
        found: list[Any] = from_arrow(table)["features"]
        if len(found) != batch.num_rows:
            raise RustacError("a row is no item")
        return found

    _check_ends(path)
    try:
        batches: Iterator[Any] = iter(read_parquet(str(path), batch_size=BATCH_ROWS))
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            try:
                found = items(batch)
            except (RustacError, ValueError, TypeError):
                found = []
                for row in range(batch.num_rows):
                    try:
                        found += items(batch.slice(row, 1))
                    except (RustacError, ValueError, TypeError) as error:
                        found.append(error)
            for document in found:
                number += 1
                place = f"{path}, row {number}"
                if isinstance(document, dict):
                    yield Record(place, document, base=str(path.absolute()), size_bytes=_ROW_BYTES)
                else:
                    yield Record(place, None, f"is no STAC item ({document})"[:300])
    except BaseException as error:
        # arro3 raises classes of its own for damaged files, and what Rust panics with is none of Exception's.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise IngestRefused(
            f"is no geoparquet, or damaged after row {number} ({error})"[:300]
        ) from error


def _check_ends(path: Path) -> None:
    """Pass a file with the marks of Parquet at both its ends: what was cut off has lost the second."""
    with path.open("rb") as file:
        begins = file.read(4) == _MARK
        file.seek(-4, 2) if path.stat().st_size >= 8 else None
        if not begins or file.read(4) != _MARK:
            raise IngestRefused("is no Parquet file, or was cut off")
