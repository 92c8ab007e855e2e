"""Options that `eotiles ingest items` and `eotiles ingest stac` have in common."""

from __future__ import annotations

from typing import Annotated

import typer

Collection = Annotated[
    str | None,
    typer.Option(help="Collection that all items go into. Default: what each of them says."),
]

ReplaceCollections = Annotated[
    bool,
    typer.Option(
        help="A collection that is found replaces what the catalogue says of it. Default: it adds what is "
        "missing there."
    ),
]

Copy = Annotated[
    bool,
    typer.Option(
        "--copy",
        help="Copy GeoTIFFs into the data folder, cloud-optimised. Default: they stay where they are.",
    ),
]
