"""Every setting of eotiles, in one frozen class read once at the edge (command line or service entry point).

Each is the environment variable EOTILES_<NAME IN CAPITALS> or a line of a `.env` file; docs/settings.md is generated
from the descriptions here (`eotiles settings --markdown`) and a test keeps it complete.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Service = Literal["stac", "raster", "ingest", "site"]
"""What a process can run: the catalogue with its asset files, tiles, writes, the map page."""

SERVICES: tuple[Service, ...] = get_args(Service)


def default_data() -> Path:
    """/var/lib/eotiles for root, otherwise the user's data folder (XDG base directory specification)."""
    if os.geteuid() == 0:
        return Path("/var/lib/eotiles")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "eotiles"


def default_read_threads() -> int:
    """Four for each core that this process may use, at most 32."""
    return min(32, 4 * len(os.sched_getaffinity(0)))


class Settings(BaseSettings):
    """Settings of every eotiles process. Units are in the names."""

    model_config = SettingsConfigDict(
        env_prefix="EOTILES_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data: Path = Field(
        default_factory=default_data,
        description="Data folder: the embedded database and the imagery that ingest converts.",
    )

    # Serving
    host: str = Field("127.0.0.1", description="Address that `eotiles serve` listens on.")
    port: int = Field(
        8080, ge=0, le=65535, description="Port of `eotiles serve`; 0 takes a free one."
    )
    public_url: str | None = Field(
        None,
        description="Address under which people reach eotiles (https://maps.example.org); links start with it. "
        "Unset: taken from the request, with X-Forwarded-* of a trusted proxy.",
    )
    stac_path: str = Field("/stac", description="Path of the STAC API under the public address.")
    raster_path: str = Field(
        "/raster", description="Path of the raster API under the public address."
    )
    assets_path: str = Field(
        "/assets", description="Path of converted imagery under the public address."
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="Comma-separated addresses of proxies whose X-Forwarded-* headers are believed; * believes all.",
    )
    drain_s: float = Field(10.0, gt=0, description="Seconds that SIGTERM gives requests in flight.")
    map_origins: str = Field(
        "",
        pattern=r"^[A-Za-z0-9:/.*\-\[\], ]*$",
        description="Comma-separated origins (https://host) besides eotiles' own from which the map page may load "
        "thumbnails and tiles.",
    )
    browser: Path | None = Field(
        None,
        description="Folder with a STAC Browser to show at /browser (scripts/stac_browser.py builds one and prints "
        "its folder). Unset: /browser leads to the public STAC Browser.",
    )
    cors_origins: str = Field(
        "*",
        description="Comma-separated origins that browsers may call from. Credentials are never allowed.",
    )

    # Database
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL with pgSTAC to use instead of the embedded one (postgresql://…). "
        "PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE are honoured too.",
    )
    database_password_file: Path | None = Field(
        None, description="File that holds the password of the database user (a container secret)."
    )
    read_password_file: Path | None = Field(
        None,
        description="File with the password that `eotiles db migrate` gives to the login eotiles_read.",
    )
    ingest_password_file: Path | None = Field(
        None,
        description="File with the password that `eotiles db migrate` gives to the login eotiles_ingest.",
    )
    database_pool_max: int = Field(
        10, ge=1, description="Most connections a pool opens; pools start at 1."
    )
    database_wait_s: float = Field(
        1.0, gt=0, description="Seconds a request waits for a connection before it is answered 503."
    )
    statement_timeout_s: float = Field(
        5.0, gt=0, description="Seconds a reading statement may run in PostgreSQL."
    )

    # Reading imagery
    asset_roots: str = Field(
        "",
        description="Comma-separated prefixes (folders, http(s)://host/path, s3://, gs:// or az://bucket/prefix) below "
        "which assets may be opened, besides the data folder's own assets.",
    )
    asset_private_hosts: str = Field(
        "",
        description="Comma-separated hosts, with their port as in asset_roots, that may have a private address. Others "
        "are refused where their name resolves to one; a root that is an address, or localhost, needs no mention.",
    )
    asset_proxy: str = Field(
        "",
        pattern=r"^(https?://[^\s]+)?$",
        description="Forward proxy (http://host:port) through which assets on web servers are read. The environment's "
        "HTTPS_PROXY is not used. Names are then resolved, and private addresses refused, by the proxy.",
    )
    block_cache_mb: int = Field(
        512,
        ge=0,
        description="Memory for decoded blocks of imagery, in MiB; shared by all requests of a process, and divided by "
        "the number of processes.",
    )
    web_concurrency: int = Field(
        1,
        ge=1,
        validation_alias=AliasChoices("EOTILES_WEB_CONCURRENCY", "WEB_CONCURRENCY"),
        description="How many raster processes you run on this machine (also WEB_CONCURRENCY). It starts none: each "
        "takes its share of the memory for caches. One is best: its threads share them.",
    )
    read_threads: int = Field(
        default_factory=default_read_threads,
        ge=1,
        description="Threads that read and draw; a request beyond read_queue waiting ones is answered 503.",
    )
    read_queue: int = Field(256, ge=1, description="Requests that may wait for a reading thread.")
    max_pixels: int = Field(
        4096 * 4096, ge=65536, description="Most pixels of one answer (width × height)."
    )

    # Writing over HTTP
    ingest_token_sha256: str = Field(
        "",
        description="Comma-separated SHA-256 hashes (hex) of bearer tokens that may write every collection under "
        "/stac. Empty, as is the file: writing over HTTP is off. `eotiles token` makes one.",
    )
    ingest_token_sha256_file: Path | None = Field(
        None,
        description="File of keys that may write (a container secret), one a line: NAME SHA256 COLLECTIONS, where "
        "COLLECTIONS are comma-separated ids, beginnings of ids with a star (landsat-*), or *; or a hash alone, which "
        "may write everything. Nobody but its owner may be able to change it.",
    )

    # Operating
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severity logged."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people or for machines."
    )
    title: str = Field("eotiles", description="Title of the catalogue and of the map.")
    description: str = Field(
        "A catalogue and a map of satellite imagery.",
        description="Description of the catalogue (Markdown).",
    )

    @field_validator("data")
    @classmethod
    def _data(cls, value: Path) -> Path:
        # Items hold paths below it: they have to mean the same in every process, wherever it was started.
        return value.expanduser().absolute()

    @field_validator("browser", mode="before")
    @classmethod
    def _browser(cls, value: object) -> object:
        # An empty variable is how a compose file leaves one out.
        return None if value == "" else value

    @field_validator("stac_path", "raster_path", "assets_path")
    @classmethod
    def _path(cls, value: str) -> str:
        if not value.startswith("/") or value.endswith("/"):
            raise ValueError("a path starts with / and does not end with /")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        if value is None or value == "":
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("a public address starts with http:// or https://")
        return value.rstrip("/")

    @cached_property
    def assets(self) -> Path:
        """Folder of the imagery that ingest converts."""
        return self.data / "assets"

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Prefixes below which assets may be opened."""
        extra = (root.strip() for root in self.asset_roots.split(","))
        return (str(self.assets), *(root for root in extra if root))

    @cached_property
    def private_hosts(self) -> frozenset[str]:
        """Hosts that may have a private address."""
        hosts = (host.strip().lower() for host in self.asset_private_hosts.split(","))
        return frozenset(host for host in hosts if host)
