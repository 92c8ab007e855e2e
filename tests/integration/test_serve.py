"""The serve and demo commands as a person runs them: real processes, real signals, a real port."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from eotiles.embedded.cluster import Cluster

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-m", "eotiles"]


@pytest.fixture
def own_data(own_cluster: Cluster) -> Path:
    """The data folder of a cluster of this file's own, which is started and stopped by the processes tested."""
    own_cluster.stop()
    return own_cluster.status().data


def _environment(data: Path) -> dict[str, str]:
    return {**os.environ, "EOTILES_DATA": str(data), "EOTILES_HOST": "127.0.0.1"}


def _start(data: Path, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """The process, and the address that it says it listens on."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        env=_environment(data),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return process, found[0]
    raise AssertionError(f"serve ended with {process.wait()} before it listened")


def _get(url: str, *, timeout_s: float = 20) -> dict[str, object]:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                document: dict[str, object] = json.load(answer)
                return document
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _end(process: subprocess.Popen[str]) -> float:
    """Seconds that SIGTERM takes to end the process with status 0."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=20)
    assert process.returncode == 0, rest
    return time.monotonic() - started


def test_all_services_under_one_origin_and_a_clean_end(own_data: Path) -> None:
    process, url = _start(own_data)
    try:
        assert _get(f"{url}/readyz")["status"] == "ready"
        assert _get(f"{url}/stac/")["type"] == "Catalog"
        assert _get(f"{url}/raster/healthz")["service"] == "raster"
        landing = json.dumps(_get(f"{url}/stac/"))
        assert f"{url}/stac/" in landing
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            text = answer.read().decode()
        assert "eotiles_stac_http_requests_total" in text
        assert "eotiles_raster_http_requests_total" in text
        assert Cluster(own_data).status().running
    finally:
        seconds = _end(process)
    assert seconds < 10
    assert not Cluster(own_data).status().running


def test_sigterm_lets_a_request_in_flight_finish(own_data: Path) -> None:
    process, url = _start(own_data, "--service", "stac")
    _get(f"{url}/readyz")
    body = b'{"limit": 1}'
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=15) as client:
        client.sendall(
            b"POST /stac/search HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:4]
        )
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        client.sendall(body[4:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"FeatureCollection"' in answer
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_no_middleware_hides_disconnects(data_folder: Path) -> None:
    code = (
        "from starlette.middleware.base import BaseHTTPMiddleware as Base;"
        "from eotiles.http.one import create_one; from eotiles.settings import SERVICES, Settings;"
        "import eotiles.http.one as one;"
        "parts = [one._create(name, Settings(_env_file=None), written=False) for name in SERVICES];"
        "print([m.cls.__name__ for part in parts for m in part.user_middleware if issubclass(m.cls, Base)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=_environment(data_folder),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_catalogue_process_loads_neither_gdal_nor_numba() -> None:
    code = (
        "import sys; from eotiles.http.stac import create_stac; from eotiles.settings import Settings; "
        "print(sorted({'numba', 'rasterio', 'rio_tiler', 'titiler'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_service_alone_answers_under_its_path(own_data: Path) -> None:
    process, url = _start(own_data, "--service", "stac")
    try:
        assert _get(f"{url}/readyz")["service"] == "stac"
        assert _get(f"{url}/stac/conformance")["conformsTo"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/raster/healthz")
        assert refused.value.code == 404
        refused.value.close()
    finally:
        _end(process)


def test_the_map_page_alone_starts_no_database(tmp_path: Path) -> None:
    process, url = _start(tmp_path, "--service", "site")
    try:
        assert _get(f"{url}/readyz")["service"] == "site"
        assert _get(f"{url}/config.json")["title"] == "eotiles"
    finally:
        _end(process)
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_said_in_one_sentence(own_data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "serve", "--port", str(port)],
            env=_environment(own_data),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_checks_itself_and_refuses_a_second_one(own_data: Path) -> None:
    first = subprocess.Popen(
        [*COMMAND, "demo", "--port", "0"],
        env=_environment(own_data),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert first.stdout is not None
    try:
        seen = ""
        for line in first.stdout:
            seen += line
            if "Ctrl-C" in line:
                break
        assert "/stac/" in seen, seen
        second = subprocess.run(
            [*COMMAND, "demo", "--port", "0"],
            env=_environment(own_data),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert "already runs" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=20)

    checked = subprocess.run(
        [*COMMAND, "demo", "--check", "--port", "0"],
        env=_environment(own_data),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "are right" in checked.stdout
    assert checked.stdout.count(" 200 ") >= 15


def test_version() -> None:
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"eotiles \d+\.\d+\.\d+\n", done.stdout)
