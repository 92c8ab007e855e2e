"""`eotiles db` as people run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from typer.testing import CliRunner

from eotiles.cli import db
from eotiles.core.errors import EotilesError, SetupError
from eotiles.embedded.cluster import Cluster
from eotiles.embedded.layout import Layout

pytestmark = pytest.mark.integration

UNREACHABLE = "postgresql://nobody:hunter2@127.0.0.1:9/nothing"

RUN = """
import sys
from eotiles.cli import db
from eotiles.core.errors import EotilesError
try:
    db.app()
except EotilesError as error:
    sys.exit(f"eotiles: {error}")
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def data(own_cluster: Cluster) -> Iterator[Path]:
    """A data folder without a database at first."""
    yield own_cluster.status().data
    own_cluster.stop()


def _db(data: Path, *arguments: str, typed: str = "", **environment: str) -> Ended:
    """Run `eotiles db …` in this process."""
    variables = {"EOTILES_DATA": str(data), **environment}
    result = CliRunner().invoke(db.app, list(arguments), input=typed, env=variables)
    if isinstance(result.exception, EotilesError):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def _external(data: Path) -> str:
    """URI of the cluster's database as its owner would give it for an external one."""
    run = quote(str(Layout(data=data).run), safe="")
    return f"postgresql://postgres@/eotiles?host={run}&port={Cluster(data).status().port}"


def test_a_first_start_says_two_lines(data: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", RUN, "start"],
        env={**os.environ, "EOTILES_DATA": str(data)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0
    # The complaint of pgSTAC's first migration is for nobody.
    assert result.stderr == f"making a database in {data} …\n"
    assert result.stdout.startswith("database with pgSTAC 0.10.0 ready on 127.0.0.1:")
    assert result.stdout.count("\n") == 1


def test_start_status_migrate_stop(data: Path) -> None:
    assert _db(data, "start").code == 0
    running = _db(data, "status")
    assert running.code == 0
    assert "running      yes" in running.out
    assert str(data) in running.out
    assert _db(data, "migrate") == Ended(0, "database has pgSTAC 0.10.0\n", "")
    assert _db(data, "stop") == Ended(0, "database stopped\n", "")
    assert _db(data, "stop") == Ended(0, "the database was not running\n", "")
    stopped = _db(data, "status")
    assert stopped.code == 3
    assert "running      no" in stopped.out
    with pytest.raises(SetupError, match="eotiles db start"):
        _db(data, "migrate")


def test_reset_asks(data: Path) -> None:
    assert _db(data, "start").code == 0
    refused = _db(data, "reset", typed="n\n")
    assert refused.code == 1
    assert f"Delete the database in {data}?" in refused.out
    assert Cluster(data).status().running
    assert _db(data, "reset", "--yes") == Ended(0, "database deleted\n", "")
    assert Cluster(data).status().version is None


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_an_external_database_is_left_to_its_owner(data: Path, verb: str) -> None:
    ended = _db(data, verb, EOTILES_DATABASE_URL=UNREACHABLE)
    assert ended.code == 0
    assert "an external database is used" in ended.out


def test_an_external_database_is_not_deleted(data: Path) -> None:
    with pytest.raises(SetupError, match="an external database is used"):
        _db(data, "reset", "--yes", EOTILES_DATABASE_URL=UNREACHABLE)


def test_an_external_database_that_is_down_is_a_sentence_without_its_password(data: Path) -> None:
    for verb in ("migrate", "status"):
        with pytest.raises(SetupError, match="cannot be reached") as told:
            _db(data, verb, EOTILES_DATABASE_URL=UNREACHABLE)
        assert "hunter2" not in str(told.value)


def test_migrating_an_external_database_sets_the_passwords_of_its_logins(
    data: Path, tmp_path: Path
) -> None:
    assert _db(data, "start").code == 0
    url = _external(data)
    secret, empty = tmp_path / "read", tmp_path / "empty"
    secret.write_text("from a file\n")
    empty.touch()
    ended = _db(data, "migrate", EOTILES_DATABASE_URL=url, EOTILES_READ_PASSWORD_FILE=str(secret))
    assert ended == Ended(0, "database has pgSTAC 0.10.0\npassword of eotiles_read set\n", "")
    address = f"host=127.0.0.1 port={Cluster(data).status().port} dbname=eotiles user=eotiles_read"
    with psycopg.connect(address, password="from a file") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    status = _db(data, "status", EOTILES_DATABASE_URL=url)
    assert "pgSTAC       0.10.0" in status.out
    for file, reason in ((empty, "is empty"), (tmp_path / "missing", "cannot be read")):
        with pytest.raises(SetupError, match=f"EOTILES_INGEST_PASSWORD_FILE {reason}"):
            _db(data, "migrate", EOTILES_DATABASE_URL=url, EOTILES_INGEST_PASSWORD_FILE=str(file))


def test_without_postgresql_and_apt_the_sentence_says_what_to_install(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    """A mount name space without /usr/lib/postgresql stands for a machine that lacks it."""
    if not Path("/usr/lib/postgresql").is_dir():
        pytest.skip("PostgreSQL is not where Debian puts it")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("hiding PostgreSQL needs the right to make a mount name space")
    hide = 'mount -t tmpfs none /usr/lib/postgresql && PATH=/nothing exec "$0" -c "$1" start'
    result = subprocess.run(
        ["unshare", "-m", "sh", "-c", hide, sys.executable, RUN],
        env={**os.environ, "EOTILES_DATA": str(tmp_path / "data")},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "PostgreSQL 15 or newer with PostGIS is not installed" in result.stderr
    assert "package manager" in result.stderr
    assert "EOTILES_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr
