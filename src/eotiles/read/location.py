"""A Location: where an asset's bytes are, once its href has passed the allow-list (read/hrefs.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["file", "http", "https", "s3", "gs", "az"]

_GDAL: dict[Kind, str] = {
    "file": "",
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}


@dataclass(frozen=True)
class Location:
    """One file, in a folder of this machine, on a web server or in a bucket."""

    kind: Kind

    host: str
    """Host with port, bucket or container; empty for a file of this machine."""

    path: str
    """Starts with a slash. Of an http(s) address as it is sent, percent signs and all; else as it is named."""

    query: str = field(default="", repr=False)
    """Of an http(s) address, without its question mark. Signatures are here: it is in no name, log or message."""

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or (self.kind == "file") is bool(self.host):
            raise ValueError(f"no place: {self.kind} {self.host!r} {self.path!r}")
        if self.query and self.kind not in ("http", "https"):
            raise ValueError(f"only http(s) addresses have a query, not {self.kind}")

    @property
    def name(self) -> str:
        """What caches know it by: an address without its query, for a new signature makes no other file."""
        return self.path if self.kind == "file" else f"{self.kind}://{self.host}{self.path}"

    @property
    def gdal(self) -> str:
        """What GDAL opens."""
        query = f"?{self.query}" if self.query else ""
        return f"{_GDAL[self.kind]}{self.host}{self.path}{query}"

    @property
    def target(self) -> str:
        """What an HTTP request asks the host for."""
        return f"{self.path}?{self.query}" if self.query else self.path
