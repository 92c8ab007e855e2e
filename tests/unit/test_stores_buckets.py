"""Files in buckets, on moto's S3, on Azurite, and on a server that knows ranges alone."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import AzureStore

from eotiles.read.buckets import Buckets
from eotiles.read.location import Kind, Location
from eotiles.read.objects import Changed, NotThere, StoreError, Unreachable
from eotiles.read.ranges import Range
from eotiles.read.stores import HEAD_BYTES, Stores, open_stores
from tests.unit.web_server import serving

CONTENT = bytes(range(256)) * 400
ODD = "p/a%20b c+ü.tif"
Put = Callable[[str, bytes], object]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    client = boto3.client(
        "s3",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    client.create_bucket(Bucket="scenes")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    yield lambda key, body: client.put_object(Bucket="scenes", Key=key, Body=body)
    client.close()


@pytest.fixture
def stores() -> Iterator[Callable[[], Stores]]:
    made: list[Stores] = []

    def make() -> Stores:
        """After the environment is what the test wants."""
        made.append(open_stores(buckets=Buckets(connect_s=1, answer_s=2, retries=0)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def round_trip(stores: Stores, put: Put, kind: Kind) -> None:
    put(ODD, CONTENT)
    file, head = stores.open(Location(kind, "scenes", f"/{ODD}"))
    assert (head, file.size_bytes) == (CONTENT[:HEAD_BYTES], len(CONTENT))
    wanted = [Range(100_000, 102_400), Range(3, 9), Range(20, 21), Range(50_000, 50_003)]
    assert stores.get(file, wanted) == [CONTENT[each.start : each.stop] for each in wanted]
    put(ODD, CONTENT[::-1])
    with pytest.raises(Changed):
        stores.get(file, wanted)
    again, head = stores.open(file.location)
    assert head == CONTENT[::-1][:HEAD_BYTES]
    assert again.version != file.version
    for host, path in (("scenes", "/p/none.tif"), ("nowhere", "/p/a.tif")):
        with pytest.raises(NotThere) as error:
            stores.open(Location(kind, host, path))
        assert path not in str(error.value)
    put("p/short.tif", b"short")
    assert stores.open(Location(kind, "scenes", "/p/short.tif"))[1] == b"short"
    put("p/empty.tif", b"")
    with pytest.raises(StoreError):
        stores.open(Location(kind, "scenes", "/p/empty.tif"))


def test_s3_on_moto(s3: Put, stores: Callable[[], Stores], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    round_trip(stores(), s3, "s3")


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Put]:
    cache = Path(__file__).parents[2] / ".cache"
    local = [str(folder / "node_modules" / ".bin") for folder in cache.glob("azurite-*")]
    program = shutil.which("azurite-blob", path=":".join([*local, os.environ["PATH"]]))
    if program is None:
        pytest.skip("Azurite is missing: npm could not install it (scripts/setup test)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    process = subprocess.Popen(
        [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options],
        cwd=tmp_path,
        env=os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        _wait_for(port)
        _make_container(endpoint)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", endpoint)
        writer = AzureStore("scenes", client_options={"allow_http": True})
        yield lambda key, body: obstore.put(writer, key, body)
    finally:
        process.terminate()
        process.wait(10)


ACCOUNT = "eotiles"
KEY = base64.b64encode(os.urandom(64)).decode()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < end, "Azurite does not start"
            time.sleep(0.1)


def _make_container(endpoint: str) -> None:
    """Containers are not obstore's to make."""
    date, version = email.utils.formatdate(usegmt=True), "2021-08-06"
    resource = f"/{ACCOUNT}/{ACCOUNT}/scenes\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
    }
    request = urllib.request.Request(
        f"{endpoint}/scenes?restype=container", method="PUT", headers=headers
    )
    urllib.request.urlopen(request, timeout=10).close()


def test_azure_on_azurite(azure: Put, stores: Callable[[], Stores]) -> None:
    round_trip(stores(), azure, "az")


BUCKETS = {
    "s3": ("AWS_ENDPOINT_URL", {}),
    "gs": ("GOOGLE_BASE_URL", {}),
    "az": ("AZURE_STORAGE_ENDPOINT", {"AZURE_STORAGE_ACCOUNT_NAME": "account"}),
}


@pytest.mark.parametrize("kind", BUCKETS)
def test_ranges_versions_and_no_signature(
    kind: Kind, stores: Callable[[], Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent where no credentials are: a bare request, as to anybody's open data."""
    variable, more = BUCKETS[kind]
    with serving() as server:
        monkeypatch.setenv(variable, f"http://{server.host}")
        for name, value in more.items():
            monkeypatch.setenv(name, value)
        server.files["/scenes/p/a.tif"] = CONTENT
        server.modified = "Mon, 02 Nov 2026 10:00:00 GMT"
        made = stores()
        file, head = made.open(Location(kind, "scenes", "/p/a.tif"))
        assert head == CONTENT[:HEAD_BYTES]
        assert made.get(file, [Range(5, 9)]) == [CONTENT[5:9]]
        assert server.asked[-1].headers["if-match"] == file.version
        assert not any(
            name.lower() in ("authorization", "x-amz-date")
            for request in server.asked
            for name in request.headers
        )
        server.files["/scenes/p/a.tif"] = CONTENT + b"x"
        with pytest.raises(Changed):
            made.get(file, [Range(5, 9)])


@pytest.mark.parametrize(
    ("status", "kind"), [(403, NotThere), (401, NotThere), (500, Unreachable), (418, Unreachable)]
)
def test_statuses(
    status: int,
    kind: type[StoreError],
    stores: Callable[[], Stores],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}")

        def answer(handler: object) -> bool:
            handler.answer(status)  # type: ignore[attr-defined]
            return True

        server.misbehave = answer
        with pytest.raises(kind) as error:
            stores().open(Location("s3", "scenes", "/p/a.tif"))
        assert "a.tif" not in str(error.value)


def test_the_number_of_buckets_is_bounded(
    monkeypatch: pytest.MonkeyPatch, stores: Callable[[], Stores]
) -> None:
    monkeypatch.setattr("eotiles.read.buckets.BUCKETS_MAX", 3)
    with serving() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}")
        buckets = Buckets(connect_s=1, answer_s=2, retries=0)
        for number in range(9):
            with pytest.raises(NotThere):
                buckets.read(Location("s3", f"b{number}", "/a.tif"), Range(0, 9), version=None)
        assert len(buckets._buckets) == 3
        assert len(server.asked) == 9


@pytest.mark.parametrize(
    ("environ", "signed"),
    [
        ({}, False),
        ({"AWS_ACCESS_KEY_ID": "a"}, True),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SKIP_SIGNATURE": "true"}, False),
        ({"AWS_SKIP_SIGNATURE": "false"}, True),
        ({"AZURE_STORAGE_ACCOUNT_KEY": "a"}, False),
    ],
)
def test_what_is_signed(environ: dict[str, str], signed: bool) -> None:
    assert Buckets(environ=environ)._unsigned["s3"] is not signed
