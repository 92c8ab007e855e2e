"""The rivals of the search benchmark: eotiles' STAC service, and the stock application of stac-fastapi-pgstac."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rivals import environment, libpq
from server import Server, free_port


@dataclass(frozen=True)
class Api:
    """A STAC API in one process, and the PostgreSQL server that it asks."""

    server: Server
    prefix: str
    postgres: int
    """Process id of the PostgreSQL server."""

    @property
    def name(self) -> str:
        """Short, for people."""
        return self.server.name


def ours(data: Path, *, postgres: int, logs: Path) -> Api:
    """eotiles' STAC service, as `eotiles serve` starts it."""
    port = free_port()
    server = Server(
        "ours",
        [sys.executable, "-m", "eotiles", "serve", "--service", "stac", "--port", str(port)],
        environment=environment()
        | {
            "EOTILES_DATA": str(data),
            "EOTILES_LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src"),
        },
        port=port,
        ready="/readyz",
        log=logs / "search-ours.log",
    )
    return Api(server, "/stac", postgres)


def stock(name: str, *, conninfo: str, postgres: int, logs: Path, settings: dict[str, str]) -> Api:
    """The stock application in one worker of uvicorn."""
    port = free_port()
    server = Server(
        name,
        [
            sys.executable, "-m", "uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory", "--workers", "1",
            "--port", str(port), "--log-level", "warning", "--no-access-log",
        ],
        environment=environment() | libpq(conninfo) | settings,
        port=port,
        ready="/_mgmt/health",
        log=logs / f"search-{name}.log",
    )  # fmt: skip
    return Api(server, "", postgres)
