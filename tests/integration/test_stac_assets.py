"""Asset files over HTTP: what GDAL and browsers need of them, and that nothing else can be had."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import rasterio
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.builders import geotiff, ramp
from tests.stac_server import COG, load, serving

pytestmark = pytest.mark.integration

SECRET = "top secret"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def origin(folder: Path) -> Iterator[str]:
    # No database is there, and none is needed.
    offline = Settings(
        _env_file=None, data=folder, database_url="postgresql://nobody@127.0.0.1:9/nothing"
    )
    with serving(offline, ["stac"]) as address:
        yield address


@pytest.fixture(scope="module")
def cog(folder: Path, origin: str) -> Path:
    plain = geotiff(folder / "plain.tif", ramp(600, 700))
    path = folder / "assets" / "c" / "i" / "B04 red.tif"
    path.parent.mkdir(parents=True)
    cog_translate(str(plain), str(path), cog_profiles.get("deflate"), quiet=True, in_memory=True)
    return path


def test_before_the_first_scene_nothing_is_there(tmp_path: Path) -> None:
    empty = Settings(
        _env_file=None, data=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/nothing"
    )
    with serving(empty, ["stac"]) as address:
        answer = httpx.get(f"{address}/assets/c/i/x.tif")
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such file")


def test_gdal_reads_windows_of_it(origin: str, cog: Path) -> None:
    """In a process of its own: GDAL holds Python's lock while it waits, and the server here needs that."""
    script = (
        "import rasterio, sys; from rasterio.windows import Window\n"
        "with rasterio.open(sys.argv[1]) as there:\n"
        "    sys.stdout.buffer.write(there.read(1, window=Window(500, 500, 64, 64)).tobytes())"
    )
    url = f"/vsicurl/{origin}/assets/c/i/B04%20red.tif"
    read = subprocess.run(
        [sys.executable, "-c", script, url], capture_output=True, check=True, timeout=60
    ).stdout
    with rasterio.open(cog) as here:
        expected = here.read(1, window=rasterio.windows.Window(500, 500, 64, 64))
    assert read == expected.tobytes()


def test_parts_of_it(origin: str, cog: Path) -> None:
    url, whole = f"{origin}/assets/c/i/B04%20red.tif", cog.read_bytes()
    answer = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, whole[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert httpx.get(url, headers={"Range": "bytes=-5"}).content == whole[-5:]
    assert httpx.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert httpx.get(url).content == whole


def test_what_it_says_about_itself(origin: str, cog: Path) -> None:
    answer = httpx.head(
        f"{origin}/assets/c/i/B04%20red.tif", headers={"Origin": "https://example.org"}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    headers = answer.headers
    assert headers["content-type"] == COG
    assert headers["content-length"] == str(cog.stat().st_size)
    assert headers["accept-ranges"] == "bytes"
    assert headers["access-control-allow-origin"] == "*"
    assert "Content-Range" in headers["access-control-expose-headers"]
    assert headers["x-request-id"]
    again = httpx.get(str(answer.url), headers={"If-None-Match": headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_page_may_ask_for_parts(origin: str) -> None:
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
    }
    answer = httpx.options(f"{origin}/assets/c/i/x.tif", headers=asked)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/c",
        "/c/i",
        "/c/i/",
        "/c/i/none.tif",
        "/../secret.tif",
        "/%2e%2e/secret.tif",
        "/c/%2e%2e/%2e%2e/%2e%2e/secret.tif",
        "/..%2fsecret.tif",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/c/i/link.tif",
        "/c/i/notes",
        "/c/i/x.tif.part",
        "/c/i/.hidden.tif",
        "/c/i/.part/x.tif",
        "/c/i/x%00.tif",
        "/-",
        "/-/x.tif",
        "/" + "a" * 5000 + ".tif",
    ],
)
def test_nothing_else_can_be_had(origin: str, folder: Path, cog: Path, path: str) -> None:
    (folder / "secret.tif").write_text(SECRET)
    link = cog.parent / "link.tif"
    if not link.is_symlink():
        link.symlink_to(folder / "secret.tif")
    for name in ("notes", "x.tif.part", ".hidden.tif", ".part/x.tif"):
        (cog.parent / name).parent.mkdir(exist_ok=True)
        (cog.parent / name).write_text(SECRET)
    # Not httpx.get: it would tidy the path up before it sends it.
    with httpx.Client() as client:
        request = client.build_request("GET", origin)
        request.url = request.url.copy_with(raw_path=f"/assets{path}".encode())
        answer = client.send(request)
    assert answer.status_code in (400, 404), answer.text
    assert SECRET not in answer.text
    assert str(folder) not in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(origin: str, cog: Path, method: str) -> None:
    before = cog.read_bytes()
    assert httpx.request(method, f"{origin}/assets/c/i/B04%20red.tif").status_code == 405
    assert cog.read_bytes() == before


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    geotiff(folder / "2019" / "scene one.tif", ramp(64, 64))
    (folder / "2019" / "not catalogued.tif").write_text(SECRET)
    (folder / "notes").write_text(SECRET)
    (folder.parent / "outside.tif").write_text(SECRET)
    (folder / "link.tif").symlink_to(folder.parent / "outside.tif")
    return folder


@pytest.fixture(scope="module")
def address(
    cluster: Cluster, settings: Settings, ingest_conninfo: str, archive: Path
) -> Iterator[str]:
    names = ("2019/scene one.tif", "link.tif", "../outside.tif", "gone.tif", "notes", "2019")
    assets = {
        f"a{number}": {"href": str(archive / name), "type": COG}
        for number, name in enumerate(names)
    }
    assets["web"] = {"href": "https://example.org/x.tif", "type": COG}
    items = [builders.item("i", collection="elsewhere", assets=assets)]
    load(
        ingest_conninfo,
        collections=[{**builders.collection("elsewhere"), "assets": assets}],
        items=items,
    )
    with serving(
        Settings(_env_file=None, data=settings.data, asset_roots=str(archive)), ["stac"]
    ) as origin:
        yield origin


class TestElsewhere:
    """Files that ingest left where they were, below a root that the settings allow."""

    def test_their_hrefs_lead_to_them_and_say_nothing_else(
        self, address: str, archive: Path
    ) -> None:
        for path in ("/collections/elsewhere/items/i", "/collections/elsewhere"):
            served = httpx.get(f"{address}/stac{path}")
            assert str(archive) not in served.text
            href = served.json()["assets"]["a0"]["href"]
            assert href.endswith("/a0/scene%20one.tif")
            answer = httpx.get(href, headers={"Range": "bytes=0-3"})
            assert (answer.status_code, answer.content) == (
                206,
                (archive / "2019/scene one.tif").read_bytes()[:4],
            )
            assert answer.headers["content-type"] == COG

    @pytest.mark.parametrize(
        "path",
        [
            "elsewhere/i/a0/not%20catalogued.tif",
            "elsewhere/i/a0/other.tif",
            "elsewhere/i/a0",
            "elsewhere/i/a0/x/scene%20one.tif",
            "elsewhere/i/a1/link.tif",
            "elsewhere/i/a1/outside.tif",
            "elsewhere/i/a2/outside.tif",
            "elsewhere/i/a3/gone.tif",
            "elsewhere/i/a4/notes",
            "elsewhere/i/a5/2019",
            "elsewhere/i/web/x.tif",
            "elsewhere/i/none/x.tif",
            "elsewhere/none/a0/scene%20one.tif",
            "none/i/a0/scene%20one.tif",
            "elsewhere/i/a0/..%2f..%2fnotes",
        ],
    )
    def test_no_other_file_can_be_had(self, address: str, archive: Path, path: str) -> None:
        answer = httpx.get(f"{address}/assets/-/{path}")
        assert answer.status_code == 404, answer.text
        assert SECRET not in answer.text
        assert str(archive) not in answer.text

    def test_without_a_database_they_wait(self, origin: str) -> None:
        answer = httpx.get(f"{origin}/assets/-/c/i/key/x.tif")
        assert (answer.status_code, "database" in answer.json()["detail"]) == (503, True)
