"""What `eotiles ingest items` and `eotiles ingest stac` print."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from eotiles.ingest.journal import Mark
from eotiles.ingest.record import Record
from eotiles.ingest.records import RecordOptions, Report, ingest_records
from eotiles.read.hrefs import allow_list
from eotiles.runtime import conninfo
from eotiles.settings import Settings


def run_records(
    records: Iterable[Record],
    options: RecordOptions,
    settings: Settings,
    *,
    acknowledge: Callable[[Sequence[Mark]], None] | None = None,
) -> Report:
    """Bring documents in with a line of progress, and print what became of them. The database runs already."""
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.completed} documents  {task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        report = ingest_records(
            records,
            options,
            conninfo=conninfo(settings, "ingest"),
            allowed=allow_list(settings.roots),
            acknowledge=acknowledge,
            progress=lambda done, place: bar.update(task, completed=done, description=place[-80:]),
        )
    for name, outcome in sorted(report.collections.items()):
        typer.echo(f"collection {name}: {outcome}")
    for refusal in report.refused:
        typer.echo(f"refused: {refusal}", err=True)
    if report.refusals > len(report.refused):
        typer.echo(f"… and {report.refusals - len(report.refused)} more refused", err=True)
    if report.missing:
        typer.echo(f"{report.missing} items that were stored are not in the database", err=True)
    typer.echo(report.sentence())
    return report
