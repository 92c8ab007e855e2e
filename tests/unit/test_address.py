"""Links start with the address under which people reach us."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from eotiles.http.address import PublicAddress
from eotiles.http.one import Paths


def _app(*, public_url: str | None = None, trusted_proxies: str = "127.0.0.1") -> PublicAddress:
    async def where(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.base_url} {request.url_for('where')}")

    inner = Starlette(routes=[Route("/here", where, name="where")])
    outer = Paths({"/stac": inner}, otherwise=Starlette())
    return PublicAddress(outer, public_url=public_url, trusted_proxies=trusted_proxies)


async def _get(app: PublicAddress, path: str, client: str = "127.0.0.1", **headers: str) -> str:
    transport = httpx.ASGITransport(app, client=(client, 1234))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://inside:8000") as session:
        answer = await session.get(path, headers=sent)
    assert answer.status_code == 200
    return answer.text


async def test_without_a_proxy_the_request_counts() -> None:
    text = await _get(_app(), "/stac/here")
    assert text == "http://inside:8000/stac/ http://inside:8000/stac/here"


@pytest.mark.parametrize("path", ["/stac/here", "/eo/stac/here"])
async def test_public_url_counts_always_and_its_path_too(path: str) -> None:
    app = _app(public_url="https://maps.example.org/eo")
    text = await _get(app, path, x_forwarded_host="evil.example.org")
    assert text == ("https://maps.example.org/eo/stac/ https://maps.example.org/eo/stac/here")


async def test_forwarded_headers_of_a_trusted_proxy() -> None:
    text = await _get(
        _app(trusted_proxies="10.0.0.0/8"),
        "/stac/here",
        client="10.1.2.3",
        x_forwarded_proto="https",
        x_forwarded_host="maps.example.org, inner",
        x_forwarded_prefix="/eo",
    )
    assert text.startswith("https://maps.example.org/eo/stac/ ")


async def test_forwarded_headers_of_a_stranger_are_ignored() -> None:
    text = await _get(
        _app(trusted_proxies="10.0.0.0/8"),
        "/stac/here",
        client="192.0.2.7",
        x_forwarded_proto="https",
        x_forwarded_host="evil.example.org",
    )
    assert text.startswith("http://inside:8000/stac/ ")


def test_a_broken_proxy_list_is_refused_at_start() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        _app(trusted_proxies="nonsense")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Forwarded-Host", 'a"><script>'),
        ("X-Forwarded-Host", "evil.example/path"),
        ("X-Forwarded-Host", "user@evil.example"),
        ("X-Forwarded-Host", "[::1"),
        ("X-Forwarded-Host", "host:port"),
        ("X-Forwarded-Host", "a b"),
        ("X-Forwarded-Proto", "javascript"),
        ("X-Forwarded-Prefix", "//evil.example"),
        ("X-Forwarded-Prefix", "/a'+alert(1)+'"),
        ("X-Forwarded-Prefix", "/</script><script>"),
        ("X-Forwarded-Prefix", "/a/../b"),
        ("X-Forwarded-Prefix", "/a//b"),
        ("X-Forwarded-Prefix", "evil"),
    ],
)
async def test_what_is_no_part_of_an_address_does_not_count(header: str, value: str) -> None:
    text = await _get(_app(), "/stac/here", **{header: value})
    assert text == "http://inside:8000/stac/ http://inside:8000/stac/here"


async def test_ports_and_addresses_of_version_six_count() -> None:
    for host in ("[2001:db8::1]:8443", "maps.example.org:8080", "localhost"):
        text = await _get(_app(), "/stac/here", x_forwarded_host=host)
        assert text.startswith(f"http://{host}/stac/ ")
