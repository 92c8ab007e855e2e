"""What `eotiles ingest items` and `eotiles ingest stac` print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from eotiles.ingest.records.journal import Mark
from eotiles.ingest.records.record import Record
from eotiles.ingest.records.walk import RecordOptions, Report, ingest_records
from eotiles.read.hrefs import allow_list
from eotiles.runtime import conninfo
from eotiles.settings import Settings

if TYPE_CHECKING:
    from eotiles.ingest.records.copy import Copying


def run_records(
    records: Iterable[Record],
    options: RecordOptions,
    settings: Settings,
    *,
    acknowledge: Callable[[Sequence[Mark]], None] | None = None,
    copy_from: Sequence[str] | None = None,
) -> Report:
    """Bring documents in with a line of progress, and print what became of them. The database runs already.

    With `copy_from`, files below these roots and the usual ones are copied; without, they stay where they are.
    """
    console = Console(stderr=True)
    with (
        ExitStack() as stack,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.completed} documents  {task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as bar,
    ):
        task = bar.add_task("", total=None)
        report = ingest_records(
            records,
            options,
            conninfo=conninfo(settings, "ingest"),
            allowed=allow_list(settings.roots),
            acknowledge=acknowledge,
            copying=None
            if copy_from is None
            else stack.enter_context(_copying(settings, copy_from)),
            progress=lambda done, place: bar.update(task, completed=done, description=place[-80:]),
        )
    for name, outcome in sorted(report.collections.items()):
        typer.echo(f"collection {name}: {outcome}")
    for refusal in report.refused:
        typer.echo(f"refused: {refusal}", err=True)
    if report.refusals > len(report.refused):
        typer.echo(f"… and {report.refusals - len(report.refused)} more refused", err=True)
    if report.outside:
        typer.echo(
            f"note: there are files below {', '.join(sorted(report.outside))}: "
            "EOTILES_ASSET_ROOTS names what may be opened",
            err=True,
        )
    if report.missing:
        typer.echo(f"{report.missing} items that were stored are not in the database", err=True)
    typer.echo(report.sentence())
    return report


@contextmanager
def _copying(settings: Settings, copy_from: Sequence[str]) -> Iterator[Copying]:
    """How files are copied into the data folder; web servers that the operator named may have any address."""
    # GDAL and the stores are loaded by who copies.
    from eotiles.ingest.records.copy import Copying  # noqa: PLC0415
    from eotiles.ingest.session import stored_item  # noqa: PLC0415
    from eotiles.read.stores import open_stores  # noqa: PLC0415
    from eotiles.read.web import Web  # noqa: PLC0415

    hosts = {urlsplit(root).netloc.lower() for root in copy_from if "://" in root}
    web = Web(
        answer_s=60.0,
        private_hosts=settings.private_hosts | hosts,
        proxy=settings.asset_proxy or None,
    )
    login = conninfo(settings, "ingest")
    with open_stores(web=web) as stores:
        yield Copying(
            assets=settings.assets,
            sources=allow_list((*settings.roots, *copy_from)),
            stores=stores,
            stored=lambda collection, name: stored_item(login, collection, name),
        )
