"""`eotiles ingest items`: STAC Items and Collections out of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eotiles.cli.ingest_options import Collection, Copy, ReplaceCollections
from eotiles.cli.serve import embedded_database
from eotiles.settings import Settings


def ingest_items(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…",
            help="Files of items (JSON, FeatureCollection, ndjson, also gzipped; stac-geoparquet) or of collections, "
            "and folders of such.",
        ),
    ],
    collection: Collection = None,
    replace_collections: ReplaceCollections = False,
    copy: Copy = False,
) -> None:
    """Put STAC Items that somebody made into the catalogue. Their files stay where they are, unless copied.

    May be repeated: what is in the catalogue and no different is left alone. Ends with 1 if anything was refused.
    """
    # pgSTAC's loader and Shapely are loaded by the verb that needs them.
    from eotiles.cli.ingest_records import run_records  # noqa: PLC0415
    from eotiles.ingest.records.itemfiles import read_items  # noqa: PLC0415
    from eotiles.ingest.records.walk import RecordOptions  # noqa: PLC0415

    options = RecordOptions(collection=collection, replace_collections=replace_collections)
    settings = Settings()
    with embedded_database(settings):
        folders = [str((path if path.is_dir() else path.parent).absolute()) for path in paths]
        report = run_records(
            read_items(paths), options, settings, copy_from=folders if copy else None
        )
    if not report.complete:
        raise typer.Exit(1)
