"""Writing over HTTP: who may, what is stored, and what is refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from eotiles.catalog.guess import is_guess, with_guess
from eotiles.catalog.links import WEB_MAP_LINKS
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import COG, RENDERS, collection, count, load, scene, serving, stored_row

pytestmark = pytest.mark.integration

TOKEN = "the-token-of-the-tests"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
WRITES = [
    ("POST", "/collections"),
    ("PUT", "/collections/write"),
    ("PATCH", "/collections/write"),
    ("DELETE", "/collections/write"),
    ("POST", "/collections/write/items"),
    ("PUT", "/collections/write/items/one"),
    ("PATCH", "/collections/write/items/one"),
    ("DELETE", "/collections/write/items/one"),
]


@pytest.fixture(scope="module")
def allowing(settings: Settings) -> Settings:
    return Settings(
        _env_file=None,
        data=settings.data,
        ingest_token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest(),
        asset_roots="https://data.example.org/cogs,/mnt/archive",
    )


@pytest.fixture(scope="module")
def origin(cluster: Cluster, allowing: Settings) -> Iterator[str]:
    with serving(allowing) as address:
        yield address


@pytest.fixture
def stac(
    origin: str, settings: Settings, ingest_conninfo: str, admin_conninfo: str
) -> Iterator[httpx.Client]:
    """A client with the token; a collection `write` that holds the item `one`."""
    load(
        ingest_conninfo,
        collections=[collection("write", renders=RENDERS)],
        items=[scene("one", folder=settings.assets, collection="write")],
    )
    with httpx.Client(base_url=f"{origin}/stac", headers=AUTHORISED, timeout=20) as client:
        yield client
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id LIKE 'write%'")


def refused(answer: httpx.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]


class TestTokens:
    @pytest.mark.parametrize(
        "authorization",
        [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"],
    )
    def test_without_the_token_nobody_writes(
        self, origin: str, ingest_conninfo: str, authorization: str | None
    ) -> None:
        before = count(ingest_conninfo, "items"), count(ingest_conninfo, "collections")
        headers = {} if authorization is None else {"Authorization": authorization}
        for method, path in WRITES:
            answer = httpx.request(
                method, f"{origin}/stac{path}", json=builders.item("x"), headers=headers
            )
            refused(answer, 401, "token")
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (count(ingest_conninfo, "items"), count(ingest_conninfo, "collections")) == before

    def test_a_token_in_the_address_counts_for_nothing(self, origin: str) -> None:
        answer = httpx.post(
            f"{origin}/stac/collections?token={TOKEN}&access_token={TOKEN}", json={}
        )
        assert answer.status_code == 401

    def test_a_stranger_does_not_get_a_body_read(self, origin: str) -> None:
        answer = httpx.post(f"{origin}/stac/collections", content=b"{" * 1_000_000)
        assert answer.status_code == 401

    def test_without_a_token_in_the_settings_writing_is_off(
        self, settings: Settings, cluster: Cluster
    ) -> None:
        with serving(settings) as closed:
            for method, path in WRITES:
                answer = httpx.request(method, f"{closed}/stac{path}", json={}, headers=AUTHORISED)
                refused(answer, 403, "EOTILES_INGEST_TOKEN_SHA256")

    def test_reading_needs_none(self, origin: str, stac: httpx.Client) -> None:
        assert httpx.get(f"{origin}/stac/collections/write/items/one").status_code == 200
        assert httpx.post(f"{origin}/stac/search", json={"ids": ["one"]}).status_code == 200

    def test_a_page_of_anywhere_may_not_write_with_anothers_login(self, origin: str) -> None:
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}
        answer = httpx.options(f"{origin}/stac/collections/write", headers=asked)
        assert "access-control-allow-credentials" not in answer.headers


class TestRoundTrip:
    def test_writing_back_what_was_read_changes_nothing(
        self, stac: httpx.Client, ingest_conninfo: str, settings: Settings
    ) -> None:
        odd = scene(
            "odd",
            folder=settings.assets,
            collection="write",
            properties={
                "datetime": None,
                "start_datetime": "2020-01-01T00:00:00.123456Z",
                "end_datetime": "2020-01-02T01:00:00+01:00",
                "gsd": 10,
                "updated": "2021-01-01T00:00:00.5Z",
                "nested": {"a": [1, 2.50, None, {"b": True}]},
            },
        )
        odd["geometry"]["coordinates"] = [[[0, 0], [1, 0.1234567890123], [1, 1], [0, 0]]]
        odd["assets"]["archive"] = {"href": "/mnt/archive/scene.tif", "type": COG}
        odd["assets"]["remote"] = {
            "href": "https://data.example.org/cogs/scene.tif",
            "type": COG,
            "nodata": 0,
        }
        odd["links"] += [
            {"rel": "derived_from", "href": "sources/x.json"},
            {"rel": "tilejson", "href": "https://tiles.example.org/x.json"},
        ]
        load(ingest_conninfo, items=[odd])
        for name in ("one", "odd"):
            before = stored_row(ingest_conninfo, "write", name)
            path = f"/collections/write/items/{name}"
            found = stac.get(f"/search?ids={name}&collections=write").json()["features"]
            for served in (stac.get(path).json(), found[0]):
                answer = stac.put(path, json=served)
                assert answer.status_code == 200, answer.text
                assert stored_row(ingest_conninfo, "write", name) == before

    def test_a_served_item_makes_a_clean_copy(
        self, stac: httpx.Client, ingest_conninfo: str
    ) -> None:
        original = stored_row(ingest_conninfo, "write", "one")
        copy = {**stac.get("/collections/write/items/one").json(), "id": "two"}
        # Addresses that name `one` are no longer recognised as ours: a copy is made without them.
        copy["links"] = [link for link in copy["links"] if link["rel"] == "license"]
        del copy["assets"]["thumbnail"]
        assert stac.post("/collections/write/items", json=copy).status_code == 201
        made = stored_row(ingest_conninfo, "write", "two")
        assert original is not None
        assert made is not None
        assert made[2:] == original[2:]

    def test_a_collection_too(self, stac: httpx.Client, ingest_conninfo: str) -> None:
        def stored() -> Any:
            with psycopg.connect(ingest_conninfo) as connection:
                query = "SELECT content FROM pgstac.collections WHERE id = 'write'"
                return connection.execute(query).fetchone()

        before = stored()
        answer = stac.put("/collections/write", json=stac.get("/collections/write").json())
        assert answer.status_code == 200, answer.text
        assert stored() == before

    def test_a_render_that_a_person_wrote_is_no_guess(
        self, stac: httpx.Client, ingest_conninfo: str
    ) -> None:
        """Plain STAC is enough; who reads and writes back the rest keeps what says which are guesses."""
        guesses = {name: {"title": name, "assets": ["B04"]} for name in ("a", "b")}
        with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
            made = with_guess({**collection("write")}, guesses)
            connection.execute("SELECT update_collection(%s)", [Jsonb(made)])
        served = stac.get("/collections/write").json()
        served["renders"]["a"]["title"] = "Mine"
        assert stac.put("/collections/write", json=served).status_code == 200
        kept = stac.get("/collections/write").json()
        assert (is_guess(kept, "a"), is_guess(kept, "b")) == (False, True)
        again = with_guess(kept, {name: {"title": "new", "assets": ["B03"]} for name in "ab"})
        assert [again["renders"][name]["title"] for name in "ab"] == ["Mine", "new"]
        patch = {"renders": {"b": None}}
        assert stac.patch("/collections/write", json=patch).status_code == 200
        left = with_guess(stac.get("/collections/write").json(), guesses)["renders"]
        assert list(left) == ["a"], "what was taken out stays out"

    def test_a_patch_of_a_link_leaves_the_others(
        self, stac: httpx.Client, ingest_conninfo: str
    ) -> None:
        served = stac.get("/collections/write/items/one").json()
        links = [*served["links"], {"rel": "via", "href": "https://example.org/via"}]
        answer = stac.patch("/collections/write/items/one", json={"links": links})
        assert answer.status_code == 200, answer.text
        row = stored_row(ingest_conninfo, "write", "one")
        assert row is not None
        assert [link["rel"] for link in row[5]["links"]] == ["license", "via"]
        assert WEB_MAP_LINKS not in row[5]["stac_extensions"]


class TestItems:
    def test_make_read_change_delete(
        self, stac: httpx.Client, origin: str, settings: Settings
    ) -> None:
        made = scene("new", folder=settings.assets, collection="write")
        answer = stac.post("/collections/write/items", json=made)
        assert answer.status_code == 201, answer.text
        address = f"{origin}/stac/collections/write/items/new"
        assert answer.headers["location"] == address
        assert str(settings.assets) not in answer.text
        served = httpx.get(address).json()
        titles = [link["title"] for link in served["links"] if link["rel"] == "tilejson"]
        assert titles[0] == "True colour"
        made["properties"]["eo:cloud_cover"] = 7
        assert stac.put("/collections/write/items/new", json=made).status_code == 200
        assert httpx.get(address).json()["properties"]["eo:cloud_cover"] == 7
        patch: Any = {"properties": {"eo:cloud_cover": None, "a": 1}}
        assert stac.patch("/collections/write/items/new", json=patch).status_code == 200
        properties = httpx.get(address).json()["properties"]
        assert ("eo:cloud_cover" in properties, properties["a"]) == (False, 1)
        patch = [
            {"op": "replace", "path": "/properties/a", "value": 2},
            {"op": "test", "path": "/id", "value": "new"},
        ]
        assert stac.patch("/collections/write/items/new", json=patch).status_code == 200
        assert httpx.get(address).json()["properties"]["a"] == 2
        assert stac.delete("/collections/write/items/new").status_code == 200
        assert httpx.get(address).status_code == 404
        refused(
            stac.delete("/collections/write/items/new"), 404, "no item 'new' in collection 'write'"
        )

    def test_many_at_once_or_none(
        self, stac: httpx.Client, ingest_conninfo: str, settings: Settings
    ) -> None:
        def batch(*names: str) -> dict[str, Any]:
            items = [scene(name, folder=settings.assets, collection="write") for name in names]
            return {"type": "FeatureCollection", "features": items}

        before = count(ingest_conninfo, "items")
        assert (
            stac.post(
                "/collections/write/items", json=batch(*(f"m{n}" for n in range(20)))
            ).status_code
            == 201
        )
        assert count(ingest_conninfo, "items") == before + 20
        refused(stac.post("/collections/write/items", json=batch("n1", "m7", "n2")), 409, "m7")
        bad = batch("n1", "n2")
        bad["features"][1]["geometry"] = None
        refused(stac.post("/collections/write/items", json=bad), 400, "n2")
        assert count(ingest_conninfo, "items") == before + 20
        assert stac.get("/collections/write/items/n1").status_code == 404

    @pytest.mark.parametrize(
        ("changes", "status", "sentence"),
        [
            ({"id": "a/b"}, 400, "'a/b'"),
            ({"id": ".."}, 400, "'..'"),
            ({"id": 5}, 400, "id"),
            ({"collection": "other"}, 400, "'other'"),
            ({"geometry": None, "bbox": None}, 400, "'new' has no geometry"),
            ({"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}}, 400, "geometry"),
            ({"properties": {}}, 400, "datetime"),
            ({"properties": {"datetime": "yesterday"}}, 400, "datetime"),
            ({"assets": {"a": {}}}, 400, "href"),
            ({"assets": {"a": {"href": "/etc/passwd"}}}, 422, "asset 'a' of item write/new"),
            (
                {"assets": {"a": {"href": "http://169.254.169.254/x.tif", "type": COG}}},
                422,
                "asset 'a'",
            ),
            (
                {"assets": {"a": {"href": "https://data.example.org/other/x.tif", "type": COG}}},
                422,
                "asset 'a'",
            ),
            ({"links": [{"rel": "alternate", "href": "javascript:alert(1)"}]}, 422, "'alternate'"),
            ({"links": None}, 400, "links"),
            ({"type": "Topology"}, 400, ""),
        ],
    )
    def test_what_cannot_be_stored_is_refused(
        self,
        stac: httpx.Client,
        ingest_conninfo: str,
        changes: dict[str, Any],
        status: int,
        sentence: str,
    ) -> None:
        before = count(ingest_conninfo, "items")
        answer = stac.post(
            "/collections/write/items", json={**builders.item("new", collection="write"), **changes}
        )
        refused(answer, status, sentence)
        assert "/etc/passwd" not in answer.json()["detail"]
        assert count(ingest_conninfo, "items") == before

    def test_files_of_the_server_are_claimed_by_nobody_else(
        self, stac: httpx.Client, origin: str
    ) -> None:
        for href in (
            f"{origin}/assets/-/write/one/B04/B04.tif",
            f"{origin}/assets/../../../etc/passwd",
        ):
            item = builders.item(
                "new", collection="write", assets={"a": {"href": href, "type": COG}}
            )
            refused(stac.post("/collections/write/items", json=item), 422, "'a'")

    def test_unknown_things(self, stac: httpx.Client) -> None:
        item = builders.item("new", collection="write-none")
        refused(stac.post("/collections/write-none/items", json=item), 404, "'write-none'")
        gone = builders.item("gone", collection="write")
        refused(stac.put("/collections/write/items/gone", json=gone), 404, "'gone'")
        refused(stac.patch("/collections/write/items/gone", json={}), 404, "'gone'")
        refused(
            stac.post("/collections/write/items", json=builders.item("one", collection="write")),
            409,
            "'one'",
        )
        refused(stac.put("/collections/write/items/one", json=gone), 400, "'one'")

    @pytest.mark.parametrize(
        ("patch", "sentence"),
        [
            ({"id": "other"}, "'other'"),
            ({"geometry": None}, "geometry"),
            ([{"op": "test", "path": "/id", "value": "x"}], "patch"),
            ([{"op": "remove", "path": "/none"}], "patch"),
            (
                [{"op": "replace", "path": "/properties/none/x", "value": 1}],
                "the patch does not apply: member 'none' is not there",
            ),
            ([{"op": "add", "path": "/a/b/c", "value": 1}], "patch"),
            (
                [{"op": "copy", "from": "/properties", "path": "/properties/x"}] * 40,
                "copies more than",
            ),
        ],
    )
    def test_patches_that_do_not_fit(
        self, stac: httpx.Client, ingest_conninfo: str, patch: Any, sentence: str
    ) -> None:
        before = stored_row(ingest_conninfo, "write", "one")
        refused(stac.patch("/collections/write/items/one", json=patch), 400, sentence)
        assert stored_row(ingest_conninfo, "write", "one") == before

    @pytest.mark.parametrize(
        "body", [b"{", b'{"a": NaN}', b'{"id": "a\\u0000"}', b"[]", b"", b"[" * 5000]
    )
    def test_bodies_that_are_no_json(self, stac: httpx.Client, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        assert (
            stac.post("/collections/write/items", content=body, headers=headers).status_code == 400
        )

    def test_a_body_that_is_too_large(self, stac: httpx.Client) -> None:
        answer = stac.post(
            "/collections/write/items", content=b'{"a": "' + b"x" * (17 << 20) + b'"}'
        )
        assert answer.status_code == 413

    def test_one_of_two_who_make_the_same_item_wins(
        self, stac: httpx.Client, origin: str, ingest_conninfo: str, settings: Settings
    ) -> None:
        item = scene("contested", folder=settings.assets, collection="write")
        statuses: list[int] = []

        def make() -> None:
            url = f"{origin}/stac/collections/write/items"
            statuses.append(httpx.post(url, json=item, headers=AUTHORISED, timeout=20).status_code)

        threads = [threading.Thread(target=make) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [201, 409, 409, 409, 409, 409]


class TestCollections:
    def test_make_read_change_delete(self, stac: httpx.Client, origin: str) -> None:
        made = {**builders.collection("write-new"), "title": "first", "renders": RENDERS}
        answer = stac.post("/collections", json=made)
        assert answer.status_code == 201, answer.text
        address = f"{origin}/stac/collections/write-new"
        assert answer.headers["location"] == address
        assert httpx.get(address).json()["title"] == "first"
        assert (
            stac.put("/collections/write-new", json={**made, "title": "second"}).status_code == 200
        )
        assert (
            stac.patch("/collections/write-new", json={"description": "changed"}).status_code == 200
        )
        read = httpx.get(address).json()
        assert (read["title"], read["description"], read["renders"]) == (
            "second",
            "changed",
            RENDERS,
        )
        assert stac.delete("/collections/write-new").status_code == 200
        refused(httpx.get(address), 404, "'write-new'")

    def test_what_cannot_be_stored_is_refused(self, stac: httpx.Client) -> None:
        refused(
            stac.post("/collections", json=builders.collection("write")),
            409,
            "'write' exists already",
        )
        refused(stac.post("/collections", json=builders.collection("a b")), 400, "'a b'")
        refused(
            stac.post("/collections", json={**builders.collection("write-x"), "extent": {}}),
            400,
            "extent",
        )
        refused(
            stac.put("/collections/write", json=builders.collection("write-x")), 400, "'write-x'"
        )
        refused(
            stac.put("/collections/write-none", json=builders.collection("write-none")),
            404,
            "'write-none'",
        )
        refused(stac.patch("/collections/write-none", json={}), 404, "'write-none'")
        refused(stac.delete("/collections/write-none"), 404, "'write-none'")
        local = {**builders.collection("write-x"), "assets": {"a": {"href": "/etc/passwd"}}}
        refused(stac.post("/collections", json=local), 422, "'a'")


def test_the_service_is_alive_without_a_database(tmp_path: Any) -> None:
    offline = Settings(
        _env_file=None,
        data=tmp_path,
        database_url="postgresql://nobody@127.0.0.1:9/nothing",
        ingest_token_sha256=hashlib.sha256(TOKEN.encode()).hexdigest(),
    )
    with serving(offline, ["ingest"]) as origin:
        assert httpx.get(f"{origin}/healthz").status_code == 200
        answer = httpx.post(
            f"{origin}/stac/collections", json=builders.collection(), headers=AUTHORISED
        )
        refused(answer, 503, "database")
