"""What tests share: one embedded cluster for the whole run, migrated, with its logins."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from eotiles.catalog.migrations import migrate
from eotiles.core.errors import SetupError
from eotiles.embedded.binaries import find_binaries, standard_folders
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No setting or database of the developer's reaches a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("PG", "EOTILES_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """structlog's default prints every variable of every frame: a minute for one of FastAPI's."""
    console = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            console,
        ]
    )


def _make_data_folder() -> Path:
    """A new data folder with a short path that the account of PostgreSQL may enter; pytest's own is closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="eotiles-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


def _require_postgresql() -> None:
    """Skip where PostgreSQL with PostGIS is missing; fail there on CI."""
    try:
        find_binaries(standard_folders())
    except SetupError as error:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """Data folder of the shared cluster; gone after the run."""
    folder = _make_data_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A cluster of the module's own, not started yet, for tests that kill, stop or delete one."""
    _require_postgresql()
    folder = _make_data_folder()
    own = Cluster(folder / "data")
    try:
        yield own
    finally:
        own.reset()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(data_folder: Path) -> Iterator[Cluster]:
    """The shared cluster, started and migrated. Tests that kill or reset one make their own."""
    _require_postgresql()
    shared = Cluster(data_folder)
    try:
        shared.start()
        migrate(shared.conninfo("admin"))
        yield shared
    finally:
        shared.stop()


@pytest.fixture(scope="session")
def settings(data_folder: Path) -> Settings:
    """Settings that use the shared cluster (start it by asking for `cluster`)."""
    return Settings(_env_file=None, data=data_folder)


@pytest.fixture(scope="session")
def read_conninfo(cluster: Cluster) -> str:
    """Login that searches."""
    return cluster.conninfo("read")


@pytest.fixture(scope="session")
def ingest_conninfo(cluster: Cluster) -> str:
    """Login that writes items and collections."""
    return cluster.conninfo("ingest")


@pytest.fixture(scope="session")
def admin_conninfo(cluster: Cluster) -> str:
    """Login that migrates."""
    return cluster.conninfo("admin")
