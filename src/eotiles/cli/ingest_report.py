"""What every way in shows while it works, and says at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from eotiles.ingest.period import iso

if TYPE_CHECKING:
    from eotiles.ingest.files import Progress, Summary


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A progress bar on the terminal; into a file or a pipe it would print nothing but blank lines."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("looking for files", total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total, description=what
        )


def report(summary: Summary) -> bool:
    """Print what became of everything; whether all of it came in, and is in the database."""
    for scene in summary.scenes:
        end = "" if scene.period.end is None else f"/{iso(scene.period.end)}"
        typer.echo(
            f"{scene.outcome} {scene.collection}/{scene.item}, taken {iso(scene.period.start)}{end} "
            f"(by {scene.period.origin.replace('-', ' ')})"
        )
    for doubt, items in summary.doubts().items():
        more = f" and {len(items) - 1} more" if len(items) > 1 else ""
        typer.echo(f"note: {items[0]}{more}: {doubt}", err=True)
    for refusal in summary.refused:
        typer.echo(f"refused: {refusal}", err=True)
    typer.echo(
        f"{summary.count('ingested')} ingested, {summary.count('updated')} updated, "
        f"{summary.count('unchanged')} unchanged, {len(summary.refused)} refused"
    )
    for count in summary.counts:
        typer.echo(str(count), err=not count.is_complete)
    return summary.is_complete
