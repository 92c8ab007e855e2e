"""docker-compose.yml: what it runs, with which rights, and that every check here can fail."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.applications import Starlette
from starlette.testclient import TestClient

import eotiles
from eotiles.http.service import add_health
from eotiles.runtime import conninfo, uses_embedded, writing_keys
from eotiles.settings import Settings

ROOT = Path(__file__).parents[2]
ONE_SHOT = "migrate"
PORTS = {"stac": 8081, "raster": 8082, "ingest": 8083, "explorer": 8084, "gateway": 8080}
LOGINS = {
    "migrate": "postgres",
    "stac": "eotiles_read",
    "raster": "eotiles_read",
    "ingest": "eotiles_ingest",
}
SECRETS = {
    "database": {"db_admin_password"},
    "migrate": {"db_admin_password", "db_read_password", "db_ingest_password"},
    "stac": {"db_read_password"},
    "raster": {"db_read_password"},
    "ingest": {"db_ingest_password", "ingest_tokens"},
    "explorer": set(),
    "gateway": set(),
}
WRITERS = {("database", "database"), ("ingest", "imagery"), ("demo", "data")}
"""Who may write to which volume."""

LIBPQ = {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE"}
IMAGE = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}
"""What the PostgreSQL image itself reads; POSTGRES_PASSWORD is left out on purpose."""

Compose = dict[str, Any]


def load(name: str = "docker-compose.yml") -> Compose:
    """The file with every `${NAME:-default}` at its default, and nothing shared between the services."""
    loaded: Compose = expanded(yaml.safe_load((ROOT / name).read_text()))
    return loaded


def expanded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: expanded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return value


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What a container gets: its env_file, then `environment`."""
    values: dict[str, str] = {}
    if file := service.get("env_file"):
        lines = (line for line in (ROOT / file).read_text().splitlines() if line.strip())
        values.update(line.split("=", 1) for line in lines if not line.startswith("#"))
    return values | {name: str(value) for name, value in service.get("environment", {}).items()}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def complaints(compose: Compose) -> list[str]:
    """Everything that is wrong with a compose file."""
    return [
        f"{name}: {complaint}"
        for name, service in compose["services"].items()
        for check in (rights, limits, health, secrets, network, start, image, variables)
        for complaint in check(name, service, compose)
    ]


def rights(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    user = re.fullmatch(r"(\d+):(\d+)", str(service.get("user", "")))
    if user is None or "0" in user.groups():
        yield "runs as root, or as a user without a number"
    if service.get("read_only") is not True:
        yield "file system can be written"
    if service.get("cap_drop") != ["ALL"] or "cap_add" in service:
        yield "keeps capabilities"
    if service.get("security_opt") != ["no-new-privileges:true"]:
        yield "may gain privileges"
    if service.get("privileged") or service.get("network_mode") or service.get("pid"):
        yield "leaves its container"
    if not any(mount.startswith("/tmp:size=") for mount in service.get("tmpfs", [])):
        yield "has no /tmp, or one without a size"
    for mount in service.get("volumes", []):
        source, target, *mode = mount.rsplit(":", 2) if mount.endswith(":ro") else mount.split(":")
        may_write = (name, source) in WRITERS
        if (mode == ["ro"]) == may_write:
            yield f"{source} at {target}: wrong mode"
        if "docker.sock" in source:
            yield "reaches the container engine"


def limits(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    for limit in ("mem_limit", "pids_limit"):
        if not service.get(limit):
            yield f"has no {limit}"
    if not service.get("logging", {}).get("options", {}).get("max-size"):
        yield "logs without limit"
    if name != ONE_SHOT and service.get("restart") != "unless-stopped":
        yield "does not come back after a crash"
    if name == ONE_SHOT and service.get("restart") != "no":
        yield "runs more than once"
    drain = Settings.model_fields["drain_s"].default
    if seconds(service.get("stop_grace_period", "10s")) <= drain:
        yield "is killed while it drains"


def health(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    if name == ONE_SHOT:
        return
    check = service.get("healthcheck", {})
    command = " ".join(check.get("test", []))
    if not command.startswith("CMD "):
        yield "has no health check"
    elif name == "database":
        if "pg_isready" not in command or "--port=5432" not in command:
            yield "health check does not ask the database"
    elif f"http://127.0.0.1:{PORTS[name]}/healthz" not in command:
        yield "health check does not ask the service's own /healthz"
    for key in ("interval", "timeout", "retries", "start_period", "start_interval"):
        if key not in check:
            yield f"health check has no {key}"


def secrets(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    if set(service.get("secrets", [])) != SECRETS[name]:
        yield f"has other secrets than {sorted(SECRETS[name])}"
    for variable, value in environment(service).items():
        if re.search("PASSWORD|TOKEN|SECRET|KEY|DATABASE_URL", variable):
            if not variable.endswith("_FILE"):
                yield f"{variable} is a secret in the environment"
            elif value.removeprefix("/run/secrets/") not in SECRETS[name]:
                yield f"{variable} names no secret of this service"
        if re.search(r"://[^/]*:[^/]*@", value):
            yield f"{variable} holds a password"
    for secret in service.get("secrets", []):
        if compose["secrets"].get(secret) != {"file": f"./secrets/{secret}"}:
            yield f"secret {secret} is no file of secrets/"


def network(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    networks = set(service.get("networks", []))
    if name == "gateway":
        if service.get("ports") != ["127.0.0.1:8080:8080"]:
            yield "is published elsewhere than on 127.0.0.1:8080"
        if networks != {"edge", "web"}:
            yield "sits in other networks than edge and web"
        return
    if service.get("ports"):
        yield "is published"
    for other in networks:
        if not (compose["networks"].get(other) or {}).get("internal"):
            yield f"network {other} has a way out"
    if (name in ("stac", "raster", "ingest", "database", ONE_SHOT)) != ("data" in networks):
        yield "is on the wrong side of the database's network"


def start(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    waits = {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
    wanted: dict[str, str] = {}
    if name == ONE_SHOT:
        wanted = {"database": "service_healthy"}
    elif name in ("stac", "raster", "ingest"):
        wanted = {"database": "service_healthy", ONE_SHOT: "service_completed_successfully"}
    elif name == "gateway":
        wanted = dict.fromkeys(("stac", "raster", "ingest", "explorer"), "service_healthy")
    if waits != wanted:
        yield f"waits for {waits}, not for {wanted}"


def image(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    if service.get("image") != f"eotiles-{name}:{eotiles.__version__}":
        yield "image is not named after the service and the version"
    wanted = {"context": ".", "dockerfile": "services/Dockerfile", "target": name}
    if service.get("build") != wanted:
        yield "is not built from the target of its name"


def variables(name: str, service: dict[str, Any], compose: Compose) -> Iterator[str]:
    known = {f"EOTILES_{field.upper()}" for field in Settings.model_fields} | LIBPQ
    for variable in environment(service):
        if variable not in (IMAGE if name == "database" else known):
            yield f"{variable} is no setting"
    if name in LOGINS and environment(service).get("PGUSER") != LOGINS[name]:
        yield f"logs in as another role than {LOGINS[name]}"


def test_the_services_are_those_of_the_architecture() -> None:
    assert set(load()["services"]) == {"database", ONE_SHOT, *PORTS}
    folders = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}
    assert folders == set(load()["services"])


def test_nothing_is_wrong() -> None:
    assert complaints(load()) == []


def test_the_demo_has_no_more_rights_than_a_service() -> None:
    compose = load("docker-compose.demo.yml")
    service = compose["services"].pop("demo")
    assert not compose["services"]
    service["restart"] = "unless-stopped"  # it does not come back by itself, and need not
    for check in (rights, limits, image, variables):
        assert not list(check("demo", service, compose))
    assert service["ports"] == ["127.0.0.1:8080:8080"]
    assert "http://127.0.0.1:8080/readyz" in " ".join(service["healthcheck"]["test"])


def change(*path: str, to: Any) -> Callable[[Compose], None]:
    def apply(compose: Compose) -> None:
        place: Any = compose
        for key in path[:-1]:
            place = place[key]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [
        (change("services", "stac", "user", to="0:0"), "stac: runs as root"),
        (change("services", "stac", "user", to="eotiles"), "stac: runs as root"),
        (change("services", "raster", "read_only", to=None), "raster: file system"),
        (change("services", "gateway", "cap_drop", to=None), "gateway: keeps capabilities"),
        (change("services", "gateway", "security_opt", to=[]), "gateway: may gain"),
        (change("services", "raster", "privileged", to=True), "raster: leaves its container"),
        (change("services", "raster", "tmpfs", to=[]), "raster: has no /tmp"),
        (change("services", "raster", "volumes", to=["imagery:/var/lib/eotiles"]), "wrong mode"),
        (change("services", "ingest", "volumes", to=["imagery:/x:ro"]), "ingest: imagery at /x"),
        (change("services", "ingest", "mem_limit", to=None), "ingest: has no mem_limit"),
        (change("services", "ingest", "pids_limit", to=None), "ingest: has no pids_limit"),
        (change("services", "explorer", "logging", to=None), "explorer: logs without limit"),
        (change("services", "explorer", "restart", to="no"), "explorer: does not come back"),
        (change("services", ONE_SHOT, "restart", to="always"), "migrate: runs more than once"),
        (change("services", "stac", "stop_grace_period", to="10s"), "stac: is killed while"),
        (change("services", "stac", "healthcheck", to=None), "stac: has no health check"),
        (change("services", "stac", "healthcheck", "test", to=["NONE"]), "stac: has no health"),
        (
            change("services", "stac", "healthcheck", "test", to=["CMD", "python", "-c", "8082"]),
            "stac: health check does not ask",
        ),
        (
            change("services", "database", "environment", "POSTGRES_PASSWORD", to="x"),
            "database: POSTGRES_PASSWORD is a secret in the environment",
        ),
        (
            change("services", "stac", "environment", "EOTILES_DATABASE_URL", to="x"),
            "stac: EOTILES_DATABASE_URL is a secret in the environment",
        ),
        (
            change("services", "stac", "environment", "EOTILES_TITLE", to="pg://a:b@c/d"),
            "stac: EOTILES_TITLE holds a password",
        ),
        (change("services", "stac", "secrets", to=["db_admin_password"]), "stac: has other"),
        (change("secrets", "db_read_password", to={"environment": "X"}), "no file of secrets/"),
        (change("services", "database", "ports", to=["5432:5432"]), "database: is published"),
        (change("services", "gateway", "ports", to=["8080:8080"]), "gateway: is published else"),
        (change("networks", "data", to={}), "database: network data has a way out"),
        (change("services", "explorer", "networks", to=["web", "data"]), "explorer: is on the"),
        (change("services", "stac", "depends_on", to={}), "stac: waits for {}"),
        (change("services", "stac", "image", to="eotiles-stac:latest"), "stac: image is not"),
        (change("services", "stac", "build", "target", to="raster"), "stac: is not built"),
        (change("services", "stac", "environment", "EOTILES_PROT", to="1"), "EOTILES_PROT is no"),
        (change("services", "stac", "environment", "PGUSER", to="postgres"), "stac: logs in as"),
    ],
)
def test_a_mistake_is_noticed(mistake: Callable[[Compose], None], complaint: str) -> None:
    compose = load()
    mistake(compose)
    assert any(complaint in found for found in complaints(compose)), complaints(compose)


@pytest.mark.parametrize("name", sorted(LOGINS))
def test_a_service_logs_in_to_the_external_database(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    values = environment(load()["services"][name])
    file = tmp_path / "password"
    file.write_text("s3cret/with:signs\n")
    values["EOTILES_DATABASE_PASSWORD_FILE"] = str(file)
    for variable, value in values.items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    assert not uses_embedded(settings)
    wanted = f"postgresql://{LOGINS[name]}:s3cret%2Fwith%3Asigns@database:5432/eotiles"
    assert conninfo(settings, "read") == wanted


def test_the_health_checks_ask_what_the_services_answer() -> None:
    async def ready() -> None:
        raise AssertionError("liveness must not ask anything else")

    app = Starlette()
    add_health(app, service="any", ready=ready, registries=[])
    with TestClient(app) as client:
        assert client.get("/healthz").status_code == 200


def test_every_variable_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    example = (ROOT / ".env.example").read_text()
    offered = dict(re.findall(r"^(\w+)=(.*)$", example, flags=re.MULTILINE))
    assert used == set(offered)
    defaults = re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text())
    assert {name for name, _ in defaults} == used
    assert set(defaults) == set(offered.items()), "the example and the file differ in a default"


def test_the_secrets_script_makes_what_compose_mounts(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    script = [str(ROOT / "scripts" / "compose-secrets")]
    environ = {"SECRETS": str(folder), "PATH": "/usr/bin:/bin"}
    subprocess.run(script, env=environ, check=True, capture_output=True)
    assert {path.name for path in folder.iterdir()} == set(load()["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    passwords = {path.name: path.read_text() for path in folder.glob("db_*")}
    assert len(set(passwords.values())) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", text) for text in passwords.values())
    assert (folder / "ingest_tokens").read_text() == "", "nobody may write until a token is made"

    done = subprocess.run([*script, "token"], env=environ, check=True, capture_output=True)
    token = done.stdout.decode().strip()
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert (folder / "ingest_tokens").read_text() == f"{digest}\n"
    assert {path.name: path.read_text() for path in folder.glob("db_*")} == passwords
    settings = Settings(ingest_token_sha256_file=folder / "ingest_tokens")
    assert [key.sha256 for key in writing_keys(settings)] == [digest]

    scoped = [*script, "token", "nightly", "landsat-*,naip"]
    subprocess.run(scoped, env=environ, check=True, capture_output=True)
    second = writing_keys(settings)[1]
    assert (second.name, second.collections) == ("nightly", ("landsat-*", "naip"))

    refused = subprocess.run([*script, "tokens"], env=environ, check=False, capture_output=True)
    assert refused.returncode == 2
    assert b"'tokens' is not known" in refused.stderr
