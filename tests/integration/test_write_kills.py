"""kill -9 of the ingest service, of a backend and of PostgreSQL in the middle of bulk writes over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from eotiles.catalog.migrations import migrate
from eotiles.core.key import hash_token
from eotiles.embedded.cluster import Cluster
from tests import builders
from tests.deployment import free_port
from tests.stac_server import load

pytestmark = pytest.mark.integration

TOKEN = "the-token-of-the-tests"
BATCH = 25
WRITERS = 3
BULK = "/stac/collections/kills/bulk_items"


class Service:
    """The ingest service as a process of its own, on one port however often it is started."""

    def __init__(self, cluster: Cluster, log: Path) -> None:
        self.cluster = cluster
        self.log = log
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port = self.port or free_port()
        environment = {
            **os.environ,
            "EOTILES_DATA": str(self.cluster.status().data),
            "EOTILES_INGEST_TOKEN_SHA256": hash_token(TOKEN),
        }
        command = [sys.executable, "-m", "eotiles", "serve", "--service", "ingest"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(port)], env=environment, stdout=log, stderr=log
            )
        self.port = port
        deadline = time.monotonic() + 60
        while not self.ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the service does not get ready"
            time.sleep(0.05)

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def service(own_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    own_cluster.start()
    migrate(own_cluster.conninfo("admin"))
    load(own_cluster.conninfo("ingest"), collections=[builders.collection("kills")])
    made = Service(own_cluster, tmp_path_factory.mktemp("kills") / "log")
    try:
        made.start()
        yield made
    finally:
        made.kill()


def kill_service(service: Service) -> None:
    service.kill()
    service.start()


def kill_backend(service: Service) -> None:
    """One that is writing; PostgreSQL then ends all others and recovers."""
    with psycopg.connect(service.cluster.conninfo("admin"), autocommit=True) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'eotiles-ingest' "
            "ORDER BY state = 'active' DESC LIMIT 1"
        )
        row = connection.execute(query).fetchone()
    assert row is not None
    os.kill(row[0], signal.SIGKILL)


def kill_postmaster(service: Service) -> None:
    pid = service.cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    service.cluster.start()


class Writer(threading.Thread):
    """Sends batches, each until it is acknowledged, as a client that lost its connection does."""

    def __init__(self, service: Service, number: int, over: threading.Event) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{service.port}{BULK}"
        self.first = number * 1_000_000
        self.over = over
        self.acknowledged: list[int] = []
        self.begun = -1
        self.strange: list[str] = []
        self.skipped = 0

    def run(self) -> None:
        for start in range(self.first, self.first + 1_000_000, BATCH):
            if self.over.is_set():
                return
            self.begun = start
            items = [
                builders.item(f"item-{number}", collection="kills")
                for number in range(start, start + BATCH)
            ]
            body = {"items": {item["id"]: item for item in items}}
            while not self.over.is_set() and not self._sent(body):
                time.sleep(0.05)
            if not self.over.is_set():
                self.acknowledged.append(start)

    def _sent(self, body: object) -> bool:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            answer = httpx.post(self.url, json=body, headers=headers, timeout=20)
        except httpx.HTTPError:
            return False
        if answer.status_code == 200:
            self.skipped += answer.json()["skipped"]
            return True
        if answer.status_code != 503:
            self.strange.append(f"{answer.status_code} {answer.text[:300]}")
        return False


def campaign(service: Service, kill: Callable[[Service], None], rounds: int) -> None:
    """Kill while writers write, let them go on, and look at what is there."""
    with psycopg.connect(service.cluster.conninfo("ingest")) as connection:
        connection.execute("DELETE FROM pgstac.items")
    over = threading.Event()
    writers = [Writer(service, number, over) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for number in range(rounds):
            reached(writers, more=2)
            time.sleep(0.013 * (number % 5))
            kill(service)
        reached(writers, more=2)
    finally:
        over.set()
        for writer in writers:
            writer.join(30)
    strange = [each for writer in writers for each in writer.strange]
    assert strange == [], service.log.read_text()[-20_000:]
    with psycopg.connect(service.cluster.conninfo("read")) as connection:
        rows = connection.execute("SELECT substr(id, 6)::int FROM pgstac.items").fetchall()
    found = {row[0] for row in rows}
    assert len(found) == len(rows), "an item is there twice"
    for writer in writers:
        for start in writer.acknowledged:
            assert found.issuperset(range(start, start + BATCH)), f"batch {start} was lost"
    for item in found:
        start = item - item % BATCH
        assert found.issuperset(range(start, start + BATCH)), f"batch {start} is torn"
    begun = {writer.begun for writer in writers}
    acknowledged = {start for writer in writers for start in writer.acknowledged}
    assert {item - item % BATCH for item in found} <= begun | acknowledged


def reached(writers: list[Writer], *, more: int) -> None:
    """Wait until every writer has got so many more batches acknowledged."""
    goals = [len(writer.acknowledged) + more for writer in writers]
    deadline = time.monotonic() + 60
    while any(len(writer.acknowledged) < goal for writer, goal in zip(writers, goals, strict=True)):
        assert time.monotonic() < deadline, "writers do not get on"
        time.sleep(0.01)


@pytest.mark.parametrize("kill", [kill_service, kill_backend, kill_postmaster])
def test_three_kills(service: Service, kill: Callable[[Service], None]) -> None:
    campaign(service, kill, 3)


@pytest.mark.soak
@pytest.mark.parametrize("kill", [kill_service, kill_backend, kill_postmaster])
def test_twenty_kills(service: Service, kill: Callable[[Service], None]) -> None:
    campaign(service, kill, 20)
