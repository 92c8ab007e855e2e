"""`eotiles remove`: items and collections out of the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from eotiles.cli.serve import embedded_database
from eotiles.core.errors import UnknownCollection
from eotiles.runtime import conninfo
from eotiles.settings import Settings

app = typer.Typer(help="Take items or collections out of the catalogue.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Files = Annotated[
    bool,
    typer.Option(
        "--files",
        help="Remove their converted files in the data folder too, as far as nothing else names them. Imagery that "
        "lies elsewhere is never touched.",
    ),
]


@app.command()
def item(
    collection: Annotated[str, typer.Argument(help="Collection that they are in.")],
    items: Annotated[list[str], typer.Argument(metavar="ITEM…", help="Their ids.")],
    yes: Yes = False,
    files: Files = False,
) -> None:
    """Remove items: all that are there, in one transaction. Ends with 1 if one is not there."""
    # Shapely comes with ingest: loaded by the verbs that need it.
    from eotiles.ingest.remove import (  # noqa: PLC0415
        converted_files,
        find_items,
        remove_files,
        remove_items,
    )

    settings = Settings()
    with embedded_database(settings):
        address = conninfo(settings, "ingest")
        found = find_items(address, collection, items)
        for name in found.unknown:
            typer.echo(f"there is no item {name!r} in collection {collection!r}", err=True)
        # Of an item that is gone files may be left: of a removal that was cut short.
        names = (*found.items, *found.unknown) if files else ()
        count = sum(1 for _ in converted_files(settings.assets, collection, names))
        if found.items or count:
            _ask(f"{_items(found.count)} of collection {collection!r}", files=count, yes=yes)
            removed = remove_items(address, found)
            gone = (
                remove_files(
                    address,
                    settings.assets,
                    collection,
                    converted_files(settings.assets, collection, names),
                )
                if files
                else None
            )
            _tell(_items(removed), gone)
    if found.unknown:
        raise typer.Exit(1)


@app.command("collection")
def whole_collection(
    collection: Annotated[str, typer.Argument(help="Its id.")],
    yes: Yes = False,
    files: Files = False,
) -> None:
    """Remove a collection with all its items."""
    from eotiles.ingest.remove import (  # noqa: PLC0415
        converted_files,
        find_collection,
        remove_collection,
        remove_files,
    )

    settings = Settings()
    with embedded_database(settings):
        address = conninfo(settings, "ingest")
        count = sum(1 for _ in converted_files(settings.assets, collection, None)) if files else 0
        try:
            found = find_collection(address, collection)
        except UnknownCollection:
            if not count:
                raise
            # A removal was cut short: its files are left.
            typer.echo(f"there is no collection {collection!r} any more", err=True)
            _ask("what is left of it", files=count, yes=yes)
        else:
            what = f"collection {collection!r} with {_items(found.count)}"
            _ask(what, files=count, yes=yes)
            remove_collection(address, collection)
            _tell(what, None)
        if files:
            gone = remove_files(
                address,
                settings.assets,
                collection,
                converted_files(settings.assets, collection, None),
            )
            _tell("", gone)


def _ask(what: str, *, files: int, yes: bool) -> None:
    if not yes:
        more = f", and up to {files} converted files" if files else ""
        typer.confirm(f"Remove {what}{more}?", abort=True)


def _tell(what: str, files: int | None) -> None:
    if what:
        typer.echo(f"{what} removed")
    if files is not None:
        typer.echo(f"{files} converted files removed")


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"
