"""The SQL files of eotiles: `db/` in a checkout, `eotiles/db/` in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from eotiles.core.errors import SetupError


def read_sql(name: str) -> bytes:
    """The text of `db/<name>.sql`, in UTF-8 as psycopg takes it.

    Raises:
        SetupError: the installation lacks the file.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "db", package.parents[1] / "db"):
        file = folder / f"{name}.sql"
        if file.is_file():
            return file.read_bytes()
    raise SetupError(
        f"this installation of eotiles lacks its SQL file {name}.sql; install it again"
    )
