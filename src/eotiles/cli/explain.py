"""`eotiles explain URL`: what a tile would take, from the address of the tile."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from eotiles.core.errors import BadParameter

TIMEOUT_S = 30
_TILE = re.compile(r"(?P<tile>.*/tiles/[^/]+/\d+/\d+/\d+)(?:\.[a-z0-9]+)?")


def explain(
    url: Annotated[
        str,
        typer.Argument(help="Address of a tile (…/tiles/WebMercatorQuad/Z/X/Y.png?index=ndvi)."),
    ],
) -> None:
    """Print what a tile would take: items, bands, reader, blocks, bytes, and what is in memory already."""
    request = urllib.request.Request(explained(url), headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        raise BadParameter(f"{error.code}: {_detail(error)}") from error
    except (OSError, ValueError) as error:
        raise BadParameter(f"{urlsplit(url).netloc or url} does not answer: {error}") from error
    typer.echo(json.dumps(found, indent=2))


def explained(url: str) -> str:
    """The address that explains the tile at `url`.

    Raises:
        BadParameter: it is not the address of a tile.
    """
    parts = urlsplit(url)
    found = _TILE.fullmatch(parts.path)
    if parts.scheme not in ("http", "https") or found is None:
        raise BadParameter("give the address of a tile: http://…/tiles/WebMercatorQuad/Z/X/Y.png?…")
    return urlunsplit(parts._replace(path=f"{found['tile']}/explain"))


def _detail(error: urllib.error.HTTPError) -> str:
    """What the server says in a sentence."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
