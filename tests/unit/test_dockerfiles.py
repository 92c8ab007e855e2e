"""services/Dockerfile: what is built, from which images, and what it runs as."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

import eotiles
from eotiles.settings import SERVICES

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "services" / "Dockerfile"
EOTILES = {"migrate", "stac", "raster", "ingest", "explorer"}
PINNED = r"[\w./-]+:\d[\w.-]*(@sha256:[0-9a-f]{64})?"
PROGRAMS = {
    r"python:3\.11\.\d+-slim-bookworm": {"python"},
    r"nginxinc/nginx-unprivileged:.*-alpine": {"wget"},
    r"postgis/postgis:": {"pg_isready"},
}
"""Programs that a base image is known to have and that health checks may use."""


@dataclass
class Stage:
    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [rest for word, rest in self.instructions if word == keyword]

    def last(self, keyword: str) -> str | None:
        return (self.all(keyword) or [None])[-1]


def parse(text: str) -> dict[str, Stage]:
    """Stages by name; the base of each is an image or another stage."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
            stage = stages[name] = Stage(name, base)
        elif stage is None:
            assert word == "ARG", f"{word} before the first FROM"
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            stage.instructions.append((word, rest))
    return stages


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return parse(DOCKERFILE.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return loaded


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """The stage and those it is made from, nearest first."""
    found = [stages[name]]
    while found[-1].base in stages:
        found.append(stages[found[-1].base])
    return found


def effective(stages: dict[str, Stage], name: str, keyword: str) -> str | None:
    return next(
        (rest for stage in lineage(stages, name) if (rest := stage.last(keyword)) is not None), None
    )


def test_every_service_has_a_target(stages: dict[str, Stage], services: dict[str, Any]) -> None:
    assert set(services) <= set(stages)


def test_images_are_pinned(stages: dict[str, Stage]) -> None:
    images = {stage.base for stage in stages.values() if stage.base not in stages}
    assert len(images) == 5
    for image in images:
        assert re.fullmatch(PINNED, image), f"{image} is not pinned"


@pytest.mark.parametrize(
    "image", ["python", "python:latest", "node:lts-slim", "a:1@sha256:12", "python:3@sha512:00"]
)
def test_an_image_that_is_not_pinned_is_noticed(image: str) -> None:
    assert not re.fullmatch(PINNED, image)


def test_targets_run_as_the_user_that_compose_names(
    stages: dict[str, Stage], services: dict[str, Any]
) -> None:
    for name, service in services.items():
        user = effective(stages, name, "USER")
        assert user is not None, f"{name} runs as whoever its base image says"
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), f"{name} runs as {user}"
        assert user == service["user"]


def test_services_start_what_their_port_and_name_say(
    stages: dict[str, Stage], services: dict[str, Any]
) -> None:
    gateway = (ROOT / "services" / "gateway" / "nginx.conf").read_text()
    for name in sorted(EOTILES - {"migrate"}):
        service = "site" if name == "explorer" else name
        port = stages[name].last("EXPOSE")
        assert service in SERVICES
        assert json.loads(effective(stages, name, "ENTRYPOINT") or "[]") == ["eotiles"]
        wanted = ["serve", "--service", service, "--host", "0.0.0.0", "--port", port]
        assert json.loads(stages[name].last("CMD") or "[]") == wanted
        assert f"http://127.0.0.1:{port}/" in " ".join(services[name]["healthcheck"]["test"])
        assert f"http://{name}:{port}" in gateway
    assert json.loads(stages["migrate"].last("CMD") or "[]") == ["db", "migrate"]
    assert f"listen {stages['gateway'].last('EXPOSE')};" in gateway
    assert services["gateway"]["ports"][0].endswith(f":{stages['gateway'].last('EXPOSE')}")


@pytest.mark.parametrize("name", ["explorer", "demo"])
def test_stac_browser_is_the_official_image_s(stages: dict[str, Stage], name: str) -> None:
    assert stages["stac-browser"].base.startswith("ghcr.io/radiantearth/stac-browser:5.")
    folder = re.search(r"EOTILES_BROWSER=(\S+)", " ".join(stages[name].all("ENV")))
    assert folder is not None
    assert f"--from=stac-browser /usr/share/nginx/html {folder[1]}" in stages[name].all("COPY")


def test_the_demo_is_the_demo(stages: dict[str, Stage]) -> None:
    assert json.loads(stages["demo"].last("CMD") or "[]") == ["demo", "--port", "8080"]
    assert effective(stages, "demo", "USER") == "10001:10001"
    scripts = (ROOT / "scripts" / "setup").read_text()
    wheel = re.search(r"xarray-spatial==[\d.]+", scripts)
    assert wheel is not None
    assert wheel[0] in " ".join(stages["build-demo"].all("RUN")), "another scene than `make demo`"


def test_health_checks_use_programs_of_their_image(
    stages: dict[str, Stage], services: dict[str, Any]
) -> None:
    for name, service in services.items():
        if "healthcheck" not in service:
            continue
        kind, program, *_ = service["healthcheck"]["test"]
        base = lineage(stages, name)[-1].base
        known = next(has for image, has in PROGRAMS.items() if re.match(image, base))
        assert kind == "CMD", "a shell may be missing"
        assert program in known, f"{base} is not known to have {program}"


def test_no_secret_is_in_a_layer(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        for word, rest in stage.instructions:
            if word in ("ENV", "ARG"):
                assert not re.search("PASSWORD|TOKEN|SECRET|KEY|PG[A-Z]+", rest), rest
        assert not stage.all("ADD"), "ADD fetches and unpacks; COPY is enough"


def test_what_is_copied_exists_and_reaches_the_build(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        for rest in stage.all("COPY"):
            words = [word for word in rest.split() if not word.startswith("--chmod")]
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in stages
                continue
            for source in words[:-1]:
                assert (ROOT / source).exists(), f"{source} is copied, but is not there"
                assert in_context(source), f"{source} is copied, but .dockerignore keeps it out"


@pytest.mark.parametrize(
    "path",
    [".env", ".git/config", "secrets/db_admin_password", "tests/conftest.py", "docs/deploy.md"],
)
def test_what_no_image_needs_stays_out_of_the_build(path: str) -> None:
    assert not in_context(path)


def in_context(path: str) -> bool:
    """Whether .dockerignore lets a path into the build. The last line that fits counts."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        if fnmatch.fnmatch(path, pattern) or path.startswith(f"{pattern}/"):
            kept = line.startswith("!")
    return kept


def test_the_virtual_environment_is_pinned(stages: dict[str, Stage]) -> None:
    commands = [command for command in stages["build"].all("RUN") if "pip install" in command]
    assert commands
    for command in commands:
        assert "--constraint constraints.txt" in command or "--no-deps" in command


def test_python_is_one_that_eotiles_takes(stages: dict[str, Stage]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = lineage(stages, "base")[-1].base
    least = project["requires-python"].removeprefix(">=")
    found = re.match(r"python:(\d+)\.(\d+)\.", python)
    assert found is not None
    assert tuple(map(int, found.groups())) >= tuple(map(int, least.split(".")))
    assert lineage(stages, "build")[-1].base == python, "built with another Python than it runs on"


def test_the_images_say_what_they_are(stages: dict[str, Stage]) -> None:
    assert f"VERSION={eotiles.__version__}" in stages["base"].all("ARG")
    labels = " ".join(stages["base"].all("LABEL"))
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    environment = " ".join(stages["base"].all("ENV"))
    for variable in (
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONUNBUFFERED=1",
        "MALLOC_ARENA_MAX=2",
        "NUMBA_CACHE_DIR=/tmp/",
        "HOME=/tmp",
        "EOTILES_LOG_FORMAT=json",
    ):
        assert variable in environment


def test_the_database_is_tuned_as_the_embedded_one() -> None:
    from eotiles.embedded import configuration  # noqa: PLC0415

    def values(text: str) -> dict[str, str]:
        return dict(re.findall(r"^(\w+) = (\S+)", text, flags=re.MULTILINE))

    here = values((ROOT / "services" / "database" / "postgresql.conf").read_text())
    embedded = values(configuration._CONFIGURATION)
    for name in (
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "password_encryption",
        "max_locks_per_transaction",
        "max_parallel_workers_per_gather",
        "jit",
        "random_page_cost",
        "temp_file_limit",
        "timezone",
    ):
        assert here[name] == embedded[name], name
