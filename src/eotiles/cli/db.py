"""`eotiles db`: the embedded database, and migrating any database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from eotiles.catalog.logins import set_passwords
from eotiles.catalog.migrations import installed_version
from eotiles.catalog.migrations import migrate as migrate_database
from eotiles.cli import backup
from eotiles.core.errors import SetupError
from eotiles.core.role import Role, login
from eotiles.embedded.cluster import Cluster
from eotiles.runtime import conninfo, uses_embedded
from eotiles.settings import Settings

app = typer.Typer(
    help="Start, stop, look at, migrate, back up, restore or delete the database.",
    no_args_is_help=True,
)
app.command()(backup.backup)
app.command()(backup.restore)

_EXTERNAL = "an external database is used (EOTILES_DATABASE_URL or PGHOST is set); eotiles does not {verb} it"
_NOT_RUNNING = 3
"""Exit status of `status`, as service managers have it."""


@app.command()
def start() -> None:
    """Start the embedded database, made and migrated first where needed. It runs until `eotiles db stop`."""
    settings = Settings()
    if not uses_embedded(settings):
        typer.echo(_EXTERNAL.format(verb="start"))
        return
    began = time.perf_counter()
    cluster = Cluster(settings.data)
    if cluster.status().version is None:
        typer.echo(f"making a database in {settings.data} …", err=True)
    cluster.start()
    version = migrate_database(cluster.conninfo("admin"))
    port = cluster.status().port
    took_s = time.perf_counter() - began
    typer.echo(f"database with pgSTAC {version} ready on 127.0.0.1:{port} after {took_s:.1f} s")


@app.command()
def stop() -> None:
    """Stop the embedded database. Nothing is lost."""
    settings = Settings()
    if not uses_embedded(settings):
        typer.echo(_EXTERNAL.format(verb="stop"))
        return
    cluster = Cluster(settings.data)
    running = cluster.status().running
    cluster.stop()
    typer.echo("database stopped" if running else "the database was not running")


@app.command()
def status() -> None:
    """Print how the database is; exit status 3 when the embedded one does not run."""
    settings = Settings()
    if not uses_embedded(settings):
        typer.echo(_EXTERNAL.format(verb="run"))
        _print({"pgSTAC": installed_version(conninfo(settings, "read"))})
        return
    found = Cluster(settings.data).status()
    _print(
        {
            "running": "yes" if found.running else "no",
            "process": found.pid,
            "address": None if found.port is None else f"127.0.0.1:{found.port}",
            "PostgreSQL": found.version,
            "data folder": found.data,
            "size": f"{found.size_bytes / 1e6:.0f} MB",
        }
    )
    if not found.running:
        raise typer.Exit(_NOT_RUNNING)


@app.command()
def migrate() -> None:
    """Bring the database to the pgSTAC of this eotiles, with its roles and rights. Repeating it changes nothing."""
    settings = Settings()
    if uses_embedded(settings) and not Cluster(settings.data).status().running:
        raise SetupError(
            "the embedded database does not run; run: eotiles db start (which migrates too)"
        )
    address = conninfo(settings, "admin")
    version = migrate_database(address)
    typer.echo(f"database has pgSTAC {version}")
    if not uses_embedded(settings):
        passwords = _passwords(settings)
        set_passwords(address, passwords)
        for role in passwords:
            typer.echo(f"password of {login(role)} set")


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the embedded database: all collections, items and registered searches. Converted imagery stays."""
    settings = Settings()
    if not uses_embedded(settings):
        raise SetupError(_EXTERNAL.format(verb="delete"))
    if not yes:
        typer.confirm(f"Delete the database in {settings.data}?", abort=True)
    Cluster(settings.data).reset()
    typer.echo("database deleted")


def _print(rows: Mapping[str, object]) -> None:
    for name, value in rows.items():
        typer.echo(f"{name:<12} {'-' if value is None else value}")


def _passwords(settings: Settings) -> dict[Role, str]:
    """What the logins of an external database shall have as passwords."""
    files: dict[Role, Path | None] = {
        "read": settings.read_password_file,
        "ingest": settings.ingest_password_file,
    }
    return {role: _read_password(role, file) for role, file in files.items() if file is not None}


def _read_password(role: Role, file: Path) -> str:
    name = f"the file of EOTILES_{role.upper()}_PASSWORD_FILE"
    try:
        password = file.read_text().strip()
    except OSError as error:
        raise SetupError(f"{name} cannot be read ({error.strerror})") from error
    if not password:
        raise SetupError(f"{name} is empty")
    return password
