"""docker-compose.yml without containers: its database, its services and its gateway as processes of this machine.

Each gets the environment, the arguments and the configuration files that compose gives it; addresses, the secrets'
folder and the data folder are replaced.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from eotiles.embedded.account import choose_account, run_as
from eotiles.embedded.binaries import find_binaries, standard_folders

ROOT = Path(__file__).parents[1]
PORTS = {"stac": 8081, "raster": 8082, "ingest": 8083, "explorer": 8084}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def compose_service(name: str) -> dict[str, object]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, object] = loaded["services"][name]
    return found


@dataclass(frozen=True)
class Deployment:
    """A running database, and what is needed to run the rest beside it."""

    folder: Path
    port: int
    """Of PostgreSQL."""

    programs: Path
    """Folder of PostgreSQL's programs."""

    @property
    def data(self) -> Path:
        return self.folder / "imagery"

    def secret(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text().strip()

    def environment(self, service: str) -> dict[str, str]:
        """What compose gives to a service: its env_file, then `environment` with its defaults."""
        lines = (ROOT / "services" / service / "defaults.env").read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
        declared = compose_service(service).get("environment", {})
        assert isinstance(declared, dict)
        for name, value in declared.items():
            values[name] = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        secrets = str(self.folder / "secrets")
        values = {name: value.replace("/run/secrets", secrets) for name, value in values.items()}
        if values.get("PGHOST") == "database":
            values |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        values["EOTILES_DATA"] = str(self.data)
        return values | {"PATH": os.environ["PATH"], "EOTILES_LOG_FORMAT": "json"}

    def run(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`docker compose run --rm SERVICE ARGUMENTS…`"""
        return subprocess.run(
            [sys.executable, "-m", "eotiles", *arguments],
            env=self.environment(service),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def connect(
        self, login: str, secret: str, *, database: str = "eotiles"
    ) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=login,
            password=self.secret(secret),
            options="-c search_path=pgstac,public",
            autocommit=True,
        )


@contextmanager
def deployment() -> Iterator[Deployment]:
    """The database service, and secrets made by scripts/compose-secrets.

    Raises:
        SetupError: PostgreSQL with PostGIS is missing.
    """
    programs = find_binaries(standard_folders()).folder
    folder = Path(tempfile.mkdtemp(prefix="eotiles-", dir="/tmp"))
    folder.chmod(0o711)
    account = choose_account(folder / "pg" / "data")
    for name in ("pg", "imagery"):
        (folder / name).mkdir()
    if os.geteuid() == 0:
        os.chown(folder / "pg", account.uid, account.gid)
    _make_secrets(folder)
    configuration = folder / "postgresql.conf"
    shutil.copy(ROOT / "services" / "database" / "postgresql.conf", configuration)
    configuration.chmod(0o644)
    port = free_port()
    data, log = str(folder / "pg" / "data"), str(folder / "pg" / "log")
    password = folder / "secrets" / "db_admin_password"
    declared = compose_service("database")["environment"]
    assert isinstance(declared, dict)
    options = shlex.split(declared["POSTGRES_INITDB_ARGS"])
    _must(
        account,
        [str(programs / "initdb"), "-D", data, "-U", "postgres", f"--pwfile={password}", *options],
    )
    control = [str(programs / "pg_ctl"), "-D", data, "-w", "-t", "30"]
    settings = (
        f"-c config_file={configuration} -c port={port} -c unix_socket_directories={folder}/pg"
    )
    _must(account, [*control, "-l", log, "-o", settings, "start"])
    try:
        made = Deployment(folder=folder, port=port, programs=programs)
        with made.connect("postgres", "db_admin_password", database="postgres") as connection:
            connection.execute("CREATE DATABASE eotiles")  # as POSTGRES_DB has the image do
        yield made
    finally:
        run_as(account, [*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


def _make_secrets(folder: Path) -> None:
    environ = {"SECRETS": str(folder / "secrets"), "PATH": "/usr/bin:/bin"}
    script = str(ROOT / "scripts" / "compose-secrets")
    done = subprocess.run([script, "token"], env=environ, check=True, capture_output=True)
    (folder / "token").write_bytes(done.stdout)
    # Here PostgreSQL's account reads the file at its place; in a container it is mounted alone.
    (folder / "secrets").chmod(0o755)


def _must(account: object, command: list[str]) -> None:
    done = run_as(account, command)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stdout


@contextmanager
def running(made: Deployment) -> Iterator[str]:
    """All services and the gateway; the gateway's address comes back. The database has to be migrated.

    Raises:
        FileNotFoundError: nginx is missing.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise FileNotFoundError("nginx is not installed")
    dockerfile = (ROOT / "services" / "Dockerfile").read_text()
    with ExitStack() as stack:
        ports = {}
        for name, port in PORTS.items():
            stage = re.search(rf"^FROM base AS {name}$(.*?)^FROM", dockerfile, re.DOTALL | re.M)
            assert stage is not None
            command = re.search(r"^CMD (.*)$", stage[1], flags=re.M)
            assert command is not None
            ports[name] = free_port()
            here = {str(port): str(ports[name]), "0.0.0.0": "127.0.0.1"}
            arguments = [here.get(word, word) for word in json.loads(command[1])]
            log = stack.enter_context((made.folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", "eotiles", *arguments],
                env=made.environment(name),
                cwd=made.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.callback(_end, process)
        listen = free_port()
        text = (ROOT / "services" / "gateway" / "nginx.conf").read_text()
        for name, port in PORTS.items():
            text = text.replace(f"http://{name}:{port}", f"http://127.0.0.1:{ports[name]}")
        text = text.replace("listen 8080;", f"listen 127.0.0.1:{listen};")
        text = re.sub(r"/tmp/|/dev/std(?=out|err)", f"{made.folder}/nginx-", text)
        (made.folder / "nginx.conf").write_text(text)
        user = " user root;" if os.geteuid() == 0 else ""
        process = subprocess.Popen(
            [nginx, "-p", str(made.folder), "-c", "nginx.conf", "-g", f"daemon off;{user}"],
            stderr=subprocess.DEVNULL,
        )
        stack.callback(_end, process)
        _wait_for(listen, process)
        yield f"http://127.0.0.1:{listen}"


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            assert process.poll() is None, "nginx ended"
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, as `docker compose stop` sends; whoever is left after the grace period is a failure."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args!r} did not drain within its grace period") from error
