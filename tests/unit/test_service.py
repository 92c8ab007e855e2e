"""What every service has: problem+json, request ids, refusal of ambiguous parameters, CORS, health, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
import structlog
from fastapi import FastAPI, HTTPException, Query

from eotiles.core import errors
from eotiles.http.errors import STATUS, status_of
from eotiles.http.service import equip
from eotiles.settings import Settings


class _Foreign(Exception):
    """What a library raises, with a path of the server in its text."""


def _service(*, ready: bool = True) -> FastAPI:
    app = FastAPI()

    @app.get("/raise/{name}")
    async def raise_(name: str) -> None:
        if name == "foreign":
            raise _Foreign("/secret/path.tif is broken")
        if name == "stranger":
            raise RuntimeError("/secret/path.py line 3")
        if name == "http":
            raise HTTPException(409, "there is one already")
        raise getattr(errors, name)(f"sentence about {name}")

    @app.get("/tiles/{tileMatrixSetId}/{z}")
    async def tile(
        z: int,
        tileMatrixSetId: str,
        index: str = "",
        assets: Annotated[list[str] | None, Query()] = None,
    ) -> dict[str, object]:
        return {"z": z, "index": index, "assets": assets}

    async def check() -> None:
        if not ready:
            raise errors.Unavailable("the database cannot be reached; try again in a moment")

    equip(
        app,
        service="test",
        settings=Settings(_env_file=None),
        ready=check,
        foreign={_Foreign: (424, "an asset cannot be read")},
    )
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_service())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
        yield session


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("BadParameter", 422),
        ("MissingBand", 422),
        ("UnknownItem", 404),
        ("TileOutsideMatrix", 404),
        ("AssetUnreadable", 424),
        ("Unavailable", 503),
        ("Unauthorized", 401),
        ("EotilesError", 500),
        ("http", 409),
        ("foreign", 424),
        ("stranger", 500),
    ],
)
async def test_every_error_is_a_problem_that_no_cache_keeps(
    client: httpx.AsyncClient, name: str, status: int
) -> None:
    answer = await client.get(f"/raise/{name}", headers={"Origin": "https://a.example"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == "*"
    body = answer.json()
    assert body["status"] == status
    assert body["instance"] == f"/raise/{name}"
    assert "secret" not in answer.text
    if name in vars(errors):
        assert body["detail"] == f"sentence about {name}"
    assert ("retry-after" in answer.headers) == (status == 503)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_every_error_of_ours_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 10
    # Below EotilesError itself (500) only what no HTTP service raises.
    without = [kind.__name__ for kind in kinds if status_of(kind()) == 500]
    assert sorted(without) == ["EotilesError", "SetupError"]
    assert set(STATUS.values()) <= {401, 403, 404, 409, 422, 424, 500, 503}


async def test_unknown_routes_and_bad_parameters(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).json()["status"] == 404
    assert (await client.post("/healthz")).status_code == 405
    bad = await client.get("/tiles/WebMercatorQuad/abc")
    assert bad.status_code == 422
    assert bad.json()["detail"].startswith("z: ")


async def test_a_scalar_given_twice_is_refused_and_a_list_is_not(client: httpx.AsyncClient) -> None:
    twice = await client.get("/tiles/a/1?index=ndvi&index=ndwi")
    assert twice.status_code == 400
    assert "'index'" in twice.json()["detail"]
    assert (await client.get("/tiles/a/1?assets=red&assets=nir&x=1&x=2")).status_code == 200
    assert (await client.get("/tiles/a/1?index=nd%00vi")).status_code == 400


async def test_request_id_comes_back_and_is_made_when_unusable(client: httpx.AsyncClient) -> None:
    kept = await client.get("/healthz", headers={"X-Request-ID": "abc-12345678"})
    assert kept.headers["x-request-id"] == "abc-12345678"
    made = await client.get("/healthz", headers={"X-Request-ID": "bad id <script>"})
    assert len(made.headers["x-request-id"]) == 32


async def test_cors_without_credentials(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/healthz", headers={"Origin": "https://elsewhere.example", "Cookie": "a=b"}
    )
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    asked = await client.options(
        "/tiles/a/1",
        headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "DELETE"},
    )
    assert asked.status_code == 400


async def test_health_and_readiness_tell_the_truth() -> None:
    transport = httpx.ASGITransport(_service(ready=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
        assert (await session.get("/healthz")).json()["status"] == "up"
        not_ready = await session.get("/readyz")
    assert not_ready.status_code == 503
    assert "database" in not_ready.json()["detail"]


async def test_metrics_count_by_route_template(client: httpx.AsyncClient) -> None:
    for z in (1, 2, 3):
        await client.get(f"/tiles/a/{z}")
    await client.get("/nowhere/7")
    text = (await client.get("/metrics")).text
    line = 'eotiles_test_http_requests_total{operation="GET /tiles/{tileMatrixSetId}/{z}",status="200"} 3.0'
    assert line in text
    assert "nowhere" not in text


async def test_the_access_log_has_an_id_and_no_secret(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        await client.get(
            "/tiles/a/1?index=x&access_token=hunter2&sig=abc", headers={"X-Request-ID": "12345678"}
        )
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["request_id"] == "12345678"
    assert line["query"] == "index=x&access_token=***&sig=***"
    assert line["status"] == 200
