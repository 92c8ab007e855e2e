"""`eotiles renders`: what the items of a collection are drawn as."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
import typer

from eotiles.catalog.alike import collection_layers
from eotiles.catalog.guess import guess_renders, is_guess, with_guess, without_render
from eotiles.catalog.layers import declared_layer, declared_layers
from eotiles.cli.serve import embedded_database
from eotiles.core.errors import BadParameter
from eotiles.ingest.renders import change_collection, read_collection
from eotiles.runtime import conninfo
from eotiles.settings import Settings

Json = dict[str, Any]

FILE_MAX_BYTES = 2**20
MOST_RENDERS = 200


def renders(
    collection: Annotated[str, typer.Argument(help="Collection id.")],
    guess: Annotated[
        bool,
        typer.Option(
            "--guess",
            help="Guess renders from up to 24 items, reading pixels where they have no statistics. What a person wrote "
            "or took out stays.",
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --guess: replace what a person wrote, too.")
    ] = False,
    set_file: Annotated[
        Path | None,
        typer.Option(
            "--set",
            metavar="FILE",
            help="Write the renders of a JSON file, {NAME: {title, assets, rescale, …}}; others stay. - reads from "
            "standard input.",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take a render out; it is not guessed again."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print them as JSON, as --set takes them.")
    ] = False,
) -> None:
    """Show, guess or edit what the items of a collection are drawn as (STAC render extension)."""
    if force and not guess:
        raise BadParameter("--force goes with --guess")
    written = {} if set_file is None else read_renders(set_file)
    settings = Settings()
    with embedded_database(settings):
        database = conninfo(settings, "ingest")
        document, sample = read_collection(database, collection)
        guessed = _guess(document, sample, settings) if guess else {}

        def change(stored: Json) -> Json:
            for name in remove or ():
                stored = without_render(stored, name)
            if written:
                stored = {**stored, "renders": {**(stored.get("renders") or {}), **written}}
            return with_guess(stored, guessed, force=force) if guess else stored

        if guess or written or remove:
            document = change_collection(database, collection, change)
    found = document.get("renders") or {}
    if show:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    order = [layer.name for layer in declared_layers(found)]
    for name in [*order, *sorted(found.keys() - set(order))]:
        layer = declared_layer(name, found[name])
        whose = "guessed" if is_guess(document, name) else "written"
        how = urlencode(layer.query, safe=",|=") if layer is not None else "cannot be drawn"
        typer.echo(f"{name}  ({whose})  {how[:200]}")
    if not found:
        names = ", ".join(layer.name for layer in collection_layers(document)) or "nothing"
        typer.echo(f"{collection} has no renders; maps are offered {names}", err=True)


def read_renders(path: Path) -> Json:
    """The renders of a file.

    Raises:
        BadParameter: it cannot be read, or one of them cannot be drawn.
    """
    try:
        if str(path) == "-":
            text = sys.stdin.read(FILE_MAX_BYTES + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(FILE_MAX_BYTES + 1)
        found = json.loads(text) if len(text) <= FILE_MAX_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise BadParameter(f"{path} cannot be read as JSON: {error}") from error
    if isinstance(found, dict) and isinstance(found.get("renders"), dict):
        found = found["renders"]  # a whole collection
    if not isinstance(found, dict) or not 0 < len(found) <= MOST_RENDERS:
        raise BadParameter(f"{path} holds no object of 1 to {MOST_RENDERS} renders by name")
    for name, render in found.items():
        check_render(name, render)
    return found


def check_render(name: str, render: Any) -> None:
    """Pass a render that the raster API can draw.

    Raises:
        BadParameter: it cannot.
    """
    # TiTiler and GDAL are loaded when a file is checked, not by every command.
    from eotiles.http.tiles.query import parse_query  # noqa: PLC0415

    if not 0 < len(name) <= 100 or not name.isprintable():
        raise BadParameter(f"render {name[:40]!r}: a name has 1 to 100 characters")
    layer = declared_layer(name, render)
    if layer is None:
        raise BadParameter(
            f"render {name!r} names nothing to draw: it needs assets, a list of keys"
        )
    if parse_query("item", urlencode(layer.query)) is None:
        raise BadParameter(
            f"render {name!r} cannot be drawn: one of its fields has a value that the raster API does not take "
            f"({urlencode(layer.query, safe=',|=')[:200]})"
        )


def _guess(document: Json, sample: list[Json], settings: Settings) -> Json:
    """Guesses for the collection; what cannot be read is told and left out."""
    # They bring GDAL and Numba: `eotiles renders --show` answers without.
    from eotiles.http.raster import make_library  # noqa: PLC0415
    from eotiles.http.titiler.drawing import Access  # noqa: PLC0415
    from eotiles.http.titiler.measure import described  # noqa: PLC0415
    from eotiles.read.hrefs import allow_list  # noqa: PLC0415

    if not sample:
        raise BadParameter(f"collection {document['id']!r} has no items to guess from")
    faults: list[str] = []
    with _quiet(), make_library(settings) as library:
        access = Access(
            roots=allow_list(settings.roots), library=library, max_pixels=settings.max_pixels
        )
        told = []
        for item in sample:
            found, wrong = described(item, access)
            told.append(found)
            faults += wrong
    for fault in dict.fromkeys(faults):
        typer.echo(f"note: {fault}", err=True)
    title = document.get("title")
    return guess_renders(told, title=title if title != document["id"] else None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without log lines, which would stand between what is printed: what cannot be read is told as a note."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*event: Any) -> Any:
    raise structlog.DropEvent
