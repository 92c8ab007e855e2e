"""The database of docker-compose.yml, without a container: its initdb options, its configuration, its migration."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml

from eotiles.core.errors import SetupError
from eotiles.embedded.account import choose_account, run_as
from eotiles.embedded.binaries import find_binaries, standard_folders

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    folder: Path
    port: int

    def environment(self, service: str) -> dict[str, str]:
        """What compose gives to a service, with this server and this folder's secrets in place of the container's."""
        lines = (ROOT / "services" / service / "defaults.env").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
        secrets = str(self.folder / "secrets")
        values = {name: value.replace("/run/secrets", secrets) for name, value in values.items()}
        return values | {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGDATABASE": "eotiles",
            "PATH": os.environ["PATH"],
        }

    def run(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "eotiles", *arguments],
            env=self.environment(service),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def connect(self, login: str, secret: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname="eotiles",
            user=login,
            password=(self.folder / "secrets" / secret).read_text().strip(),
            options="-c search_path=pgstac,public",
            autocommit=True,
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    try:
        programs = find_binaries(standard_folders()).folder
    except SetupError as error:
        pytest.skip(str(error))
    folder = Path(tempfile.mkdtemp(prefix="eotiles-", dir="/tmp"))
    folder.chmod(0o711)
    # Passwords are read by containers, hence by everybody who may enter the folder.
    environ = {"SECRETS": str(folder / "secrets"), "PATH": "/usr/bin:/bin"}
    subprocess.run([ROOT / "scripts" / "compose-secrets"], env=environ, check=True, stderr=-3)
    (folder / "secrets").chmod(0o755)
    configuration = folder / "postgresql.conf"
    shutil.copy(ROOT / "services" / "database" / "postgresql.conf", configuration)
    configuration.chmod(0o644)
    account = choose_account(folder / "data")
    if os.geteuid() == 0:
        (folder / "pg").mkdir()
        os.chown(folder / "pg", account.uid, account.gid)
    else:
        (folder / "pg").mkdir(mode=0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    options = shlex.split(compose["services"]["database"]["environment"]["POSTGRES_INITDB_ARGS"])
    data, password = str(folder / "pg" / "data"), folder / "secrets" / "db_admin_password"
    made = run_as(
        account,
        [str(programs / "initdb"), "-D", data, "-U", "postgres", f"--pwfile={password}", *options],
    )
    assert made.returncode == 0, made.stdout
    settings = (
        f"-c config_file={configuration} -c port={port} -c unix_socket_directories={folder}/pg"
    )
    control = [str(programs / "pg_ctl"), "-D", data, "-w", "-t", "30"]
    started = run_as(account, [*control, "-l", f"{folder}/pg/log", "-o", settings, "start"])
    assert started.returncode == 0, started.stdout
    try:
        found = Server(folder=folder, port=port)
        with psycopg.connect(
            host="127.0.0.1",
            port=port,
            dbname="postgres",
            user="postgres",
            password=password.read_text().strip(),
            autocommit=True,
        ) as connection:
            connection.execute("CREATE DATABASE eotiles")  # as POSTGRES_DB has the image do
        yield found
    finally:
        run_as(account, [*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def test_the_migration_job_makes_the_logins_of_the_services(server: Server) -> None:
    for _ in range(2):  # it runs at every `docker compose up`
        done = server.run("migrate", "db", "migrate")
        assert done.returncode == 0, done.stderr
    with server.connect("eotiles_read", "db_read_password") as reader:
        assert reader.execute("SELECT count(*) FROM collections").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("""SELECT create_collection('{"id": "x"}')""")
    with server.connect("eotiles_ingest", "db_ingest_password") as writer:
        writer.execute(
            """SELECT create_collection('{"id": "a", "type": "Collection", "links": []}')"""
        )
    with server.connect("eotiles_read", "db_read_password") as reader:
        assert reader.execute("SELECT id FROM collections").fetchall() == [("a",)]


def test_a_wrong_password_is_refused_over_tcp(server: Server) -> None:
    assert server.run("migrate", "db", "migrate").returncode == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        server.connect("eotiles_read", "db_ingest_password")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        server.connect("postgres", "db_read_password")


def test_the_server_is_configured_as_the_file_says(server: Server) -> None:
    with server.connect("postgres", "db_admin_password") as connection:
        for name, value in (("jit", "off"), ("max_locks_per_transaction", "256")):
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
