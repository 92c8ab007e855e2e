"""`eotiles demo`: the whole of eotiles on a real scene, and with --check proof that it is right."""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from eotiles.catalog.migrations import migrate
from eotiles.cli.logs import configure_logs
from eotiles.cli.serve import embedded_database, listening, run_server
from eotiles.core.errors import SetupError
from eotiles.runtime import conninfo, uses_embedded
from eotiles.settings import SERVICES, Settings


def demo(
    check: Annotated[
        bool, typer.Option("--check", help="Ask the demo itself, print what came, exit 0 or 1.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one (EOTILES_PORT).")
    ] = None,
) -> None:
    """Ingest a real Sentinel-2 scene and serve it: catalogue, tiles and map under one origin."""
    started = time.perf_counter()
    settings = Settings(log_level="WARNING")
    configure_logs(settings)
    failed = False
    with (
        _alone(settings.data),
        listening(settings.host, settings.port if port is None else port) as listener,
        embedded_database(settings),
    ):
        _say(f"database ready after {time.perf_counter() - started:.1f} s")
        _ingest(settings)
        _say(f"scene in the catalogue after {time.perf_counter() - started:.1f} s")
        address, bound = listener.getsockname()[:2]
        url = settings.public_url or f"http://{address}:{bound}"

        def when_ready() -> bool:
            nonlocal failed
            _say(f"ready after {time.perf_counter() - started:.1f} s\n")
            _print_urls(url, settings)
            if not check:
                typer.echo("\nCtrl-C ends it.")
                return True
            # SciPy and rio-tiler are loaded for the check only.
            from eotiles.cli.check import check_demo  # noqa: PLC0415

            failed = True
            failed = not check_demo(url, settings)
            return False

        run_server(settings, SERVICES, listener, when_ready=when_ready)
    if failed:
        raise typer.Exit(1)


def _say(sentence: str) -> None:
    typer.echo(f"demo: {sentence}", err=True)


def _ingest(settings: Settings) -> None:
    from eotiles.ingest.demo import demo_files, demo_options  # noqa: PLC0415
    from eotiles.ingest.files import ingest_files  # noqa: PLC0415

    if not uses_embedded(settings):
        migrate(conninfo(settings, "admin"))
    with tempfile.TemporaryDirectory(prefix="eotiles-demo-") as folder:
        summary = ingest_files(
            demo_files(Path(folder)),
            demo_options(),
            conninfo=conninfo(settings, "ingest"),
            assets=settings.assets,
            roots=settings.roots,
        )
    if summary.refused:
        raise SetupError(f"the demo scene was refused: {summary.refused[0]}")


def _print_urls(url: str, settings: Settings) -> None:
    item = "collections/sentinel-2-demo/items/s2-patagonia-demo"
    raster = f"{url}{settings.raster_path}"
    for what, address in {
        "map": f"{url}/",
        "STAC API": f"{url}{settings.stac_path}/",
        "STAC API documentation": f"{url}{settings.stac_path}/api.html",
        "raster API documentation": f"{raster}/api.html",
        "NDVI TileJSON": f"{raster}/{item}/WebMercatorQuad/tilejson.json?index=ndvi",
        "NDVI tiles": f"{raster}/{item}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?index=ndvi",
    }.items():
        typer.echo(f"  {what:<26}{address}")


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the data folder's demo lock.

    Raises:
        SetupError: another demo runs in this data folder.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "demo.lock").open("a")
    except OSError as error:
        raise SetupError(
            f"the data folder {data} cannot be written ({error.strerror}); name another with EOTILES_DATA"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(
                "a demo already runs in this data folder: open its map, end it with Ctrl-C, or name another "
                "folder with EOTILES_DATA and another port with PORT"
            ) from error
        yield
