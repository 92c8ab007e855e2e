"""The compose deployment, without containers: database, migration job, services behind the real gateway."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psycopg
import pytest
from PIL import Image

from eotiles.core.errors import SetupError
from tests import builders
from tests.deployment import ROOT, Deployment, deployment, running

pytestmark = pytest.mark.integration

BOX = "collections/fields/items/field"


@pytest.fixture(scope="module")
def made() -> Iterator[Deployment]:
    """The migrated database of the deployment."""
    try:
        with deployment() as found:
            done = found.run("migrate", "db", "migrate")
            assert done.returncode == 0, done.stderr
            yield found
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def client(made: Deployment) -> Iterator[httpx.Client]:
    """A client of the gateway, with all services ready behind it."""
    try:
        with running(made) as url, httpx.Client(base_url=url, timeout=30) as found:
            for path in ("/", "/stac/", "/raster/healthz", "/stac/collections"):
                deadline = time.monotonic() + 90
                while (answer := found.get(path)).status_code != 200:
                    assert time.monotonic() < deadline, (
                        f"{path}: {answer.status_code} {answer.text}"
                    )
                    time.sleep(0.3)
            yield found
    except FileNotFoundError as error:
        pytest.skip(str(error))


def test_the_migration_job_may_run_again(made: Deployment) -> None:
    done = made.run("migrate", "db", "migrate")
    assert done.returncode == 0, done.stderr
    assert "password of eotiles_read set" in done.stdout


def test_each_login_may_do_what_its_service_needs(made: Deployment) -> None:
    with made.connect("eotiles_ingest", "db_ingest_password") as writer:
        writer.execute(
            """SELECT create_collection('{"id": "a", "type": "Collection", "links": []}')"""
        )
    with made.connect("eotiles_read", "db_read_password") as reader:
        assert reader.execute("SELECT id FROM collections WHERE id = 'a'").fetchall() == [("a",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("""SELECT create_collection('{"id": "x"}')""")


@pytest.mark.parametrize(
    ("login", "secret"),
    [("eotiles_read", "db_ingest_password"), ("postgres", "db_read_password")],
)
def test_a_wrong_password_is_refused(made: Deployment, login: str, secret: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        made.connect(login, secret)


def test_the_server_is_configured_as_the_file_says(made: Deployment) -> None:
    with made.connect("postgres", "db_admin_password") as connection:
        for name, value in (
            ("jit", "off"),
            ("max_locks_per_transaction", "256"),
            ("data_checksums", "on"),
            ("server_encoding", "UTF8"),
        ):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_a_backup_is_restored_as_the_page_on_operations_says(made: Deployment) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    dump = re.search(r"pg_dump (-Fc .*?)-h 127", page)
    assert dump is not None
    with made.connect("postgres", "db_admin_password") as owner:
        owner.execute(
            """SELECT create_collection('{"id": "kept", "type": "Collection", "links": []}')"""
        )
        owner.execute(
            """SELECT create_item('{"id": "i", "type": "Feature", "collection": "kept", "links": [],
            "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [1, 2, 1, 2], "assets": {},
            "properties": {"datetime": "2024-06-01T00:00:00Z"}}')"""
        )
        owner.execute("CREATE DATABASE restored")
    file, secret = made.folder / "catalogue.backup", made.secret("db_admin_password")
    done = subprocess.run(
        ["bash", "-c", f"pg_dump {dump[1]} -h 127.0.0.1 -U postgres eotiles > {file}"],
        env={
            "PATH": f"{made.programs}:/usr/bin:/bin",
            "PGPORT": str(made.port),
            "PGPASSWORD": secret,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    url = f"postgresql://postgres:{secret}@127.0.0.1:{made.port}/restored"
    done = subprocess.run(
        [sys.executable, "-m", "eotiles", "db", "restore", str(file)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "EOTILES_DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "restored; the database has pgSTAC" in done.stdout
    assert secret not in done.stdout + done.stderr
    with made.connect("postgres", "db_admin_password", database="restored") as connection:
        query = """SELECT search('{"collections": ["kept"]}')->'features'->0->>'id'"""
        assert connection.execute(query).fetchone() == ("i",)


@pytest.fixture(scope="module")
def field(made: Deployment) -> Path:
    """A scene of four bands of reflectance, ingested as `docker compose run --rm ingest ingest files …`."""
    red, nir = np.full((256, 256), 1000, np.uint16), np.full((256, 256), 3000, np.uint16)
    source = builders.geotiff(
        made.folder / "source" / "field_20240601.tif",
        np.stack([red, red, red, nir]),
        descriptions=("blue", "green", "red", "nir"),
    )
    done = made.run(
        "ingest",
        *("ingest", "files", str(source), "--collection", "fields", "--id", "field"),
        *("--datetime", "2024-06-01", "--bands", "blue,green,red,nir"),
        *("--domain", "reflectance", "--scale", "0.0001"),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return source


def test_a_scene_goes_from_a_file_to_a_tile_through_the_gateway(
    client: httpx.Client, field: Path
) -> None:
    found = client.post("/stac/search", json={"collections": ["fields"]}).json()
    (item,) = found["features"]
    links = [link for link in item["links"] if link["rel"] == "tilejson"]
    assert links, "the item offers no layer"
    assert all(link["href"].startswith(str(client.base_url.join("/raster/"))) for link in links)

    document = client.get(f"/raster/{BOX}/WebMercatorQuad/tilejson.json?index=ndvi").json()
    west, south, east, north = document["bounds"]
    point = client.get(
        f"/raster/{BOX}/point/{(west + east) / 2},{(south + north) / 2}?index=ndvi"
    ).json()
    assert point["values"][0] == pytest.approx((0.3 - 0.1) / (0.3 + 0.1), abs=1e-6)

    preview = client.get(f"/raster/{BOX}/preview.png?index=ndvi")
    assert preview.headers["content-type"] == "image/png"
    assert "content-encoding" not in preview.headers
    pixels = np.asarray(Image.open(io.BytesIO(preview.content)).convert("RGBA"))
    assert (pixels[..., 3] == 255).any()


def test_an_asset_is_handed_out_in_ranges(client: httpx.Client, field: Path) -> None:
    item = client.get(f"/stac/{BOX}").json()
    hrefs = [asset["href"] for asset in item["assets"].values() if ".tif" in asset["href"]]
    assert hrefs
    assert hrefs[0].startswith(str(client.base_url.join("/assets/")))
    part = client.get(hrefs[0], headers={"Range": "bytes=0-3"})
    assert part.status_code == 206
    assert part.content[:2] in (b"II", b"MM")


def test_only_a_token_writes_and_only_through_ingest(
    client: httpx.Client, made: Deployment
) -> None:
    collection = {
        "id": "written",
        "type": "Collection",
        "stac_version": "1.1.0",
        "description": "Written over HTTP.",
        "license": "other",
        "links": [],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]},
        },
    }
    assert client.post("/stac/collections", json=collection).status_code == 401
    bearer = {"Authorization": f"Bearer {(made.folder / 'token').read_text().strip()}"}
    written = client.post("/stac/collections", json=collection, headers=bearer)
    assert written.status_code == 201, written.text
    assert client.get("/stac/collections/written").json()["description"] == "Written over HTTP."
    assert client.delete("/stac/collections/written", headers=bearer).status_code in (200, 204)
    assert client.get("/stac/collections/written").status_code == 404


def test_the_map_is_at_the_root(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.get("/config.json").json()["stac"].endswith("/stac")


def test_no_service_starts_a_database_of_its_own(client: httpx.Client, made: Deployment) -> None:
    assert client.get("/").status_code == 200
    assert not (made.data / "postgres").exists()


def test_one_request_id_is_in_every_log(client: httpx.Client, made: Deployment) -> None:
    answer = client.get("/stac/collections", headers={"X-Request-ID": "canary-4711"})
    assert answer.headers["x-request-id"] == "canary-4711"
    for log in ("nginx-out", "stac.log"):
        entries: list[dict[str, object]] = []
        deadline = time.monotonic() + 5  # the line is written after the answer
        while not entries and time.monotonic() < deadline:
            lines = (made.folder / log).read_text().splitlines()
            entries = [json.loads(line) for line in lines if "canary-4711" in line]
        assert [entry["request_id"] for entry in entries] == ["canary-4711"], log


def test_no_password_is_in_a_log(client: httpx.Client, made: Deployment) -> None:
    secrets = [path.read_text().strip() for path in (made.folder / "secrets").glob("db_*")]
    secrets.append((made.folder / "token").read_text().strip())
    texts = [
        path.read_text(errors="replace")
        for path in [
            *made.folder.glob("*.log"),
            *made.folder.glob("nginx-*"),
            made.folder / "pg/log",
        ]
        if path.is_file()
    ]
    assert len(texts) >= 6
    assert not [secret for secret in secrets if any(secret in text for text in texts)]
