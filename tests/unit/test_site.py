"""The site's answers: where the services are, what browsers may keep, what the page may load."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from eotiles.http.one import PublicAddress
from eotiles.http.site import content_security_policy, create_site
from eotiles.settings import Settings

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A page with libraries of its own, as scripts/vendor.py leaves them."""
    library = tmp_path / "vendor" / "library-1.2.3"
    library.mkdir(parents=True)
    (tmp_path / "index.html").write_text("<!doctype html><title>map</title>")
    (tmp_path / "app.js").write_text("export {};")
    (library / "library.mjs").write_text("export const a = 1;")
    (library / "library.mjs.gz").write_bytes(gzip.compress(b"export const a = 1;"))
    (tmp_path / "vendor" / ".stamp").write_text("x")
    return tmp_path


@pytest.fixture
async def client(static: Path) -> AsyncIterator[Client]:
    opened = []

    def open_client(**settings: object) -> httpx.AsyncClient:
        values = Settings(_env_file=None, **settings)
        app = PublicAddress(
            create_site(values, static=static),
            public_url=values.public_url,
            trusted_proxies=values.trusted_proxies,
        )
        opened.append(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://map.test")
        )
        return opened[-1]

    yield open_client
    for one in opened:
        await one.aclose()


async def test_the_page_is_asked_for_again_and_answered_304(client: Client) -> None:
    page = await client().get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    script = await client().get("/static/app.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    again = await client().get("/static/app.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_libraries_are_kept_for_ever_and_sent_compressed(
    client: Client, accepted: str, encoding: str | None
) -> None:
    path = "/static/vendor/library-1.2.3/library.mjs"
    answer = await client().get(path, headers={"Accept-Encoding": accepted})
    assert answer.text == "export const a = 1;"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "Accept-Encoding" in answer.headers["vary"]
    assert answer.headers.get("content-encoding") == encoding


@pytest.mark.parametrize("path", ["/", "/config.json", "/static/app.js", "/static/none.js", "/x"])
async def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    headers = (await client().get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_unknown_paths_are_404(client: Client) -> None:
    for path in ("/nowhere", "/static/none.js", "/static/%2e%2e/site.py", "/static/vendor"):
        assert (await client().get(path)).status_code == 404, path


async def test_the_page_without_libraries_says_what_to_run(client: Client, static: Path) -> None:
    (static / "vendor" / ".stamp").unlink()
    for path in ("/", "/readyz"):
        answer = await client().get(path)
        assert answer.status_code == 503
        assert "scripts/vendor.py" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("settings", "headers", "stac", "raster"),
    [
        ({}, {}, "/stac", "/raster"),
        ({"stac_path": "/catalog"}, {}, "/catalog", "/raster"),
        (
            {"public_url": "https://maps.example.org/eo"},
            {},
            "https://maps.example.org/eo/stac",
            "https://maps.example.org/eo/raster",
        ),
        (
            {"trusted_proxies": "*"},
            {"X-Forwarded-Prefix": "/eo"},
            "/eo/stac",
            "/eo/raster",
        ),
    ],
)
async def test_config_says_where_the_services_are(
    client: Client, settings: dict[str, str], headers: dict[str, str], stac: str, raster: str
) -> None:
    config = (await client(**settings).get("/config.json", headers=headers)).json()
    assert (config["stac"], config["raster"]) == (stac, raster)
    assert config["title"] == "eotiles"


def test_the_policy_names_the_origins_of_the_settings() -> None:
    settings = Settings(
        _env_file=None,
        public_url="https://maps.example.org/eo",
        map_origins="https://a.example.org, https://b.example.org:8443",
    )
    policy = dict(part.split(" ", 1) for part in content_security_policy(settings).split("; "))
    others = "https://maps.example.org https://a.example.org https://b.example.org:8443"
    assert policy["connect-src"] == f"'self' {others}"
    assert policy["img-src"] == f"'self' data: blob: {others}"
    assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
    assert "unsafe" not in " ".join(policy.values())


@pytest.mark.parametrize("origins", ["https://a.example; script-src *", "'unsafe-inline'", "a\nb"])
def test_origins_cannot_add_directives(origins: str) -> None:
    with pytest.raises(ValidationError):
        Settings(_env_file=None, map_origins=origins)
