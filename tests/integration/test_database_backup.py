"""`eotiles db backup` and `restore`: what is in the file, what comes back, and that nothing is ever half done."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner

from eotiles.catalog.archive import Contents, read_contents
from eotiles.catalog.backup import restore as restore_backup
from eotiles.catalog.migrations import migrate
from eotiles.cli import db
from eotiles.core.errors import EotilesError, SetupError
from eotiles.embedded.binaries import find_tools, standard_folders
from eotiles.embedded.cluster import Cluster
from eotiles.embedded.layout import Layout
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import load, serving

pytestmark = pytest.mark.integration

BATCH = 20
ODD = "odd-'\"\\n-ünï"
"""A collection whose name needs escaping in the file."""

Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def cluster(own_cluster: Cluster) -> Cluster:
    """A catalogue of three collections, one in yearly partitions and one without items, and a registered search."""
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    fill(own_cluster)
    migrate(own_cluster.conninfo("admin"))  # takes back what pgSTAC grants with each new partition
    return own_cluster


@pytest.fixture(scope="module")
def file(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    made = tmp_path_factory.mktemp("backup") / "catalogue.backup"
    assert "35 items of 3 collections" in run(cluster, "backup", str(made))
    return made


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Cluster]:
    """Another data folder, whose database was never started."""
    data = cluster.status().data.with_name("restored")
    other = Cluster(data)
    yield other
    other.reset()


def fill(cluster: Cluster) -> None:
    items = [
        builders.item(f"i{n}", collection="years", datetime=f"20{10 + n}-02-03T00:00:00Z")
        for n in range(15)
    ]
    items[0]["properties"]["text"] = "a\ttab, a \\ backslash,\na line, ☃ and \\. alone"
    items += [builders.item(f"j{n}", collection=ODD) for n in range(20)]
    collections = [builders.collection(name) for name in ("years", ODD, "none")]
    with psycopg.connect(cluster.conninfo("admin")) as connection:
        connection.execute("DELETE FROM pgstac.collections")
    load(cluster.conninfo("ingest"), collections=collections)
    with psycopg.connect(cluster.conninfo("admin")) as connection:
        connection.execute("UPDATE pgstac.collections SET partition_trunc='year' WHERE id='years'")
    load(cluster.conninfo("ingest"), items=items)
    with psycopg.connect(cluster.conninfo("read")) as connection:
        connection.execute("SET LOCAL pgstac.readonly = false")
        query = "SELECT * FROM pgstac.search_query(%s, _metadata => %s)"
        connection.execute(query, [Jsonb({"collections": ["years"]}), Jsonb({"name": "mine"})])


def run(cluster: Cluster, *arguments: str, **environment: str) -> str:
    """`eotiles db …` with the data folder of a cluster; what it prints."""
    variables = {"EOTILES_DATA": str(cluster.status().data), **environment}
    result = CliRunner().invoke(db.app, list(arguments), env=variables)
    if isinstance(result.exception, EotilesError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def state(conninfo: str) -> dict[str, Rows]:
    """Everything that a backup is about."""
    queries = {
        "items": "SELECT collection, id, datetime, end_datetime, ST_AsEWKT(geometry), content FROM items ORDER BY 1, 2",
        "collections": "SELECT id, content, partition_trunc FROM collections ORDER BY 1",
        "searches": "SELECT hash, search, metadata FROM searches ORDER BY 1",
        "partitions": "SELECT partition, collection, partition_dtrange::text FROM partitions_view ORDER BY 1",
        "queryables": "SELECT name, definition FROM queryables ORDER BY 1",
        "triggers": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
        "owners": "SELECT relname, relowner::regrole::text, relacl::text FROM pg_class "
        "WHERE relnamespace = 'pgstac'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') ORDER BY 1",
    }
    with psycopg.connect(conninfo, options="-c search_path=pgstac,public") as connection:
        return {
            name: connection.execute(query.encode()).fetchall() for name, query in queries.items()
        }


def test_the_file_is_its_owners_alone_and_a_plain_one_of_pg_dump(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes()[:5] == b"PGDMP"
    assert [entry.name for entry in file.parent.iterdir()] == [file.name], "no draft is left"
    contents = read_contents(file, tools=find_tools(standard_folders(), server=15))
    assert contents == Contents("0.10.0", {"years": 15, ODD: 20, "none": 0})


def test_into_an_empty_database(cluster: Cluster, empty: Cluster, file: Path) -> None:
    """Rows, partitions, triggers, owners and rights are the same; rights are used, too."""
    assert "35 items of 3 collections" in run(empty, "restore", str(file))
    assert not empty.status().running, "it did not run before"
    empty.start()
    before, after = state(cluster.conninfo("admin")), state(empty.conninfo("admin"))
    for name in before:
        assert after[name] == before[name], name
    with psycopg.connect(empty.conninfo("read")) as connection:
        found = connection.execute('SELECT pgstac.search(\'{"ids": ["i0"]}\')').fetchone()
        assert found is not None
        assert found[0]["features"][0]["properties"]["text"].startswith("a\ttab")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM pgstac.items")
    # A new year is a new partition: made with the rights of pgstac_admin.
    new = builders.item("new", collection="years", datetime="2031-01-01T00:00:00Z")
    with psycopg.connect(empty.conninfo("read"), autocommit=True) as listening:
        listening.execute("LISTEN eotiles_changes")
        load(empty.conninfo("ingest"), items=[new])
        assert [told.payload for told in listening.notifies(timeout=2, stop_after=1)] == ["years"]


def test_a_link_in_the_place_of_the_draft_is_not_followed(cluster: Cluster, tmp_path: Path) -> None:
    other, new = tmp_path / "somebody-elses", tmp_path / "new.backup"
    other.write_text("mine")
    (tmp_path / f".{new.name}.{os.getpid()}.part").symlink_to(other)
    run(cluster, "backup", str(new))
    assert other.read_text() == "mine"
    assert not new.is_symlink()
    assert new.stat().st_mode & 0o777 == 0o600


def test_what_there_is_is_not_replaced_unasked(cluster: Cluster, file: Path) -> None:
    before = state(cluster.conninfo("admin"))
    with pytest.raises(SetupError, match=r"holds 35 items of 3 collections.*--replace"):
        run(cluster, "restore", str(file))
    with pytest.raises(SetupError, match="exists already"):
        run(cluster, "backup", str(file))
    assert state(cluster.conninfo("admin")) == before


def test_replacing_while_it_serves(cluster: Cluster, file: Path) -> None:
    """Whoever asks meanwhile gets the old catalogue, then the new one, and a 503 at worst in between."""
    before = state(cluster.conninfo("admin"))
    load(cluster.conninfo("ingest"), items=[builders.item("later", collection="none")])
    settings = Settings(_env_file=None, data=cluster.status().data)
    seen: list[tuple[int, bool]] = []
    over = threading.Event()
    with serving(settings, ["stac"]) as origin, httpx.Client(timeout=20) as http:

        def ask() -> None:
            while not over.is_set():
                answer = http.get(f"{origin}/stac/collections/none/items/later")
                seen.append((answer.status_code, over.is_set()))

        asking = threading.Thread(target=ask)
        asking.start()
        run(cluster, "restore", "--replace", str(file))
        time.sleep(0.5)
        over.set()
        asking.join()
        assert http.get(f"{origin}/stac/collections/years/items/i0").status_code == 200
    statuses = [status for status, _ in seen]
    assert set(statuses) <= {200, 404, 503}
    assert statuses[0] == 200
    assert statuses[-1] == 404
    assert statuses == sorted(statuses, key=[200, 503, 404].index), "never back to the old one"
    assert state(cluster.conninfo("admin")) == before


def test_a_backup_while_others_write_holds_whole_batches(cluster: Cluster, tmp_path: Path) -> None:
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(cluster.conninfo("ingest"), autocommit=True) as connection:
            start = 0
            while not over.is_set():
                items = [builders.item(f"w{start + n}", collection="none") for n in range(BATCH)]
                connection.execute("SELECT pgstac.create_items(%s)", [Jsonb(items)])
                start += BATCH

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.3)
        run(cluster, "backup", str(tmp_path / "busy"))
    finally:
        over.set()
        writer.join()
    contents = read_contents(tmp_path / "busy", tools=find_tools(standard_folders(), server=15))
    assert contents.items["none"] > 0
    assert contents.items["none"] % BATCH == 0
    with psycopg.connect(cluster.conninfo("ingest")) as connection:
        connection.execute("DELETE FROM pgstac.items WHERE collection = 'none'")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_damaged_file_changes_nothing(
    cluster: Cluster, file: Path, tmp_path: Path, share: float
) -> None:
    before = state(cluster.conninfo("admin"))
    content = file.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SetupError, match="cut "):
        run(cluster, "restore", "--replace", str(cut))
    assert state(cluster.conninfo("admin")) == before
    assert databases(cluster) == ["eotiles"]


def test_files_that_are_no_backup(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no file"):
        run(cluster, "restore", str(tmp_path / "none"))
    (tmp_path / "text").write_text("not a backup\n" * 1000)
    with pytest.raises(SetupError, match="text cannot be read as a backup"):
        run(cluster, "restore", "--replace", str(tmp_path / "text"))
    with pytest.raises(SetupError, match="cannot be written"):
        run(cluster, "backup", str(tmp_path / "none" / "file"))


def test_items_that_do_not_arrive_undo_everything(cluster: Cluster, file: Path) -> None:
    """In the transaction itself, whatever the reason: here the file is said to hold more than it does."""
    before = state(cluster.conninfo("admin"))
    tools = find_tools(standard_folders(), server=15)
    expected = Contents("0.10.0", {"years": 15, ODD: 21, "none": 0})
    with pytest.raises(SetupError, match="would have 20 items instead of 21"):
        restore_backup(superuser(cluster), file, expected, tools=tools)
    assert state(cluster.conninfo("admin")) == before


def test_a_newer_pgstac_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    with psycopg.connect(cluster.conninfo("admin")) as connection:
        connection.execute("INSERT INTO pgstac.migrations (version) VALUES ('0.11.2')")
    try:
        run(cluster, "backup", str(tmp_path / "newer"))
    finally:
        with psycopg.connect(cluster.conninfo("admin")) as connection:
            connection.execute("DELETE FROM pgstac.migrations WHERE version = '0.11.2'")
    with pytest.raises(SetupError, match=r"made by pgSTAC 0\.11\.2, this eotiles has 0\.10\.0"):
        run(cluster, "restore", "--replace", str(tmp_path / "newer"))


def test_an_external_database(cluster: Cluster, file: Path, tmp_path: Path) -> None:
    """In place, in one transaction. Another database of the cluster stands for one that is not ours."""
    with external(cluster) as url:
        env = {"EOTILES_DATABASE_URL": url}
        assert "35 items" in run(cluster, "restore", str(file), **env)
        before, after = state(cluster.conninfo("admin")), state(url)
        assert {name: after[name] for name in ("items", "collections", "searches")} == {
            name: before[name] for name in ("items", "collections", "searches")
        }
        load(url, items=[builders.item("later", collection="none")])
        with pytest.raises(SetupError, match="--replace"):
            run(cluster, "restore", str(file), **env)
        cut = tmp_path / "cut"
        cut.write_bytes(file.read_bytes()[:-2000])
        with pytest.raises(SetupError, match="cut "):
            run(cluster, "restore", "--replace", str(cut), **env)
        assert len(state(url)["items"]) == 36
        run(cluster, "restore", "--replace", str(file), **env)
        assert state(url)["items"] == before["items"]
        assert "35 items" in run(cluster, "backup", str(tmp_path / "again"), **env)


@pytest.mark.parametrize("after_s", [0.9, 1.6, 2.4])
def test_kill_9_of_a_restore(cluster: Cluster, file: Path, after_s: float) -> None:
    """What is there is the old catalogue or the new one, and the next restore works."""
    load(cluster.conninfo("ingest"), items=[builders.item("later", collection="none")])
    data = str(cluster.status().data)
    process = subprocess.Popen(
        [sys.executable, "-m", "eotiles", "db", "restore", "--replace", str(file)],
        env={**os.environ, "EOTILES_DATA": data},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    cluster.start()
    assert len(state(cluster.conninfo("admin"))["items"]) in (35, 36)
    run(cluster, "restore", "--replace", str(file))
    assert len(state(cluster.conninfo("admin"))["items"]) == 35
    assert databases(cluster) == ["eotiles"]


def databases(cluster: Cluster) -> list[str]:
    with psycopg.connect(cluster.conninfo("admin")) as connection:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'eotiles%' ORDER BY 1"
        return [name for (name,) in connection.execute(query)]


def superuser(cluster: Cluster, database: str = "eotiles") -> str:
    run_folder = quote(str(Layout(data=cluster.status().data).run), safe="")
    return f"postgresql://postgres@/{database}?host={run_folder}&port={cluster.status().port}"


@contextmanager
def external(cluster: Cluster) -> Iterator[str]:
    """URI of an empty database that its superuser reaches."""
    with psycopg.connect(superuser(cluster, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE theirs")
        try:
            yield superuser(cluster, "theirs")
        finally:
            connection.execute("DROP DATABASE theirs WITH (FORCE)")
