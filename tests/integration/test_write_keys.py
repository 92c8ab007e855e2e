"""Keys that may write some collections: what each may do over HTTP, and what the log tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from eotiles.core.key import hash_token
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import count, load, serving

pytestmark = pytest.mark.integration

WRITES = [
    ("POST", "/collections"),
    ("PUT", "/collections/keys-other"),
    ("PATCH", "/collections/keys-other"),
    ("DELETE", "/collections/keys-other"),
    ("POST", "/collections/keys-other/items"),
    ("POST", "/collections/keys-other/bulk_items"),
    ("PUT", "/collections/keys-other/items/one"),
    ("PATCH", "/collections/keys-other/items/one"),
    ("DELETE", "/collections/keys-other/items/one"),
]


@pytest.fixture(scope="module")
def gated(
    cluster: Cluster, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server with two keys: one for everything, one for a collection and whatever begins so."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(f"everything {hash_token('all')} *\nci {hash_token('some')} keys,keys-ci-*\n")
    file.chmod(0o600)
    with serving(settings.model_copy(update={"ingest_token_sha256_file": file})) as address:
        yield address


@pytest.fixture(autouse=True)
def _collections(ingest_conninfo: str, admin_conninfo: str) -> Iterator[None]:
    """Two collections with an item each."""
    names = ("keys", "keys-other")
    load(
        ingest_conninfo,
        collections=[builders.collection(name) for name in names],
        items=[builders.item("one", collection=name) for name in names],
    )
    yield
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id LIKE 'keys%'")


def refused(answer: httpx.Response, status: int, sentence: str) -> None:
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["detail"]


def send(gated: str, token: str, method: str, path: str, body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, f"{gated}/stac{path}", json=body, headers=headers, timeout=20)


def test_a_key_writes_its_collections_and_no_other(gated: str, ingest_conninfo: str) -> None:
    other = builders.collection("keys-other")
    before = count(ingest_conninfo, "items"), count(ingest_conninfo, "collections")
    item = builders.item("x", collection="keys-other")
    for method, path in WRITES:
        body = other if path.count("/") < 3 else item
        answer = send(gated, "some", method, path, body)
        refused(answer, 403, "the key 'ci' may not write the collection 'keys-other'")
        assert "www-authenticate" not in answer.headers
        refused(send(gated, "none", method, path, body), 401, "token")
    assert (count(ingest_conninfo, "items"), count(ingest_conninfo, "collections")) == before
    # An encoded address, and a body that says otherwise than its address, change nothing.
    path = "/collections/keys%2Dother/items"
    assert send(gated, "some", "POST", path, item).status_code == 403
    path = "/collections/keys/items"
    refused(send(gated, "some", "POST", path, item), 400, "'keys-other'")
    for token, name in (("some", "keys-ci-1"), ("all", "keys-2")):
        made = builders.collection(name)
        assert send(gated, token, "POST", "/collections", made).status_code == 201
    mine = builders.item("x", collection="keys")
    assert send(gated, "some", "POST", path, mine).status_code == 201
    assert send(gated, "all", "DELETE", f"{path}/x", None).status_code == 200


def test_the_log_tells_who_wrote_and_no_token(
    gated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    item = builders.item("logged", collection="keys")
    send(gated, "some", "POST", "/collections/keys/items", item)
    send(gated, "some", "DELETE", "/collections/keys-x", None)
    send(gated, "a-stranger", "DELETE", "/collections/keys", None)
    httpx.get(f"{gated}/stac/collections/keys")
    lines = [line for line in capsys.readouterr().out.splitlines() if " request " in line]
    keys = [re.findall(r" key=(\S+)", line) for line in lines]
    assert keys == [["ci"], ["ci"], [], []], lines
    assert [re.findall(r"status=(\d+)", line) for line in lines] == [
        ["201"],
        ["403"],
        ["401"],
        ["200"],
    ]
    assert not any(word in line for line in lines for word in ("some", "stranger", "Bearer"))
