"""kill -9 of everything that belongs to the embedded database."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from eotiles.catalog.migrations import migrate
from eotiles.core.errors import SetupError
from eotiles.embedded.account import choose_account
from eotiles.embedded.cluster import Cluster
from eotiles.embedded.layout import Layout
from eotiles.embedded.process import processes, send

pytestmark = pytest.mark.integration

BATCH = 20


def _layout(cluster: Cluster) -> Layout:
    return Layout(data=cluster.status().data)


def _processes(cluster: Cluster) -> set[int]:
    layout = _layout(cluster)
    return processes(layout, choose_account(layout.cluster))


def _kill_all(cluster: Cluster) -> None:
    for pid in _processes(cluster):
        send(pid, signal.SIGKILL)


def _kill_postmaster(cluster: Cluster) -> None:
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def _kill_a_backend(cluster: Cluster) -> None:
    with psycopg.connect(cluster.conninfo("admin")) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE usename = 'eotiles_ingest' LIMIT 1"
        row = connection.execute(query).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGKILL)


def _item(number: int) -> dict[str, object]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"item-{number}",
        "collection": "kills",
        "geometry": {"type": "Point", "coordinates": [number % 180, number % 90]},
        "bbox": [number % 180, number % 90, number % 180, number % 90],
        "properties": {"datetime": f"2024-{number % 12 + 1:02}-01T00:00:00Z"},
        "links": [],
        "assets": {},
    }


def _collection() -> dict[str, object]:
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": "kills",
        "description": "Written while the database is killed.",
        "license": "other",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[None, None]]},
        },
    }


@pytest.fixture(scope="module")
def filled(own_cluster: Cluster) -> Cluster:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    with psycopg.connect(own_cluster.conninfo("ingest")) as connection:
        connection.execute("SELECT pgstac.create_collection(%s)", [Jsonb(_collection())])
    return own_cluster


def _write_until_killed(conninfo: str, first: int, acknowledged: list[int]) -> None:
    """Write batches of items, noting the first number of each batch that PostgreSQL has acknowledged."""
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for start in range(first, first + 1_000_000, BATCH):
                items = [_item(number) for number in range(start, start + BATCH)]
                connection.execute("SELECT pgstac.upsert_items(%s)", [Jsonb(items)])
                acknowledged.append(start)
    except psycopg.OperationalError:
        return


@pytest.mark.parametrize("kill", [_kill_all, _kill_postmaster, _kill_a_backend])
def test_nothing_acknowledged_is_lost_and_no_batch_is_torn(
    filled: Cluster, kill: Callable[[Cluster], None]
) -> None:
    filled.start()
    with psycopg.connect(filled.conninfo("ingest")) as connection:
        connection.execute("DELETE FROM pgstac.items")
    written: list[list[int]] = [[], []]
    writers = [
        threading.Thread(
            target=_write_until_killed, args=(filled.conninfo("ingest"), part * 10_000_000, batches)
        )
        for part, batches in enumerate(written)
    ]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 20
    while sum(map(len, written)) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    kill(filled)
    for writer in writers:
        writer.join(timeout=20)
        assert not writer.is_alive()
    filled.start()
    acknowledged = [start for batches in written for start in batches]
    assert len(acknowledged) >= 6
    with psycopg.connect(filled.conninfo("read")) as connection:
        rows = connection.execute("SELECT substr(id, 6)::int FROM pgstac.items").fetchall()
    found = {row[0] for row in rows}
    for start in acknowledged:
        assert found.issuperset(range(start, start + BATCH)), f"batch {start} was lost"
    for number in found:
        start = number - number % BATCH
        assert found.issuperset(range(start, start + BATCH)), f"batch {start} is torn"


def _compute(conninfo: str, ended: list[str]) -> None:
    """Keep a backend busy for about a minute with a computation, in which it does not notice that its server died."""
    sum_of_hashes = "SELECT sum(length(md5(n::text))) FROM generate_series(1, 1000000000) n"
    try:
        with psycopg.connect(conninfo) as connection:
            connection.execute(sum_of_hashes)
        ended.append("by itself")
    except psycopg.OperationalError:
        ended.append("killed")


def test_a_backend_that_outlives_its_server_is_ended(filled: Cluster) -> None:
    filled.start()
    ended: list[str] = []
    busy = threading.Thread(target=_compute, args=(filled.conninfo("admin"), ended))
    busy.start()
    time.sleep(0.5)
    before = _processes(filled)
    _kill_postmaster(filled)
    time.sleep(0.5)
    assert _processes(filled), "the computing backend should have outlived the server"
    filled.start()
    busy.join(timeout=10)
    assert ended == ["killed"]
    assert not before & _processes(filled)


def test_the_server_outlives_the_process_that_started_it(filled: Cluster) -> None:
    filled.stop()
    data = filled.status().data
    start = f"""
import os, signal
from pathlib import Path
from eotiles.embedded.cluster import Cluster
Cluster(Path({str(data)!r})).start()
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", start], check=False)
    assert ended.returncode == -signal.SIGKILL
    before = filled.status()
    assert before.running
    filled.start()
    assert filled.status().pid == before.pid


def _start_and_migrate(data: Path) -> None:
    cluster = Cluster(data)
    cluster.start()
    migrate(cluster.conninfo("admin"))


@pytest.mark.parametrize("after_s", [0.3, 1.0])
def test_a_first_start_that_is_killed_is_made_good_by_the_next(
    filled: Cluster, after_s: float
) -> None:
    fork = multiprocessing.get_context("fork")
    data = filled.status().data.parent / f"killed-{after_s}"
    first = fork.Process(target=_start_and_migrate, args=(data,))
    first.start()
    time.sleep(after_s)
    first.kill()
    first.join()
    cluster = Cluster(data)
    try:
        _start_and_migrate(data)
        with psycopg.connect(cluster.conninfo("read")) as connection:
            assert connection.execute("SELECT pgstac.get_version()").fetchone() == ("0.10.0",)
        left = [entry.name for entry in (data / "postgres").glob("new-*")]
        assert left == []
    finally:
        cluster.reset()


def test_two_starts_at_once_end_in_one_server(filled: Cluster) -> None:
    fork = multiprocessing.get_context("fork")
    data = filled.status().data.parent / "twice"
    both = [fork.Process(target=_start_and_migrate, args=(data,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=60)
    cluster = Cluster(data)
    try:
        assert [process.exitcode for process in both] == [0, 0]
        assert cluster.status().running
        with psycopg.connect(cluster.conninfo("read")) as connection:
            assert connection.execute("SELECT pgstac.get_version()").fetchone() == ("0.10.0",)
    finally:
        cluster.reset()


def test_a_stale_pid_file_that_names_another_process(filled: Cluster) -> None:
    filled.start()
    filled.stop()
    layout = _layout(filled)
    account = choose_account(layout.cluster)
    root = os.geteuid() == 0
    # Of the same account: PostgreSQL itself would take it for a server that runs.
    with subprocess.Popen(
        ["sleep", "60"],
        user=account.uid if root else None,
        group=account.gid if root else None,
        cwd="/",
    ) as stranger:
        stale = f"{stranger.pid}\n{layout.cluster}\n1700000000\n5432\n{layout.run}\n127.0.0.1\n1 1\nready\n"
        (layout.cluster / "postmaster.pid").write_text(stale)
        assert not filled.status().running
        filled.stop()
        (layout.cluster / "postmaster.pid").write_text(stale)
        filled.start()
        assert filled.status().running
        assert filled.status().pid != stranger.pid
        assert stranger.poll() is None, "a process of somebody else was ended"
        stranger.kill()


def test_a_start_while_it_stops_starts_it_again(filled: Cluster) -> None:
    filled.start()
    pid = filled.status().pid
    assert pid is not None
    send(pid, signal.SIGTERM)  # "smart" shutdown: waits for the sessions to end
    filled.start()
    assert filled.status().running
    with psycopg.connect(filled.conninfo("read")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_folder_that_was_renamed_under_its_server_gets_no_second_server(filled: Cluster) -> None:
    filled.start()
    data = filled.status().data
    renamed = data.rename(data.with_name("renamed"))
    try:
        with pytest.raises(SetupError, match="already uses the database of this data folder"):
            Cluster(renamed).start()
    finally:
        renamed.rename(data)
    with psycopg.connect(filled.conninfo("read")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_symbolic_link_is_the_same_cluster(filled: Cluster) -> None:
    filled.start()
    link = filled.status().data.with_name("link")
    link.symlink_to(filled.status().data)
    again = Cluster(link)
    again.start()
    assert again.status().pid == filled.status().pid
