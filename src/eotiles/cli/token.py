"""`eotiles token`: a new key for writing over HTTP."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from eotiles.core.errors import SetupError
from eotiles.core.key import EVERYTHING, Key, hash_token, parse_keys


def token(
    name: Annotated[
        str | None,
        typer.Option(help="Name of the key, by which the log tells who wrote. Default: made up."),
    ] = None,
    collections: Annotated[
        str,
        typer.Option(
            help="Comma-separated collections that it may write: ids, beginnings of ids with a star (landsat-*), "
            "or * for all."
        ),
    ] = EVERYTHING,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Add the key to this file, which EOTILES_INGEST_TOKEN_SHA256_FILE names; made if missing."
        ),
    ] = None,
) -> None:
    """Make a token that may write under /stac, and its hash for the server.

    The server keeps only the hash; who writes sends the token: `Authorization: Bearer TOKEN`.
    """
    made = secrets.token_urlsafe(32)
    try:
        key = Key(
            name or f"key-{hash_token(made)[:8]}",
            hash_token(made),
            tuple(part.strip() for part in collections.split(",")),
        )
        if file is not None:
            _add(key, file)
    except ValueError as error:
        raise SetupError(str(error)) from error
    typer.echo(f"token of {key.name} (for who writes; it is not shown again):\n  {made}")
    if file is not None:
        typer.echo(f"added to {file}; start the service again to use it")
        return
    typer.echo(
        f"for the server, a line of the file that EOTILES_INGEST_TOKEN_SHA256_FILE names:\n  {key}"
    )
    if key.collections == (EVERYTHING,):
        typer.echo(f"or, without a name:\n  EOTILES_INGEST_TOKEN_SHA256={key.sha256}")


def _add(key: Key, file: Path) -> None:
    """One more line; who is in the file already stays, and a new file is its owner's alone.

    Raises:
        SetupError: the file cannot be read or written.
        ValueError: a key in it is written wrong, or has this name.
    """
    try:
        known = file.read_text() if file.exists() else ""
        text = f"{known}{'' if known.endswith(chr(10)) or not known else chr(10)}{key}\n"
        parse_keys(text.splitlines())
        # Appended in one write: two who add at the same time both end in the file.
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w") as out:
            out.write(text.removeprefix(known))
    except OSError as error:
        raise SetupError(f"{file} cannot be written ({error.strerror})") from error
