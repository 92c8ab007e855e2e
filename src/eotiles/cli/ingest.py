"""`eotiles ingest`: imagery into the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eotiles.cli import ingest_products as products
from eotiles.cli.ingest_items import ingest_items
from eotiles.cli.ingest_report import report, shown_progress
from eotiles.cli.ingest_stac import ingest_stac
from eotiles.cli.serve import embedded_database
from eotiles.core.domain import DOMAINS
from eotiles.ingest.bands import SENSORS
from eotiles.ingest.options import IngestOptions, parse_bands, parse_domain
from eotiles.ingest.period import parse_period
from eotiles.runtime import conninfo
from eotiles.settings import Settings

app = typer.Typer(help="Bring imagery into the catalogue.", no_args_is_help=True)


app.command("items")(ingest_items)
app.command("stac")(ingest_stac)


@app.callback()
def _ingest() -> None:
    """Bring imagery into the catalogue."""


@app.command()
def files(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="GeoTIFFs, and folders of such.")
    ],
    collection: Annotated[
        str, typer.Option(help="Collection that the scenes become items of; made if new.")
    ],
    title: Annotated[str | None, typer.Option(help="Title of the collection.")] = None,
    description: Annotated[
        str | None, typer.Option(help="Description of the collection (Markdown).")
    ] = None,
    identifier: Annotated[
        str | None,
        typer.Option("--id", help="Item id, for a single scene. Default: from the file names."),
    ] = None,
    datetime: Annotated[
        str | None,
        typer.Option(
            help="When it was taken: 2019-09-18, 2019-09-18T10:50:31Z, or an interval A/B. Default: from TIFF tags, "
            "then file names."
        ),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(
            help="Names of the bands in the order of the file (red,green,blue,nir), or of one file a band "
            "(B02=blue,B03=green). Default: from file names, descriptions and colours."
        ),
    ] = None,
    sensor: Annotated[
        str | None,
        typer.Option(help=f"What B4 means: {', '.join(SENSORS)}. Default: from file names."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option(help=f"What values mean: {', '.join(DOMAINS)}. Default: dn.")
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Values are labels or bit fields: never averaged.")
    ] = False,
    unit: Annotated[
        str | None,
        typer.Option(help="Unit of the values. Default: as the file says, or the domain."),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(help="Physical value = digital number × scale + offset.")
    ] = None,
    offset: Annotated[
        float | None, typer.Option(help="Physical value of digital number 0.")
    ] = None,
    nodata: Annotated[
        float | None, typer.Option(help="Digital number that means 'no data' (nan is allowed).")
    ] = None,
    attribution: Annotated[
        str | None,
        typer.Option(help="What every map must show, e.g. the name of the data's owner."),
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Who produced the imagery.")] = None,
    license: Annotated[
        str | None, typer.Option(help="SPDX identifier (CC-BY-4.0), or other.")
    ] = None,
    license_url: Annotated[str | None, typer.Option(help="Address of the licence's text.")] = None,
) -> None:
    """Check GeoTIFFs, make them cloud-optimised, and put them into the catalogue as STAC Items.

    A scene comes in entirely or not at all, and may be ingested again. Ends with 1 if anything was refused.
    """
    options = IngestOptions(
        collection=collection,
        title=title,
        description=description,
        license=license,
        license_url=license_url,
        provider=provider,
        attribution=attribution,
        item=identifier,
        period=None if datetime is None else parse_period(datetime),
        sensor=sensor,
        bands=() if bands is None else parse_bands(bands),
        domain=None if domain is None else parse_domain(domain),
        labels=labels,
        unit=unit,
        scale=scale,
        offset=offset,
        nodata=nodata,
    )
    settings = Settings()
    if not run_ingest(paths, options, settings):
        raise typer.Exit(1)


def run_ingest(paths: list[Path], options: IngestOptions, settings: Settings) -> bool:
    """Ingest with a progress bar and print what became of it: whether everything came in."""
    # GDAL and Shapely are loaded by the verb that needs them: `eotiles db status` answers at once.
    from eotiles.ingest.files import ingest_files  # noqa: PLC0415

    with embedded_database(settings), shown_progress() as progress:
        summary = ingest_files(
            paths,
            options,
            conninfo=conninfo(settings, "ingest"),
            assets=settings.assets,
            roots=settings.roots,
            progress=progress,
        )
    return report(summary)


products.register(app)
