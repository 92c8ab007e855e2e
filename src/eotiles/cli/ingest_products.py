"""`eotiles ingest sentinel2 | landsat | naip | sentinel1`: products as their agencies deliver them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eotiles.cli.ingest_report import report, shown_progress
from eotiles.cli.serve import embedded_database
from eotiles.runtime import conninfo
from eotiles.settings import Settings

Collection = Annotated[
    str | None, typer.Option(help="Collection that the products become items of. Default: by kind.")
]
Title = Annotated[str | None, typer.Option(help="Title of the collection.")]
Description = Annotated[str | None, typer.Option(help="Description of the collection (Markdown).")]
Attribution = Annotated[
    str | None, typer.Option(help="What every map must show. Default: what the agency asks for.")
]
Copy = Annotated[
    bool,
    typer.Option(
        "--copy",
        help="Copy images into the data folder as cloud-optimised GeoTIFFs; else they stay where they are.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (sentinel2, landsat, naip, sentinel1):
        app.command()(verb)


def sentinel2(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="SAFE folders, and folders of such.")
    ],
    collection: Collection = None,
    title: Title = None,
    description: Description = None,
    attribution: Attribution = None,
    copy: Copy = False,
) -> None:
    """Sentinel-2 Level-1C and Level-2A: SAFE folders, of today's naming convention and the one before.

    Into sentinel-2-l1c and sentinel-2-l2a unless another collection is named. Ends with 1 if anything was refused.
    """
    _run("sentinel2", paths, (collection, title, description, attribution), copy=copy)


def landsat(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Folders with an MTL, and folders of such."),
    ],
    collection: Collection = None,
    title: Title = None,
    description: Description = None,
    attribution: Attribution = None,
    copy: Copy = False,
) -> None:
    """Landsat Collection 2 Level-1 and Level-2: folders with an MTL file (.xml, .json or .txt).

    Into landsat-c2-l1 and landsat-c2-l2 unless another collection is named. Ends with 1 if anything was refused.
    """
    _run("landsat", paths, (collection, title, description, attribution), copy=copy)


def naip(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Images m_….tif, and folders of such.")
    ],
    collection: Collection = None,
    title: Title = None,
    description: Description = None,
    attribution: Attribution = None,
    state: Annotated[
        str | None, typer.Option(help="Two letters of the state that the images show.")
    ] = None,
    copy: Copy = False,
) -> None:
    """NAIP aerial photographs, with their FGDC metadata if it lies beside them.

    Into naip unless another collection is named. Ends with 1 if anything was refused.
    """
    _run("naip", paths, (collection, title, description, attribution), copy=copy, state=state)


def sentinel1(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="SAFE folders, and folders of such.")
    ],
    collection: Collection = None,
    title: Title = None,
    description: Description = None,
    attribution: Attribution = None,
    copy: Copy = False,
) -> None:
    """Sentinel-1 ground range detected (GRD): SAFE folders. Needs --copy, which warps the images to UTM.

    Into sentinel-1-grd unless another collection is named. Ends with 1 if anything was refused.
    """
    _run("sentinel1", paths, (collection, title, description, attribution), copy=copy)


def _run(
    kind: str,
    paths: list[Path],
    texts: tuple[str | None, str | None, str | None, str | None],
    *,
    copy: bool,
    state: str | None = None,
) -> None:
    # GDAL and stactools are loaded by the verb that needs them.
    from eotiles.ingest.products.kinds import product_kind  # noqa: PLC0415
    from eotiles.ingest.products.walk import (  # noqa: PLC0415
        ProductOptions,
        Workplace,
        ingest_products,
    )

    settings = Settings()
    collection, title, description, attribution = texts
    options = ProductOptions(collection, title, description, attribution, copy)
    chosen = product_kind(kind, state=state)
    with embedded_database(settings), shown_progress() as progress:
        to = Workplace(conninfo(settings, "ingest"), settings.assets, settings.roots)
        summary = ingest_products(paths, chosen, options, to=to, progress=progress)
    if not report(summary):
        raise typer.Exit(1)
