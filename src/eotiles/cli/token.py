"""`eotiles token`: a new token for writing over HTTP."""

from __future__ import annotations

import hashlib
import secrets

import typer


def token() -> None:
    """Make a token that may write under /stac, and its hash for the server's settings.

    The server keeps only the hash; who writes sends the token: `Authorization: Bearer TOKEN`.
    """
    made = secrets.token_urlsafe(32)
    typer.echo(f"token (for who writes; it is not shown again):\n  {made}")
    typer.echo(
        f"for the server:\n  EOTILES_INGEST_TOKEN_SHA256={hashlib.sha256(made.encode()).hexdigest()}"
    )
