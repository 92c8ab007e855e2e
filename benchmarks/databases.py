"""The databases of the search benchmark, kept between runs: stock PostgreSQL twice, and eotiles' embedded one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import archive
import psycopg
import pypgstac
import stock
from psycopg import sql
from stock import Stock

from eotiles.catalog.migrations import migrate
from eotiles.core.role import login
from eotiles.core.sql import read_sql
from eotiles.embedded.account import choose_account, run_as
from eotiles.embedded.binaries import find_binaries, standard_folders
from eotiles.embedded.cluster import Cluster
from eotiles.embedded.configuration import DATABASE, SUPERUSER
from eotiles.embedded.layout import Layout, make_data_folder, make_folders
from eotiles.embedded.process import postmaster


@dataclass(frozen=True)
class Databases:
    """All three, running."""

    stock: Stock
    """As `initdb` makes it."""

    tuned: Stock
    """The same with settings tuned. A server of its own: what one rival reads is not warm for another."""

    data: Path
    """Data folder of eotiles (EOTILES_DATA)."""

    @property
    def our_pid(self) -> int:
        """Of the embedded server."""
        layout = Layout(data=self.data.resolve())
        return postmaster(layout, choose_account(layout.cluster)) or 0


@contextmanager
def databases(cache: Path, items: int) -> Iterator[Databases]:
    """The databases with `items` items, made in `cache` unless they are there, and stopped in the end."""
    cache.mkdir(parents=True, exist_ok=True)
    server, tuned = Stock(cache.resolve() / "stock"), Stock(cache.resolve() / "tuned")
    data = cache.resolve() / "ours"
    _once(server.folder, key=_key(items), make=lambda: _fill(server, items))
    _once(tuned.folder, key=_key(items), make=lambda: server.copy_to(tuned.folder))
    cluster = Cluster(data)
    _once(data, key=_key(items), make=lambda: _take_over(server, cluster, data))
    with ExitStack() as stack:
        stack.callback(cluster.stop)
        cluster.start()
        _migrate_once(cluster, data)
        stack.enter_context(server.running())
        stack.enter_context(tuned.running(stock.TUNED))
        yield Databases(server, tuned, data)


def _key(items: int) -> str:
    """What a database was made from: a few of the rows tell."""
    sample: list[object] = [items, pypgstac.__version__, stock.LOGIN]
    for kind in archive.KINDS:
        sample.append(archive.collection(kind))
        sample += [stock.copied(archive.item(kind, n, of=100), {}) for n in (0, 50, 99)]
    return hashlib.sha256(repr(sample).encode()).hexdigest()


def _once(folder: Path, *, key: str, make: Callable[[], object]) -> None:
    """Make a folder unless it was made completely, from the same."""
    mark = folder.with_name(f"{folder.name}.made")
    if mark.exists() and mark.read_text() == key and folder.exists():
        return
    mark.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    make()
    mark.write_text(key)
    print(f"# {folder} made in {time.monotonic() - began:.0f} s", flush=True)


def _fill(server: Stock, items: int) -> None:
    server.initialise()
    server.fill(items, say=lambda text: print(f"# {text}", flush=True))


def _take_over(server: Stock, cluster: Cluster, data: Path) -> None:
    """The stock cluster's files as the embedded cluster's, with what that has besides: checksums, its logins."""
    layout = Layout(data=data)
    account = choose_account(server.folder)
    make_data_folder(layout)
    make_folders(layout, account)
    subprocess.run(
        ["cp", "-a", "--reflink=auto", str(server.folder), str(layout.cluster)], check=True
    )
    checksums = find_binaries(standard_folders(), major=None).folder / "pg_checksums"
    result = run_as(account, [str(checksums), "--enable", "-D", str(layout.cluster)])
    if result.returncode != 0:
        raise RuntimeError(result.stdout)
    cluster.start()
    try:
        port = int(layout.port.read_text())
        with psycopg.connect(
            host=str(layout.run), port=port, user=SUPERUSER, dbname=DATABASE, autocommit=True
        ) as connection:
            connection.execute(read_sql("embedded"))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(stock.LOGIN)))
            owner = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            connection.execute(
                owner.format(sql.Identifier(DATABASE), sql.Identifier(login("admin")))
            )
    finally:
        cluster.stop()


def _migrate_once(cluster: Cluster, data: Path) -> None:
    """What `eotiles db migrate` does: rights, triggers, indexes."""
    began = time.monotonic()
    migrate(cluster.conninfo("admin"))
    print(f"# eotiles db migrate: {time.monotonic() - began:.1f} s", flush=True)
