"""`eotiles serve`: the web services, all under one origin or one a process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from eotiles.catalog.migrations import migrate
from eotiles.cli.logs import configure_logs
from eotiles.core.errors import SetupError
from eotiles.embedded.cluster import Cluster
from eotiles.runtime import uses_embedded
from eotiles.settings import SERVICES, Service, Settings


def serve(
    service: Annotated[
        list[Service] | None,
        typer.Option(help="Run only this service (repeatable). Default: all, under one origin."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (EOTILES_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one (EOTILES_PORT).")
    ] = None,
) -> None:
    """Serve the catalogue, the tiles and the map until SIGINT or SIGTERM, then drain.

    Without an external database the embedded one is started, and stopped at the end if it was not running before.
    """
    # Web frameworks are loaded by the verbs that need them: `eotiles db status` answers at once.
    import uvicorn  # noqa: PLC0415

    from eotiles.http.one import create_one  # noqa: PLC0415

    settings = Settings()
    configure_logs(settings)
    services: tuple[Service, ...] = tuple(service) if service else SERVICES
    with (
        _listening(
            settings.host if host is None else host, settings.port if port is None else port
        ) as listener,
        _database(settings),
    ):
        address, bound = listener.getsockname()[:2]
        typer.echo(f"eotiles: {', '.join(services)} at http://{address}:{bound}", err=True)
        server = uvicorn.Server(
            uvicorn.Config(
                create_one(settings, services),
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=max(1, round(settings.drain_s)),
                timeout_keep_alive=75,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        server.run(sockets=[listener])


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket.

    Raises:
        SetupError: the port is in use or may not be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SetupError(
                f"cannot listen on {host}:{port} ({error.strerror}); another program may use the port: "
                "choose one with --port or EOTILES_PORT (0 takes a free one)"
            ) from error
        yield listener


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    """The embedded cluster running and migrated, unless an external database is named."""
    if not uses_embedded(settings):
        yield
        return
    cluster = Cluster(settings.data)
    ours = not cluster.status().running
    if ours:
        cluster.start()
        migrate(cluster.conninfo("admin"))
    try:
        yield
    finally:
        if ours:
            cluster.stop()
