"""What `eotiles db migrate` does for searches: indexes on what is asked for most, and how the reading login plans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from eotiles.catalog.migrations import migrate
from eotiles.settings import Settings
from tests.stac_server import collection, load, scene, serving

pytestmark = pytest.mark.integration

COLLECTION = "cloudy"
CLOUDS: list[Any] = [9.5, 10, 100, 2, 0, "7.25", "unknown", None, [3], {"a": 1}, True, "", 1e400]
"""1e400 is written as JSON writes it, which is a number that no float holds."""


def _item(number: int, clouds: Any) -> dict[str, Any]:
    made = scene(f"c{number:02d}", folder=Path("/data"), collection=COLLECTION)
    made["properties"] |= {"eo:cloud_cover": clouds, "grid:code": f"MGRS-{number}"}
    if number == 3:
        made["properties"]["grid:code"] = "x" * 10_000
    return made


@pytest.fixture(scope="module")
def stac(settings: Settings, ingest_conninfo: str) -> Iterator[httpx.Client]:
    load(ingest_conninfo, collections=[collection(COLLECTION)])
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        for number, clouds in enumerate(CLOUDS):
            text = json.dumps(_item(number, clouds)).replace("Infinity", "1e400")
            connection.execute("SELECT upsert_item(%s::text::jsonb)", [text])
    with (
        serving(settings, ["stac"]) as origin,
        httpx.Client(base_url=f"{origin}/stac", timeout=20) as client,
    ):
        yield client


def found(stac: httpx.Client, **search: Any) -> list[str]:
    answer = stac.post("/search", json={"collections": [COLLECTION], "limit": 100, **search})
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["features"]]


def test_clouds_are_sorted_as_numbers_and_what_is_none_comes_last(stac: httpx.Client) -> None:
    sort = [{"field": "properties.eo:cloud_cover", "direction": "asc"}]
    names = found(stac, sortby=sort)
    # 0, 2, [3], "7.25", 9.5, 10, 100; then what is no number.
    assert names[:7] == ["c04", "c03", "c08", "c05", "c00", "c01", "c02"]
    assert set(names[7:]) == {"c06", "c07", "c09", "c10", "c11", "c12"}


def test_odd_clouds_break_no_search(stac: httpx.Client) -> None:
    under = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, 10]}
    assert set(found(stac, filter=under)) == {"c00", "c01", "c03", "c04", "c05", "c08"}
    text = "/search?filter=eo:cloud_cover<2.5&filter-lang=cql2-text&collections=" + COLLECTION
    assert {item["id"] for item in stac.get(text).json()["features"]} == {"c03", "c04"}
    assert set(found(stac, query={"eo:cloud_cover": {"gt": 9.9}})) == {"c01", "c02"}


@pytest.mark.parametrize(
    "text",
    [
        "eo:cloud_cover <= 10",
        "10 >= eo:cloud_cover",
        "eo:cloud_cover BETWEEN 0 AND 10",
        "eo:cloud_cover IN (0, 2, 7.25, 9.5, 10, 3)",
        "eo:cloud_cover - 1 <= 9",
        "1 - eo:cloud_cover >= -9",
        "NOT (eo:cloud_cover > 10 OR eo:cloud_cover IS NULL)",
    ],
)
@pytest.mark.parametrize("place", [{}, {"bbox": [-10, -10, 10, 10]}])
def test_a_place_changes_nothing_of_what_a_number_is(
    stac: httpx.Client, text: str, place: dict[str, Any]
) -> None:
    search = {"filter": text, "filter-lang": "cql2-text", **place}
    assert set(found(stac, **search)) == {"c00", "c01", "c03", "c04", "c05", "c08"}


def test_squares_of_any_length_are_found(stac: httpx.Client) -> None:
    for number, code in ((1, "MGRS-1"), (3, "x" * 10_000)):
        equal = {"op": "=", "args": [{"property": "grid:code"}, code]}
        assert found(stac, filter=equal) == [f"c{number:02d}"]
    among = {"op": "in", "args": [{"property": "grid:code"}, ["MGRS-5", "MGRS-2", "none"]]}
    assert set(found(stac, filter=among)) == {"c02", "c05"}


def test_both_can_be_asked_for(stac: httpx.Client) -> None:
    properties = stac.get(f"/collections/{COLLECTION}/queryables").json()["properties"]
    assert properties["eo:cloud_cover"]["type"] == "number"
    assert properties["grid:code"]["type"] == "string"


def _one(conninfo: str, query: str, *values: Any) -> Any:
    with psycopg.connect(conninfo, options="-c search_path=pgstac,public") as connection:
        row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def test_every_partition_has_the_indexes(stac: httpx.Client, admin_conninfo: str) -> None:
    missing = "SELECT count(*) FROM queryable_indexes('items', TRUE)"
    assert _one(admin_conninfo, missing) == 0
    kinds = (
        "SELECT array_agg(DISTINCT amname::text) FROM pg_index JOIN pg_class ON oid = indexrelid "
        "JOIN pg_am ON relam = pg_am.oid WHERE indrelid = partition_oid(%s)"
    )
    key = _one(admin_conninfo, "SELECT key FROM collections WHERE id = %s", COLLECTION)
    assert {"hash", "btree", "gist"} <= set(_one(admin_conninfo, kinds, f"_items_{key}"))


def test_an_entry_of_somebody_else_is_left_alone(admin_conninfo: str) -> None:
    theirs = {"title": "Theirs", "type": "number"}
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        connection.execute("SET search_path TO pgstac, public")
        before = connection.execute(
            "SELECT definition, property_wrapper, property_index_type FROM queryables "
            "WHERE name = 'grid:code'"
        ).fetchone()
        assert before is not None
        try:
            connection.execute("SELECT upsert_queryable('grid:code', %s)", [Jsonb(theirs)])
            migrate(admin_conninfo)
            query = "SELECT definition FROM queryables WHERE name = 'grid:code'"
            assert connection.execute(query.encode()).fetchall() == [(theirs,)]
        finally:
            connection.execute(
                "SELECT upsert_queryable('grid:code', %s, %s, %s)",
                [Jsonb(before[0]), before[1], before[2]],
            )


def test_the_reading_login_plans_for_short_searches(settings: Settings, cluster: Any) -> None:
    conninfo = cluster.conninfo("read")
    for name, value in {
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
        "random_page_cost": "1.1",
        "cpu_operator_cost": "0.0005",
        "cpu_index_tuple_cost": "0.02",
    }.items():
        assert _one(conninfo, f"SHOW {name}") == value
