"""Many items in one request: all or none, a reason for each that is wrong, and nothing new when it is sent again."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from eotiles.core.key import hash_token
from eotiles.embedded.cluster import Cluster
from eotiles.http.errors import MOST_REFUSALS
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import COG, count, load, serving, stored_row

pytestmark = pytest.mark.integration

TOKEN = "the-token-of-the-tests"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
BULK, ITEMS = "/collections/bulk/bulk_items", "/collections/bulk/items"


@pytest.fixture(scope="module")
def origin(cluster: Cluster, settings: Settings) -> Iterator[str]:
    allowing = settings.model_copy(update={"ingest_token_sha256": hash_token(TOKEN)})
    with serving(allowing, ["ingest"]) as address:
        yield address


@pytest.fixture
def stac(origin: str, ingest_conninfo: str, admin_conninfo: str) -> Iterator[httpx.Client]:
    """A client with the token; a collection `bulk` that holds the item `one`."""
    load(ingest_conninfo, collections=[builders.collection("bulk")], items=[item("one")])
    with httpx.Client(base_url=f"{origin}/stac", headers=AUTHORISED, timeout=60) as client:
        yield client
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id LIKE 'bulk%'")


def item(name: str, **changes: Any) -> dict[str, Any]:
    return {**builders.item(name, collection="bulk"), **changes}


def titled(name: str, title: str) -> dict[str, Any]:
    return item(name, properties={"datetime": "2020-01-01T00:00:00Z", "title": title})


def bulk(*items: dict[str, Any], method: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"items": {each["id"]: each for each in items}}
    return body | ({} if method is None else {"method": method})


def listed(answer: httpx.Response, status: int) -> dict[str, str]:
    """Reasons by id."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {each["id"]: each["reason"] for each in answer.json()["errors"]}


def test_insert_then_again_then_otherwise(stac: httpx.Client, ingest_conninfo: str) -> None:
    made = bulk(*(titled(f"i{n}", "first") for n in range(30)))
    for stored, same in ((30, 0), (0, 30)):
        answer = stac.post(BULK, json=made)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"received": 30, "success": stored, "skipped": same, "errors": []}
    before = count(ingest_conninfo, "items")
    other = bulk(titled("i3", "second"), titled("i4", "first"), titled("i99", "new"))
    reasons = listed(stac.post(BULK, json=other), 409)
    assert list(reasons) == ["i3"], "i4 is there exactly so"
    assert "exists already" in reasons["i3"]
    assert count(ingest_conninfo, "items") == before
    other["method"] = "upsert"
    for _ in range(2):
        answer = stac.post(BULK, json=other)
        assert answer.json() == {"received": 3, "success": 3, "skipped": 0, "errors": []}
    row = stored_row(ingest_conninfo, "bulk", "i3")
    assert row is not None
    assert row[5]["properties"]["title"] == "second"
    assert count(ingest_conninfo, "items") == before + 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "point": ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]}}, "geometry"),
    "crossed": (
        {
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]],
            }
        },
        "Self-intersection",
    ),
    "open": (
        {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}},
        "same start and end",
    ),
    "empty": ({"geometry": {"type": "Polygon", "coordinates": []}}, "is empty"),
    "far": ({"geometry": {"type": "Point", "coordinates": [10, 91]}}, "latitudes"),
    "text": ({"geometry": {"type": "Point", "coordinates": ["1", 2]}}, "no GeoJSON geometry"),
    "none": ({"geometry": None, "bbox": None}, "no geometry"),
    "backwards": (
        {
            "properties": {
                "datetime": None,
                "start_datetime": "2020-02-01T00:00:00Z",
                "end_datetime": "2020-01-01T00:00:00Z",
            }
        },
        "before it begins",
    ),
    "half": (
        {"properties": {"datetime": None, "start_datetime": "2020-02-01T00:00:00Z"}},
        "end_datetime",
    ),
    "number": ({"properties": {"datetime": 1577836800}}, "RFC 3339"),
    "box": ({"bbox": [0, 5, 1, 1]}, "bbox"),
    "elsewhere": ({"collection": "other"}, "'other'"),
    "kind": ({"type": "Topology"}, "'Feature'"),
    "renamed": ({"id": "another"}, "the address is that of item 'renamed'"),
    "file": ({"assets": {"a": {"href": "/etc/passwd", "type": COG}}}, "asset 'a'"),
    "script": ({"links": [{"rel": "x", "href": "javascript:alert(1)"}]}, "'x'"),
    "version": ({"stac_version": "one"}, "stac_version"),
}


def test_every_wrong_item_is_named_with_its_reason(
    stac: httpx.Client, ingest_conninfo: str
) -> None:
    before = count(ingest_conninfo, "items")
    good = [item(f"good{n}") for n in range(20)]
    wrong = {name: {**item(name), **changes} for name, (changes, _) in WRONG.items()}
    body = {"items": {**{each["id"]: each for each in good}, **wrong, "x" * 300: item("x" * 300)}}
    for method in ("insert", "upsert"):
        answer = stac.post(BULK, json={**body, "method": method})
        reasons = listed(answer, 400)
        assert answer.json()["refused"] == len(WRONG) + 1
        assert f"{len(WRONG) + 1} of {len(WRONG) + 21} items" in answer.json()["detail"]
        for name, (changes, sentence) in WRONG.items():
            assert sentence in reasons[changes.get("id", name)], (name, reasons)
        assert any(name.startswith("xxx") and "'xxx" in why for name, why in reasons.items())
        assert "/etc/passwd" not in answer.text
    assert count(ingest_conninfo, "items") == before
    features = {"type": "FeatureCollection", "features": [*good, *wrong.values()]}
    reasons = listed(stac.post(ITEMS, json=features), 400)
    assert len(reasons) == len(WRONG) - 1, "without an address of its own no item is renamed"
    assert count(ingest_conninfo, "items") == before


def test_a_file_that_may_not_be_opened_is_a_status_of_its_own(stac: httpx.Client) -> None:
    files = [item(f"f{n}", assets={"a": {"href": "/etc/passwd", "type": COG}}) for n in range(3)]
    assert len(listed(stac.post(BULK, json=bulk(*files, item("good"))), 422)) == 3


def test_the_list_is_bounded(stac: httpx.Client) -> None:
    answer = stac.post(BULK, json=bulk(*(item(f"w{n}", geometry=None) for n in range(300))))
    assert len(listed(answer, 400)) == MOST_REFUSALS
    assert answer.json()["refused"] == 300
    assert len(answer.content) < 100_000


def test_twice_in_one_request(stac: httpx.Client, ingest_conninfo: str) -> None:
    before = count(ingest_conninfo, "items")
    features = {"type": "FeatureCollection", "features": [item("a"), item("b"), item("a")]}
    assert listed(stac.post(ITEMS, json=features), 400) == {"a": "item 'a' is there 2 times"}
    text = json.dumps(item("a"))
    body = f'{{"items": {{"a": {text}, "a": {text}}}}}'
    answer = stac.post(BULK, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert "'a'" in answer.json()["detail"]
    assert count(ingest_conninfo, "items") == before


def test_a_collection_of_items_names_all_that_exist(stac: httpx.Client) -> None:
    features = {"type": "FeatureCollection", "features": [item(name) for name in "abc"]}
    assert stac.post(ITEMS, json=features).status_code == 201
    features["features"].append(item("d"))
    assert list(listed(stac.post(ITEMS, json=features), 409)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": {}},
        {"items": []},
        {"items": {"a": 5}},
        {"items": {"a": None}},
        {"items": {"one": {}}, "method": "replace"},
        {"items": None},
    ],
)
def test_bodies_that_are_none(stac: httpx.Client, body: dict[str, Any]) -> None:
    answer = stac.post(BULK, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_only_the_database_refuses_is_named_too(stac: httpx.Client) -> None:
    """An offset from UTC that Python reads and PostgreSQL does not."""
    wrong = item("zone", properties={"datetime": "2020-01-01T00:00:00+23:59"})
    reasons = listed(stac.post(BULK, json=bulk(item("a"), wrong, item("b"))), 400)
    assert list(reasons) == ["zone"]


def test_an_unknown_collection(stac: httpx.Client) -> None:
    answer = stac.post(
        "/collections/bulk-none/bulk_items",
        json={"items": {"a": builders.item("a", collection="bulk-none")}},
    )
    assert answer.status_code == 404
    assert "'bulk-none'" in answer.json()["detail"]


def test_integers_beyond_64_bits(stac: httpx.Client, ingest_conninfo: str) -> None:
    large = item("large", properties={"datetime": "2020-01-01T00:00:00Z", "n": 2**70})
    assert stac.post(BULK, json=bulk(large)).status_code == 200
    row = stored_row(ingest_conninfo, "bulk", "large")
    assert row is not None
    assert row[5]["properties"]["n"] == 2**70


def test_a_thousand_and_one(stac: httpx.Client, ingest_conninfo: str) -> None:
    before = count(ingest_conninfo, "items")
    thousand = [item(f"t{n}") for n in range(1000)]
    assert stac.post(BULK, json=bulk(*thousand)).json()["success"] == 1000
    assert count(ingest_conninfo, "items") == before + 1000
    assert stac.post(BULK, json=bulk(*thousand, item("more"))).status_code == 400


def test_writers_of_the_same_items_end_in_one_of_their_states(
    stac: httpx.Client, origin: str, ingest_conninfo: str
) -> None:
    """Each writes all items under its own title, in an order of its own."""
    statuses: list[int] = []

    def write(title: str, step: int) -> None:
        items = [titled(f"s{n}", title) for n in range(60)][::step]
        url = f"{origin}/stac{BULK}"
        for _ in range(3):
            body = bulk(*items, method="upsert")
            statuses.append(httpx.post(url, json=body, headers=AUTHORISED, timeout=60).status_code)

    writers = [threading.Thread(target=write, args=(f"w{n}", 1 if n % 2 else -1)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert statuses == [200] * 12
    with psycopg.connect(ingest_conninfo) as connection:
        query = (
            "SELECT content->'properties'->>'title', count(*) FROM pgstac.items "
            "WHERE collection = 'bulk' AND id LIKE 's%' GROUP BY 1"
        )
        assert [row[1] for row in connection.execute(query)] == [60]


def test_patches_of_one_item_at_once_all_count(stac: httpx.Client, origin: str) -> None:
    url = f"{origin}/stac{ITEMS}/one"

    def patch(n: int) -> None:
        body = {"properties": {f"p{n}": n}}
        assert httpx.patch(url, json=body, headers=AUTHORISED, timeout=60).status_code == 200

    threads = [threading.Thread(target=patch, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = stac.patch(f"{ITEMS}/one", json={})
    assert {f"p{n}" for n in range(8)} <= set(answer.json()["properties"])


def test_a_client_that_leaves_leaves_nothing_half(
    stac: httpx.Client, origin: str, ingest_conninfo: str
) -> None:
    address = urlsplit(origin)
    body = json.dumps(bulk(*(item(f"left{n}") for n in range(300)))).encode()
    head = (
        f"POST /stac{BULK} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    before = count(ingest_conninfo, "items")
    for share in (0.0, 0.5, 0.999):
        with socket.create_connection((str(address.hostname), address.port or 0)) as wire:
            wire.sendall(head + body[: int(len(body) * share)])
    time.sleep(0.5)
    assert count(ingest_conninfo, "items") == before
    for wait_s in (0.0, 0.02, 0.1):
        with socket.create_connection((str(address.hostname), address.port or 0)) as wire:
            wire.sendall(head + body)
            time.sleep(wait_s)
        deadline = time.monotonic() + 10
        while count(ingest_conninfo, "items") == before and time.monotonic() < deadline:
            time.sleep(0.05)
        # Whoever asks sees none of them or all.
        assert count(ingest_conninfo, "items") in (before, before + 300)
    # It may be sent again, whatever became of it.
    answer = stac.post(BULK, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert count(ingest_conninfo, "items") == before + 300


def test_an_item_that_somebody_else_holds(
    stac: httpx.Client, origin: str, ingest_conninfo: str
) -> None:
    """It is waited for, for 5 s; then 503, and nothing of the request is stored."""
    body = bulk(titled("one", "mine"), item("new"), method="upsert")
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as other:
        for held_s, status in ((1.0, 200), (30.0, 503)):
            other.execute("SELECT upsert_item(%s)", [Jsonb(titled("one", f"held {held_s}"))])
            release = threading.Timer(held_s, other.rollback)
            release.start()
            began = time.monotonic()
            answer = stac.post(BULK, json=body)
            took_s = time.monotonic() - began
            assert httpx.get(f"{origin}/healthz").status_code == 200
            release.cancel()
            assert answer.status_code == status, answer.text
            assert min(held_s, 5) - 0.5 < took_s < 9
            body["items"].pop("new", None)
            body["items"]["newer"] = item("newer")
            other.rollback()
    assert stored_row(ingest_conninfo, "bulk", "new") is not None
    assert stored_row(ingest_conninfo, "bulk", "newer") is None
