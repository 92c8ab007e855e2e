"""The STAC API and its database: what it writes there (nothing), what the environment can open (nothing), and what
happens while it is down."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from eotiles.catalog.aggregations import AGGREGATIONS
from eotiles.catalog.migrations import migrate
from eotiles.embedded.cluster import Cluster
from eotiles.http.stac import create_stac
from eotiles.settings import Settings
from tests.stac_server import collection, count, load, scene, serving

pytestmark = pytest.mark.integration

WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def written(conninfo: str) -> dict[str, tuple[int, ...]]:
    """Table of ours or of pgSTAC → rows inserted, changed, deleted since ever."""
    query = "SELECT schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
    with psycopg.connect(conninfo) as connection:
        return {name: tuple(counts) for name, *counts in connection.execute(query)}


def test_reading_writes_nothing(
    cluster: Cluster, settings: Settings, admin_conninfo: str, ingest_conninfo: str
) -> None:
    """Every route that the service describes, and searches of every kind."""
    item = scene("one", folder=settings.assets, collection="traceless")
    load(ingest_conninfo, collections=[collection("traceless")], items=[item])
    counts = ",".join(AGGREGATIONS)
    with serving(settings, ["stac"]) as origin, httpx.Client(base_url=f"{origin}/stac") as stac:
        before = {table: count(admin_conninfo, table) for table in ("searches", "search_wheres")}
        rows_before = written(admin_conninfo)
        for number in range(3):
            answers = [
                stac.get(f"/search?collections=traceless&limit={number + 1}"),
                stac.get(f"/search?filter=eo:cloud_cover<{number}.5"),
                stac.post(
                    "/search", json={"collections": ["traceless"], "query": {"gsd": {"lt": number}}}
                ),
                stac.post(
                    "/search",
                    json={"conf": {"readonly": "false", "context": "on"}, "ids": [str(number)]},
                ),
                stac.get(f"/collections/traceless/items?bbox=0,0,{number + 1},1"),
                stac.get("/collections/traceless/items/one"),
                stac.get(f"/collections?q=word{number}"),
                stac.get(f"/aggregate?aggregations={counts}&bbox=0,0,{number + 1},1"),
                stac.post(
                    "/collections/traceless/aggregate",
                    json={"aggregations": list(AGGREGATIONS), "conf": {"readonly": False}},
                ),
            ]
            assert [answer.status_code for answer in answers] == [200] * len(answers)
        for path, operations in stac.get("/api").json()["paths"].items():
            asked = path.format(collection_id="traceless", item_id="one")
            for method in operations:
                body = {} if method == "post" else None
                assert stac.request(method.upper(), asked, json=body).status_code == 200, asked
    # The server's connections are closed: what they counted is in the statistics.
    assert {table: count(admin_conninfo, table) for table in before} == before
    assert written(admin_conninfo) == rows_before


def test_what_takes_too_long_is_503(settings: Settings, admin_conninfo: str) -> None:
    hasty = Settings(_env_file=None, data=settings.data, statement_timeout_s=0.2)
    with serving(hasty, ["stac"]) as origin, httpx.Client(base_url=f"{origin}/stac") as stac:
        assert stac.get("/search?limit=1").status_code == 200
        with psycopg.connect(admin_conninfo) as blocker:
            blocker.execute("LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE")
            for answer in (
                stac.get("/search?limit=1"),
                stac.post("/search", json={"limit": 1}),
                stac.get("/aggregate?aggregations=total_count"),
                stac.get("/queryables"),
            ):
                assert answer.status_code == 503, answer.text
                assert "took too long" in answer.json()["detail"]
                assert answer.headers["retry-after"]
                assert answer.headers["cache-control"] == "no-store"
                assert answer.elapsed.total_seconds() < 1.0
        assert stac.get("/queryables").status_code == 200


@pytest.mark.parametrize(
    "name", ["ENABLE_TRANSACTIONS_EXTENSIONS", "VALIDATE_EXTENSIONS", "ENABLE_CATALOGS_EXTENSION"]
)
def test_the_environment_opens_no_writes(
    name: str, settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, "TRUE")
    monkeypatch.setenv("ENABLED_EXTENSIONS", "transactions,bulk_transactions")
    monkeypatch.setenv("STAC_FASTAPI_TITLE", "another title")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(f"{name}=TRUE\nCORS_CREDENTIALS=TRUE\n")
    app = create_stac(settings)
    paths = app.openapi()["paths"]
    writing = {
        (path, method.upper())
        for path, operations in paths.items()
        for method in operations
        if method.upper() in WRITES and not path.endswith(("/search", "/aggregate"))
    }
    assert writing == set()
    assert "/search" in paths
    assert app.title == settings.title


def test_a_reader_cannot_write(cluster: Cluster, read_conninfo: str) -> None:
    """What a hole in the service could do at worst."""
    with psycopg.connect(
        read_conninfo, options="-c search_path=pgstac,public", autocommit=True
    ) as connection:
        for statement in (
            'SELECT create_collection(\'{"id": "x"}\'::jsonb)',
            "DELETE FROM pgstac.items",
            "SELECT delete_collection('errors')",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)


def test_it_starts_without_a_database_and_goes_on_when_it_comes_back(own_cluster: Cluster) -> None:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    settings = Settings(_env_file=None, data=own_cluster.status().data, database_wait_s=1.0)
    load(
        own_cluster.conninfo("ingest"),
        collections=[collection("c")],
        items=[scene("one", folder=settings.assets, collection="c")],
    )
    own_cluster.stop()
    with serving(settings) as origin, httpx.Client(base_url=f"{origin}/stac", timeout=10) as stac:

        def ask() -> list[httpx.Response]:
            return [
                stac.get("/collections"),
                stac.get("/collections/c/items/one"),
                stac.get("/search?limit=1"),
                stac.post("/search", json={"limit": 1}),
                stac.get("/queryables"),
                stac.get("/collections/c/aggregate?aggregations=total_count"),
                stac.get("/readyz"),
            ]

        def expect_down() -> None:
            started = time.monotonic()
            for answer in ask():
                assert answer.status_code == 503, answer.text
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"]
                assert "database" in answer.json()["detail"]
            assert time.monotonic() - started < 2 * 7
            assert stac.get("/healthz").status_code == 200
            assert stac.get("/").status_code == 200, "the landing page needs no database"
            health = stac.get("/_mgmt/health")
            assert (health.status_code, health.json()["status"]) == (503, "DOWN")

        def expect_up() -> None:
            # At once: no pause, no restart. (One broken connection may be met first.)
            deadline = time.monotonic() + 5
            while stac.get("/collections").status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert [answer.status_code for answer in ask()] == [200] * 7

        expect_down()
        own_cluster.start()
        expect_up()
        own_cluster.stop()
        started = time.monotonic()
        assert stac.get("/search?limit=1").status_code == 503
        assert time.monotonic() - started < 2
        expect_down()
        own_cluster.start()
        expect_up()


def test_nobody_waits_long_for_a_connection(settings: Settings, admin_conninfo: str) -> None:
    """While a search holds the only connection, others get a 503 after the wait that the settings name."""
    small = Settings(_env_file=None, data=settings.data, database_pool_max=1, database_wait_s=0.3)
    blocked = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'eotiles-stac' AND wait_event_type = 'Lock'"
    )
    with (
        serving(small, ["stac"]) as origin,
        psycopg.connect(admin_conninfo, autocommit=True) as watch,
    ):
        assert httpx.get(f"{origin}/stac/collections").status_code == 200
        with psycopg.connect(admin_conninfo) as blocker:
            blocker.execute("LOCK TABLE pgstac.collections IN ACCESS EXCLUSIVE MODE")
            slow: list[httpx.Response] = []
            waiting = threading.Thread(
                target=lambda: slow.append(httpx.get(f"{origin}/stac/collections", timeout=20))
            )
            waiting.start()
            while watch.execute(blocked).fetchone() != (1,):
                assert waiting.is_alive()
            refused = httpx.get(f"{origin}/stac/collections")
            assert refused.status_code == 503
            assert "no free connection" in refused.json()["detail"]
            assert refused.elapsed.total_seconds() < 1.0
            waiting.join()
            assert slow[0].status_code == 503, "nor does a search wait for ever for what is locked"
            assert slow[0].elapsed.total_seconds() < 3.0
        assert httpx.get(f"{origin}/stac/collections").status_code == 200
