"""Migrating databases: ours again, an older one, one that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from pypgstac.db import PgstacDB
from pypgstac.migrate import Migrate

from eotiles.catalog.logins import set_passwords
from eotiles.catalog.migrations import migrate
from eotiles.core.errors import SetupError
from eotiles.embedded.cluster import Cluster
from eotiles.embedded.layout import Layout
from tests import builders

pytestmark = pytest.mark.integration

RIGHTS = """
SELECT relname::text, relacl::text FROM pg_class WHERE relnamespace = 'pgstac'::regnamespace
UNION ALL SELECT proname::text, proacl::text FROM pg_proc WHERE pronamespace = 'pgstac'::regnamespace
UNION ALL SELECT nspname::text, nspacl::text FROM pg_namespace
UNION ALL SELECT datname::text, datacl::text FROM pg_database
UNION ALL SELECT rolname::text, rolconfig::text FROM pg_roles
UNION ALL SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members
"""


def _superuser(cluster: Cluster, database: str) -> str:
    """URI of the superuser over the socket, as an external database's owner would be given."""
    status = cluster.status()
    run = quote(str(Layout(data=status.data).run), safe="")
    return f"postgresql://postgres@/{database}?host={run}&port={status.port}"


@pytest.fixture(scope="module")
def running(own_cluster: Cluster) -> Iterator[Cluster]:
    own_cluster.start()
    yield own_cluster
    own_cluster.stop()


@pytest.fixture
def other(running: Cluster) -> Iterator[str]:
    """An empty database that is not ours; its owner's URI."""
    with psycopg.connect(_superuser(running, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE other")
        yield _superuser(running, "other")
        connection.execute("DROP DATABASE other WITH (FORCE)")


def _rights(conninfo: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo) as connection:
        return sorted(connection.execute(RIGHTS.encode()).fetchall(), key=str)


def test_repeating_it_changes_nothing(running: Cluster) -> None:
    admin = running.conninfo("admin")
    assert migrate(admin) == "0.10.0"
    before = _rights(admin)
    assert migrate(admin) == "0.10.0"
    assert _rights(admin) == before


def test_an_older_pgstac_is_upgraded_and_its_rights_put_right(other: str) -> None:
    with (
        ConnectionPool(other, min_size=1, max_size=1, open=True) as pool,
        PgstacDB(pool=pool) as old,
    ):
        Migrate(old).run_migration("0.9.9")
    assert migrate(other) == "0.10.0"
    with psycopg.connect(other) as connection:
        row = connection.execute(
            "SELECT pgstac.get_version(), has_schema_privilege('eotiles_ingest', 'pgstac', 'CREATE'),"
            " has_table_privilege('eotiles_read', 'pgstac.searches', 'INSERT'),"
            " has_table_privilege('eotiles_read', 'pgstac.search_wheres', 'INSERT')"
        ).fetchone()
    assert row == ("0.10.0", False, True, False)


TRIGGERS = """
SELECT relname::text, proowner::regrole::text FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE tgname = 'eotiles_changed' ORDER BY relname
"""


def test_changes_are_told_in_a_catalogue_that_has_items_already(other: str) -> None:
    """The partitions that are there get the trigger too, and it is pgSTAC's owner's, whoever migrates."""
    with (
        ConnectionPool(other, min_size=1, max_size=1, open=True) as pool,
        PgstacDB(pool=pool) as old,
    ):
        Migrate(old).run_migration("0.9.9")
    collection, item = builders.collection("old"), builders.item("one", collection="old")
    with psycopg.connect(other, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT create_collection(%s)", [Jsonb(collection)])
        connection.execute("SELECT create_item(%s)", [Jsonb(item)])
    for _ in range(2):
        migrate(other)
        with psycopg.connect(other) as connection:
            found = connection.execute(TRIGGERS.encode()).fetchall()
        assert [name for name, _ in found] == ["_items_1", "collections", "items"]
        assert {owner for _, owner in found} == {"pgstac_admin"}
    with (
        psycopg.connect(other, autocommit=True) as hearing,
        psycopg.connect(other, options="-c search_path=pgstac,public") as writing,
    ):
        hearing.execute("LISTEN eotiles_changes")
        writing.execute("SELECT delete_item('one', 'old')")
        writing.commit()
        told = [notify.payload for notify in hearing.notifies(timeout=5, stop_after=1)]
    assert told == ["old"]


def test_a_pgstac_from_the_future_is_left_alone(other: str) -> None:
    migrate(other)
    with psycopg.connect(other) as connection:
        connection.execute("INSERT INTO pgstac.migrations (version) VALUES ('99.0.0')")
    with pytest.raises(SetupError, match=r"pgSTAC 99\.0\.0"):
        migrate(other)


def test_a_login_without_the_right_is_told_so(other: str, running: Cluster) -> None:
    migrate(running.conninfo("admin"))
    with psycopg.connect(_superuser(running, "postgres"), autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS weak")
        connection.execute("CREATE ROLE weak LOGIN")
    with pytest.raises(SetupError, match="may not migrate"):
        migrate(other.replace("postgres@", "postgres@") + "&options=-c%20role%3Dweak")


def test_no_database_is_a_sentence() -> None:
    with pytest.raises(SetupError, match="cannot be reached"):
        migrate("postgresql://nobody:x@127.0.0.1:9/nothing")
    with pytest.raises(SetupError, match="cannot be set"):
        set_passwords("postgresql://nobody:x@127.0.0.1:9/nothing", {"read": "x"})


def test_passwords_of_an_external_database(running: Cluster) -> None:
    owner = _superuser(running, "eotiles")
    migrate(owner)
    port = running.status().port
    set_passwords(owner, {"read": "new €ecret", "ingest": "other"})
    address = f"host=127.0.0.1 port={port} dbname=eotiles user=eotiles_read"
    with psycopg.connect(address, password="new €ecret") as connection:
        stored = connection.execute("SELECT current_user").fetchone()
    assert stored == ("eotiles_read",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(address, password="other")
    with psycopg.connect(owner) as connection:
        hashes = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname ~ '^eotiles_'"
        ).fetchall()
    assert all(str(row[0]).startswith("SCRAM-SHA-256$") for row in hashes)
    for log in Layout(data=running.status().data).log.glob("*.log"):
        assert "ecret" not in log.read_text()
