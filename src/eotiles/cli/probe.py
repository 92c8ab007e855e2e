"""`eotiles probe COLLECTION[/ITEM]`: whether the numbers of catalogued imagery can be what the catalogue says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from eotiles.cli.serve import embedded_database
from eotiles.core.errors import BadParameter
from eotiles.runtime import conninfo, open_database, open_known
from eotiles.settings import Settings

if TYPE_CHECKING:
    from eotiles.catalog.items import Item
    from eotiles.probe import Report

ITEMS_DEFAULT = 10
ITEMS_MAX = 1000


def probe(
    what: Annotated[
        str, typer.Argument(metavar="COLLECTION[/ITEM]", help="A collection, or one item of it.")
    ],
    limit: Annotated[
        int, typer.Option(min=1, max=ITEMS_MAX, help="Items of a collection that are looked at.")
    ] = ITEMS_DEFAULT,
    datetime: Annotated[
        str | None,
        typer.Option(help="Only items of this time, an interval A/B. Default: the latest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON an item.")] = False,
    flag: Annotated[
        bool,
        typer.Option(
            "--flag",
            help="Write what is found into the items (eotiles:doubts), and take it out of those that are right.",
        ),
    ] = False,
) -> None:
    """Look at some pixels of each band, and say where their numbers cannot be right.

    Reads an overview of each file as the raster service would, and writes nothing without --flag. Ends with 1 if there
    is a doubt, or a file that cannot be read.
    """
    collection, _, item = what.partition("/")
    if not collection or "/" in item:
        raise BadParameter(f"name a collection, or an item as COLLECTION/ITEM, got {what!r}")
    settings = Settings()
    wrong = doubted = count = 0
    with embedded_database(settings):
        items = asyncio.run(_items(settings, collection, item, limit=limit, datetime=datetime))
        for each, report in _reports(settings, items):
            count += 1
            doubted += bool(report.doubts)
            wrong += bool(report.doubts or report.errors)
            if as_json:
                told = {"collection": each.collection, "id": each.id, **report.describe()}
                typer.echo(json.dumps(told))
            else:
                _print(report)
            if flag and not report.errors:
                _flag(settings, each, report)
    typer.echo(f"{count} looked at, {doubted} with doubts, {wrong - doubted} unreadable", err=True)
    if wrong:
        raise typer.Exit(1)


async def _items(
    settings: Settings, collection: str, item: str, *, limit: int, datetime: str | None
) -> tuple[Item, ...]:
    async with (
        open_database(settings, "read") as database,
        open_known(settings, database) as known,
    ):
        if item:
            return ((await known.item(collection, item)).item,)
        search = {} if datetime is None else {"datetime": datetime}
        mosaic = await known.collection_mosaic(collection, search=search)
        found = await known.mosaic_items(mosaic, box=None, limit=limit)
        return tuple(each.item for each in found)


def _reports(settings: Settings, items: tuple[Item, ...]) -> Iterator[tuple[Item, Report]]:
    # What reads imagery takes a second to load: other verbs answer at once.
    from eotiles.http.raster import make_library  # noqa: PLC0415
    from eotiles.http.titiler.drawing import Access, open_files  # noqa: PLC0415
    from eotiles.probe import probe as probe_item  # noqa: PLC0415
    from eotiles.read.hrefs import allow_list  # noqa: PLC0415

    with make_library(settings) as library:
        roots = allow_list(settings.roots)
        access = Access(roots=roots, library=library, max_pixels=settings.max_pixels)
        for item in items:
            with open_files(item, access) as files:
                yield item, probe_item(item.stac, files)


def _print(report: Report) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("band", "domain", "scale", "offset", "1 %", "median", "99 %", "below 0"):
        table.add_column(heading, justify="left" if heading in ("band", "domain") else "right")
    table.add_column("rule", overflow="fold")
    for band in report.bands:
        found, told = band.figures, band.describe()
        shown = (
            ["", "", "", "no pixel"]
            if found is None
            else [
                *(f"{value:.4g}" for value in (found.p1, found.median, found.p99)),
                f"{found.below_0:.1%}",
            ]
        )
        table.add_row(
            f"{told['asset']} {told['band']} {told['common_name'] or ''}".rstrip(),
            told["domain"],
            f"{told['scale']:g}",
            f"{told['offset']:g}",
            *shown,
            told["rule"],
        )
    console = Console(width=None if Console().is_terminal else 160, markup=False)
    console.print(report.item, style="bold")
    console.print(table)
    for doubt in report.doubts:
        console.print(f"doubt: {doubt}")
    for error in report.errors:
        console.print(f"unreadable: {error}")


def _flag(settings: Settings, item: Item, report: Report) -> None:
    from eotiles.ingest.flags import flag_item  # noqa: PLC0415

    flag_item(conninfo(settings, "ingest"), item.collection, item.id, report.doubts)
