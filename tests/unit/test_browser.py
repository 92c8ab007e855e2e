"""STAC Browser at /browser: which path is a file, what the page is told, where it leads without a build."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from eotiles.core.errors import SetupError
from eotiles.http.address import PublicAddress
from eotiles.http.site import create_site
from eotiles.settings import Settings

Client = Callable[..., httpx.AsyncClient]
PAGE = (
    '<head><base href="/" id="stac-browser-base">'
    '<script defer="defer" src="./runtime-config.js"></script><title>STAC Browser</title></head>'
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as scripts/stac_browser.py and the official image leave it."""
    folder = tmp_path / "built"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "runtime-config.js").write_text("window.STAC_BROWSER_CONFIG = {};")
    (folder / "sw.js").write_text("self;")
    (folder / "js" / "app.0123.js").write_text("1;")
    (folder / "js" / "app.0123.js.gz").write_bytes(gzip.compress(b"1;"))
    return folder


@pytest.fixture
async def client(built: Path) -> AsyncIterator[Client]:
    opened = []

    def open_client(**settings: object) -> httpx.AsyncClient:
        values = Settings(_env_file=None, **({"browser": built} | settings))
        app = PublicAddress(
            create_site(values),
            public_url=values.public_url,
            trusted_proxies=values.trusted_proxies,
        )
        transport = httpx.ASGITransport(app=app)
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://map.test"))
        return opened[-1]

    yield open_client
    for one in opened:
        await one.aclose()


def options(script: str) -> dict[str, object]:
    """What the script hands to STAC Browser."""
    line = script.splitlines()[0]
    found: dict[str, object] = json.loads(line.removeprefix("window.STAC_BROWSER_CONFIG = ")[:-1])
    return found


@pytest.mark.parametrize(
    "path",
    ["", "/", "/index.html", "/search", "/collections/a.b/items/c%20d.tif", "/x" * 300],
)
async def test_every_path_that_is_no_file_is_the_page(client: Client, path: str) -> None:
    answer = await client().get(f"/browser{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert '<base href="/browser/" id="stac-browser-base">' in answer.text
    assert "<title>eotiles</title>" in answer.text


@pytest.mark.parametrize(
    "path", ["%2e%2e/x", "/index.html", "js/%2e%2e/index.html", "%2e/index.html"]
)
async def test_the_page_has_no_other_way_in(client: Client, path: str) -> None:
    assert '<base href="/browser/"' in (await client().get(f"/browser/{path}")).text


async def test_files_are_files_and_a_missing_chunk_is_404(client: Client) -> None:
    chunk = await client().get("/browser/js/app.0123.js", headers={"Accept-Encoding": "gzip"})
    assert chunk.text == "1;"
    assert chunk.headers["content-type"].startswith("text/javascript")
    assert chunk.headers["content-encoding"] == "gzip"
    assert chunk.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client().get("/browser/sw.js")).headers["cache-control"] == "no-cache"
    for path in ("/browser/js/app.4567.js", "/browser/assets/x/y"):
        missing = await client().get(path)
        assert missing.status_code == 404, "a page where a script is asked for is a riddle"
        assert missing.headers["content-type"] == "application/problem+json"


async def test_nothing_outside_the_folder_is_a_file(client: Client, built: Path) -> None:
    (built.parent / "secret.txt").write_text("canary")
    for path in ("%2e%2e/secret.txt", "js/%2e%2e/%2e%2e/secret.txt", "%2fetc/passwd", "%00"):
        answer = await client().get(f"/browser/{path}")
        assert "canary" not in answer.text
        assert "root:" not in answer.text
        assert answer.status_code < 500


@pytest.mark.parametrize(
    ("settings", "headers", "root", "prefix"),
    [
        ({}, {}, "http://map.test", ""),
        ({}, {"Host": "127.0.0.1:8391"}, "http://127.0.0.1:8391", ""),
        ({"public_url": "https://e.org"}, {}, "https://e.org", ""),
        ({"public_url": "https://e.org/eo"}, {}, "https://e.org/eo", "/eo"),
        (
            {"trusted_proxies": "*"},
            {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/eo"},
            "https://map.test/eo",
            "/eo",
        ),
    ],
)
async def test_it_is_told_where_the_catalogue_is(
    client: Client, settings: dict[str, str], headers: dict[str, str], root: str, prefix: str
) -> None:
    asked = client(**settings)
    answer = await asked.get("/browser/runtime-config.js", headers=headers)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    told = options(answer.text)
    assert told["catalogUrl"] == f"{root}/stac/"
    assert told["pathPrefix"] == f"{prefix}/browser/"
    assert (told["displayOverview"], told["allowExternalAccess"]) == (False, False)
    page = await asked.get("/browser/collections/c", headers=headers)
    assert f'<base href="{prefix}/browser/" id="stac-browser-base">' in page.text
    config = (await asked.get("/config.json", headers=headers)).json()
    assert config["browser"].endswith(f"{prefix}/browser")


async def test_the_name_of_the_server_is_text(client: Client) -> None:
    name = "</title><script>alert(1)</script>{base}"
    asked = client(title=name, stac_path="/catalog")
    page = (await asked.get("/browser/")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{base}</title>" in page
    told = options((await asked.get("/browser/runtime-config.js")).text)
    assert (told["catalogTitle"], told["catalogUrl"]) == (name, "http://map.test/catalog/")


async def test_the_page_may_load_its_own_origin_and_what_the_settings_name(client: Client) -> None:
    asked = client(public_url="https://e.org/eo", map_origins="https://a.example.org")
    headers = (await asked.get("/browser/search")).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["base-uri"] == "'self'"
    assert policy["connect-src"] == "'self' https://e.org https://a.example.org"
    basemap = "https://tile.openstreetmap.org"
    others = "https://e.org https://a.example.org"
    assert policy["img-src"] == f"'self' data: blob: {basemap} {others}"
    assert headers["x-content-type-options"] == "nosniff"
    # The map page's own stays as narrow as it was.
    own = (await asked.get("/config.json")).headers["content-security-policy"]
    assert "unsafe-inline" not in own
    assert basemap not in own


async def test_without_a_build_it_leads_to_the_public_one(client: Client) -> None:
    asked = client(browser=None)
    assert (await asked.get("/config.json")).json()["browser"] is None
    public = "https://radiantearth.github.io/stac-browser/#/external/http://map.test/stac/"
    for path, place in (("", ""), ("/", ""), ("/collections/a%20b", "collections/a%20b")):
        answer = await asked.get(f"/browser{path}")
        assert answer.status_code == 307
        assert answer.headers["location"] == public + place


@pytest.mark.parametrize("page", [None, "<title>another application</title>"])
def test_a_folder_without_a_stac_browser_is_refused(tmp_path: Path, page: str | None) -> None:
    if page is not None:
        (tmp_path / "index.html").write_text(page)
    with pytest.raises(SetupError, match=r"EOTILES_BROWSER"):
        create_site(Settings(_env_file=None, browser=tmp_path))


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOTILES_BROWSER", "")
    assert Settings(_env_file=None).browser is None
