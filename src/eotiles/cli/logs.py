"""Log lines: for people on a terminal, JSON for machines; one format for eotiles, uvicorn and the libraries."""

from __future__ import annotations

import logging
import sys

import structlog

from eotiles.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Send every log line of the process to standard error in the format that the settings name."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.typing.Processor
    if settings.log_format == "json":
        shared.append(structlog.processors.format_exc_info)
        render = structlog.processors.JSONRenderer()
    else:
        # structlog's rich tracebacks print the values of variables, secrets among them.
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Warnings of libraries would be plain text between lines of JSON.
    logging.captureWarnings(True)
    root.setLevel(settings.log_level)
    for loud in (
        "rio_tiler",
        "rio-tiler",
        "rasterio",
        "numba",
        "httpx2",
        "botocore",
        "psycopg.pool",
    ):
        logging.getLogger(loud).setLevel(max(logging.WARNING, root.level))
    # It warns of titles that we give it a moment later.
    logging.getLogger("stac_fastapi.types.config").setLevel(logging.ERROR)
