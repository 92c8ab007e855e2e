"""A PostgreSQL cluster as `initdb` makes it, with pgSTAC and the generated archive in it.

It is filled once and kept. Its data folder is also what the catalogue of eotiles starts from, so that both search the
same rows, in the same order on the disk.
"""

from __future__ import annotations

import secrets
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import archive
import orjson
import psycopg
from hydraters import dehydrate
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate
from server import free_port

from eotiles.embedded.account import Account, choose_account, run_as
from eotiles.embedded.binaries import Binaries, find_binaries, standard_folders
from eotiles.embedded.configuration import DATABASE

FILLING = {
    "fsync": "off",
    "autovacuum": "off",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "1GB",
    "shared_buffers": "1GB",
}
"""PostgreSQL's settings while the archive is loaded, and only then."""

TUNED = {"max_parallel_workers_per_gather": "0", "jit": "off", "random_page_cost": "1.1"}
"""What is worth setting for pgSTAC on an otherwise untouched server."""

LOGIN = "peer"
"""The login of the stock application."""

Say = Callable[[str], None]


class Stock:
    """The cluster in `folder`, whose account PostgreSQL drops to when the benchmark runs as root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._account: Account = choose_account(folder)
        self._binaries: Binaries = find_binaries(standard_folders(), major=None)
        self._port = 0

    @contextmanager
    def running(self, settings: dict[str, str] | None = None) -> Iterator[None]:
        """With the server up; `settings` are PostgreSQL's, for this run."""
        self._port = free_port()
        values = {
            "port": str(self._port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            **(settings or {}),
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in values.items())
        log = str(self.folder / "server.log")
        self._program("pg_ctl", "start", "--silent", "--wait", "--log", log, "-o", options)
        try:
            yield
        finally:
            self._program("pg_ctl", "stop", "--silent", "--mode=fast", "--timeout=600")

    @property
    def pid(self) -> int:
        """Of the server."""
        return int((self.folder / "postmaster.pid").read_text().splitlines()[0])

    def conninfo(self, login: str = "postgres") -> str:
        """URI of a login over loopback."""
        password = _password_file(self.folder).read_text().strip()
        return f"postgresql://{login}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    def initialise(self) -> None:
        """An empty cluster, as `initdb` makes it."""
        self.folder.mkdir(parents=True)
        shutil.chown(self.folder, self._account.uid, self._account.gid)
        self.folder.chmod(0o700)
        password = _password_file(self.folder)
        password.write_text(secrets.token_hex(16))
        shutil.chown(password, self._account.uid, self._account.gid)
        password.chmod(0o600)
        self._program(
            "initdb", "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def fill(self, items: int, *, say: Say) -> None:
        """pgSTAC, the archive, statistics as autovacuum takes them, and a login."""
        with self.running(FILLING):
            with psycopg.connect(
                self.conninfo().replace(f"/{DATABASE}", "/postgres"), autocommit=True
            ) as server:
                server.execute(f"CREATE DATABASE {DATABASE}")
            with (
                ConnectionPool(self.conninfo(), min_size=1, max_size=1, open=True) as pool,
                PgstacDB(pool=pool) as database,
            ):
                Migrate(database).run_migration()
            options = "-c search_path=pgstac,public -c timezone=UTC"
            with psycopg.connect(self.conninfo(), options=options, autocommit=True) as connection:
                for kind in archive.KINDS:
                    count = archive.counts(items)[kind.id]
                    say(f"{kind.id}: {count} items")
                    load(connection, kind, count)
                connection.execute("DELETE FROM searches")
                password = _password_file(self.folder).read_text().strip()
                connection.execute(
                    f"CREATE ROLE {LOGIN} LOGIN IN ROLE pgstac_ingest PASSWORD '{password}'".encode()
                )

    def copy_to(self, folder: Path) -> Stock:
        """The same cluster once more, while this one does not run."""
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.folder), str(folder)], check=True)
        shutil.copy2(_password_file(self.folder), _password_file(folder))
        return Stock(folder)

    def _program(self, name: str, *arguments: str) -> None:
        command = [str(self._binaries.folder / name), "-D", str(self.folder), *arguments]
        result = run_as(self._account, command)
        if result.returncode != 0:
            raise RuntimeError(f"{name}: {result.stdout}")


def load(
    connection: psycopg.Connection[tuple[object, ...]], kind: archive.Kind, count: int
) -> None:
    """A collection with its items, written as `pypgstac load` writes them: dehydrated, into the partition itself."""
    stac = archive.collection(kind)
    connection.execute("SELECT upsert_collection(%s)", [Jsonb(stac)])
    if not count:
        return
    base = {
        "type": "Feature",
        "stac_version": stac["stac_version"],
        "assets": stac["item_assets"],
        "collection": kind.id,
    }
    first, last = archive.item(kind, 0, of=count), archive.item(kind, count - 1, of=count)
    span = [first["properties"]["datetime"], last["properties"]["datetime"]]
    row = connection.execute(
        "SELECT check_partition(%s, tstzrange(%s, %s, '[]'), tstzrange(%s, %s, '[]'))",
        [kind.id, *span, *span],
    ).fetchone()
    partition = str(row[0]) if row else ""
    columns = "id, geometry, collection, datetime, end_datetime, content"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {partition} ({columns}) FROM STDIN".encode()) as copy,
    ):
        for each in archive.items(kind, of=count):
            copy.write_row(copied(each, base))
    connection.execute("SELECT update_partition_stats(%s, false)", [partition])
    connection.execute(f"VACUUM (ANALYZE) {partition}".encode())


def copied(item: archive.Json, base: archive.Json) -> tuple[str, str, str, str, str, str]:
    """The row of an item: id, geometry (EWKB), collection, datetime, end_datetime, content without what `base` says."""
    # A copy of all of it, as dehydrating takes things out of what it is given.
    content = dehydrate(base, orjson.loads(orjson.dumps(item)))
    for column in ("id", "geometry", "collection", "type"):
        content.pop(column, None)
    taken = item["properties"]["datetime"]
    geometry = polygon(item["geometry"]["coordinates"][0])
    return item["id"], geometry, item["collection"], taken, taken, orjson.dumps(content).decode()


def polygon(ring: list[list[float]]) -> str:
    """EWKB of a polygon of one ring in longitude and latitude, as hexadecimal digits."""
    head = struct.pack("<BIIII", 1, 0x20000003, 4326, 1, len(ring))
    return (head + b"".join(struct.pack("<dd", x, y) for x, y in ring)).hex()


def _password_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.password")
