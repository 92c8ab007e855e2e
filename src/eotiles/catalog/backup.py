"""Backups of a catalogue and what is made of them: the schema of pgSTAC with collections, items and searches."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eotiles.catalog.archive import SCHEMA, Contents, complaint, read_contents, restore_script
from eotiles.catalog.migrations import installed_version
from eotiles.core.errors import SetupError
from eotiles.core.sql import read_sql

# However long it takes: the limits of eotiles_ingest, whose login an external database may be given, are for requests.
_SESSION = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=60000"


def backup(conninfo: str, file: Path, *, tools: Path) -> Contents:
    """Write the catalogue, as it is at one moment, into a new file. It is read back before it gets its name.

    Others read and write meanwhile. `tools` is the folder of PostgreSQL's client programs.

    Raises:
        SetupError: the file exists, the database cannot be reached or read, or what was written is not what it holds.
    """
    if file.exists():
        raise SetupError(f"{file} exists already; a backup goes into a new file")
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        draft.unlink(missing_ok=True)  # of a killed run
        # Nobody else may read it, whatever the umask: a catalogue may be private. Nor is it somebody's link elsewhere.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise SetupError(f"{file} cannot be written ({error.strerror})") from error
    try:
        with _snapshot(conninfo) as (snapshot, held):
            _run(
                conninfo,
                str(tools / "pg_dump"),
                *("--format=custom", f"--schema={SCHEMA}", f"--snapshot={snapshot}"),
                f"--file={draft}",
                doing="the database cannot be read",
            )
        written = read_contents(draft, tools=tools)
        if written != held:
            raise SetupError(
                f"the backup holds {written.count} items and the catalogue {held.count}; is the disk full?"
            )
        with draft.open("rb") as done:
            os.fsync(done.fileno())
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return written


def check_version(contents: Contents, *, ours: str) -> None:
    """Pass a backup that can become a catalogue of this pgSTAC; an older one is migrated.

    Raises:
        SetupError: it was made by a newer pgSTAC.
    """
    if _numbers(contents.pgstac) > _numbers(ours):
        raise SetupError(
            f"the backup was made by pgSTAC {contents.pgstac}, this eotiles has {ours}; take a newer eotiles"
        )


def restore(conninfo: str, archive: Path, contents: Contents, *, tools: Path) -> None:
    """Make the catalogue of a database what a backup holds, in one transaction: all of it or nothing.

    Whatever is in the schema of pgSTAC is replaced. To be migrated afterwards.

    Raises:
        SetupError: the file is damaged, the database refuses it, or has not what the file holds; nothing has changed.
    """
    with tempfile.TemporaryFile() as errors:
        command = [str(tools / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        with subprocess.Popen(
            [*command, "--output=/dev/null", f"--dbname={_without_password(conninfo)}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(conninfo),
        ) as program:
            assert program.stdin is not None
            try:
                for line in _script(archive, contents, tools=tools):
                    program.stdin.write(line)
                program.stdin.close()
            except BrokenPipeError:
                pass  # psql has met an error, and told it
            except BaseException:
                program.kill()  # before it could commit
                raise
            program.wait()
        if program.returncode != 0:
            errors.seek(0)
            raise SetupError(
                f"the backup was not restored, nothing has changed: {complaint(errors.read())}"
            )


def count_contents(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Collection → number of its items."""
    rows = connection.execute(read_sql("items_per_collection")).fetchall()
    return {str(name): int(str(items)) for name, items in rows}


def held(conninfo: str) -> dict[str, int]:
    """What a database holds: collection → number of its items; empty where there is no catalogue.

    Raises:
        SetupError: the database cannot be reached.
    """
    if installed_version(conninfo) is None:
        return {}
    with psycopg.connect(conninfo, options=_SESSION) as connection:
        return count_contents(connection)


def _script(archive: Path, contents: Contents, *, tools: Path) -> Iterator[bytes]:
    yield b"BEGIN;\n"
    yield f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;\n".encode()
    yield from restore_script(archive, tools=tools)
    # pg_restore has ended well: what follows counts what is there, and only then commits.
    yield b"CREATE TEMPORARY TABLE expected (collection text, items bigint) ON COMMIT DROP;\n"
    yield b"COPY pg_temp.expected FROM stdin;\n"
    for name, items in contents.items.items():
        escaped = name.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        yield f"{escaped}\t{items}\n".encode()
    yield b"\\.\n"
    yield read_sql("restored")
    yield b"COMMIT;\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@contextmanager
def _snapshot(conninfo: str) -> Iterator[tuple[str, Contents]]:
    """A snapshot that pg_dump can take as its own, and what the catalogue holds in it."""
    try:
        with psycopg.connect(
            conninfo, options=_SESSION, connect_timeout=5, application_name="eotiles backup"
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            row = connection.execute("SELECT pg_export_snapshot(), pgstac.get_version()").fetchone()
            assert row is not None
            yield str(row[0]), Contents(str(row[1]), count_contents(connection))
    except psycopg.errors.InvalidSchemaName as error:
        raise SetupError("the database holds no catalogue") from error
    except psycopg.Error as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise SetupError(f"the database cannot be read: {reason[0]}") from error


def _run(conninfo: str, *command: str, doing: str) -> None:
    done = subprocess.run(
        [*command, f"--dbname={_without_password(conninfo)}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=_environment(conninfo),
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(f"{doing}: {complaint(done.stderr)}")


def _without_password(conninfo: str) -> str:
    """A connection string that the list of processes may show."""
    parts = conninfo_to_dict(conninfo)
    parts.pop("password", None)
    return make_conninfo("", **parts)


def _environment(conninfo: str) -> dict[str, str]:
    password = conninfo_to_dict(conninfo).get("password")
    # Complaints are read: in English.
    base = {**os.environ, "LC_ALL": "C.UTF-8"}
    return base if password is None else {**base, "PGPASSWORD": str(password)}
