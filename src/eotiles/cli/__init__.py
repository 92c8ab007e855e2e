"""The eotiles command, one file a verb."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

import eotiles
from eotiles.cli import (
    db,
    demo,
    explain,
    ingest,
    probe,
    remove,
    renders,
    serve,
    settings,
    token,
)
from eotiles.core.errors import EotilesError
from eotiles.settings import Settings

app = typer.Typer(
    name="eotiles",
    help="Turns an archive of satellite imagery into a map.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db.app, name="db")
app.add_typer(ingest.app, name="ingest")
app.add_typer(remove.app, name="remove")
app.command()(serve.serve)
app.command()(demo.demo)
app.command()(explain.explain)
app.command()(probe.probe)
app.command()(renders.renders)
app.command()(settings.settings)
app.command()(token.token)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eotiles {eotiles.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turns an archive of satellite imagery into a map."""


def main() -> None:
    """Run the command; what eotiles can explain becomes one sentence and exit status 1."""
    try:
        app()
    except EotilesError as error:
        typer.echo(f"eotiles: {error}", err=True)
        sys.exit(1)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        typer.echo(f"eotiles: {settings.wrong(error)}", err=True)
        sys.exit(1)
