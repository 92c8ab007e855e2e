"""`eotiles ingest stac`: items of another catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from eotiles.cli.ingest_options import Collection, Copy, ReplaceCollections
from eotiles.cli.serve import embedded_database
from eotiles.core.errors import BadParameter
from eotiles.settings import Settings


def ingest_stac(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="A STAC API or one of its collections; a static catalogue, on the web or as the path of its file.",
        ),
    ],
    bbox: Annotated[
        str | None, typer.Option(help="Only items that touch west,south,east,north (degrees).")
    ] = None,
    datetime: Annotated[
        str | None,
        typer.Option(help="Only items of this time: 2019-09, 2019-09-18/2019-09-20, 2019-09-18/.."),
    ] = None,
    collections: Annotated[
        str | None, typer.Option(help="Only items of these collections, comma-separated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most items.")] = None,
    query: Annotated[
        str | None, typer.Option(help='Query extension: {"eo:cloud_cover": {"lt": 10}}. APIs only.')
    ] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="CQL2, as text or JSON. APIs only.")
    ] = None,
    collection: Collection = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="Further server (with :port) that links and redirects may lead to; may be repeated."
        ),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="'Name: value', sent with every request (a key); may be repeated."),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=64, help="Documents of a static catalogue asked for at a time."),
    ] = 8,
    replace_collections: ReplaceCollections = False,
    copy: Copy = False,
) -> None:
    """Bring items of another catalogue into this one. Their files stay where they are, unless copied.

    May be repeated, and goes on where it was cut short. Ends with 1 if anything was refused or could not be had.
    """
    from eotiles.cli.ingest_records import run_records  # noqa: PLC0415
    from eotiles.ingest.records.catalogue import Catalogue  # noqa: PLC0415
    from eotiles.ingest.records.source import Wanted  # noqa: PLC0415
    from eotiles.ingest.records.walk import RecordOptions  # noqa: PLC0415
    from eotiles.ingest.session import stored_items  # noqa: PLC0415
    from eotiles.runtime import conninfo  # noqa: PLC0415

    settings = Settings()
    catalogue = Catalogue(
        url=url,
        wanted=Wanted(
            bbox=None if bbox is None else parse_bbox(bbox),
            datetime=datetime,
            collections=_list(collections),
            limit=limit,
            query=None if query is None else _json("--query", query),
            filter=_json("--filter", filter_) if filter_ and filter_[:1] == "{" else filter_,
        ),
        hosts=tuple(host or ()),
        headers=dict(_header(text) for text in header or ()),
        concurrency=concurrency,
        into=collection,
        proxy=settings.asset_proxy or None,
    )
    options = RecordOptions(collection=collection, replace_collections=replace_collections)
    journal = catalogue.journal(settings.data)
    finished = False
    with embedded_database(settings):
        login = conninfo(settings, "ingest")
        if journal.is_there:
            typer.echo("goes on where the last run was cut short", err=True)
        try:
            report = run_records(
                catalogue.records(journal, lambda names: stored_items(login, names)),
                options,
                settings,
                acknowledge=journal.write,
                copy_from=_sources(url, catalogue.hosts) if copy else None,
            )
            finished = report.gaps == 0
        finally:
            journal.close(finished=finished)
    if not report.complete:
        raise typer.Exit(1)


def _sources(url: str, hosts: tuple[str, ...]) -> list[str]:
    """Roots that the operator named by naming the catalogue."""
    if "://" not in url:
        return [str(Path(url).parent.absolute())]
    parts = urlsplit(url)
    return [f"{parts.scheme}://{host}/" for host in (parts.netloc, *hosts)]


def parse_bbox(text: str) -> tuple[float, ...]:
    """A box on the command line.

    Raises:
        BadParameter: it is none.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadParameter(f"--bbox {text!r} is not west,south,east,north") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise BadParameter(f"--bbox {text!r} is not west,south,east,north in degrees")
    return west, south, east, north


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _json(option: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadParameter(f"{option} is no JSON object")
    return value


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name.strip() or not value.strip() or not text.isprintable():
        raise BadParameter("--header is not 'Name: value'")
    return name.strip(), value.strip()
