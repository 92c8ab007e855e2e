"""`eotiles serve`: the web services, all under one origin or one a process."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
        list[str] | None,
        typer.Option(
            help=f"Run only this service ({', '.join(SERVICES)}; repeatable). "
            "Default: all, under one origin."
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (EOTILES_HOST).")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port to listen on; 0 takes a free one (EOTILES_PORT)."
        ),
    ] = None,
) -> None:
    """Serve the catalogue, the tiles and the map until SIGINT or SIGTERM, then drain.

    Without an external database the embedded one is started, and stopped at the end if it was not running before.
    """
    settings = Settings()
    configure_logs(settings)
    services = _services(service or SERVICES)
    chosen_host = settings.host if host is None else host
    chosen_port = settings.port if port is None else port
    # The map page alone needs no database.
    needs_database = services != ("site",)
    with (
        listening(chosen_host, chosen_port) as listener,
        embedded_database(settings) if needs_database else nullcontext(),
    ):
        address, bound = listener.getsockname()[:2]
        typer.echo(f"eotiles: {', '.join(services)} at http://{address}:{bound}", err=True)
        run_server(settings, services, listener)


def _services(names: Sequence[str]) -> tuple[Service, ...]:
    known = tuple(service for service in SERVICES if service in names)
    if strangers := sorted(set(names) - set(known)):
        raise SetupError(f"there is no service {strangers[0]!r}; there are {', '.join(SERVICES)}")
    return known


def run_server(
    settings: Settings,
    services: Sequence[Service],
    listener: socket.socket,
    *,
    when_ready: Callable[[], bool] | None = None,
) -> None:
    """Answer on a bound socket until a signal comes, or until `when_ready` returns False.

    `when_ready` runs in a thread of its own as soon as /readyz answers 200.
    """
    # Web frameworks are loaded by the verbs that need them: `eotiles db status` answers at once.
    import uvicorn  # noqa: PLC0415

    from eotiles.http.one import create_one  # noqa: PLC0415

    app = create_one(settings, services)
    # stac-fastapi sets this level when it is imported; the settings decide here.
    logging.getLogger("uvicorn").setLevel(logging.NOTSET)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(settings.drain_s)),
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=64 * 1024,
        )
    )

    def watch() -> None:
        host, port = listener.getsockname()[:2]
        if wait_until_ready(f"http://{host}:{port}") and when_ready is not None and when_ready():
            return
        server.should_exit = True

    # uvicorn raises the signal that ended it once more, when all is drained: then it must not kill us before the
    # database is stopped.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if when_ready is not None:
        threading.Thread(target=watch, name="eotiles-ready", daemon=True).start()
    server.run(sockets=[listener])


def wait_until_ready(url: str, *, timeout_s: float = 60.0) -> bool:
    """Whether a server's /readyz answers 200 in time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.1)
    return False


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
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
def embedded_database(settings: Settings) -> Iterator[None]:
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
