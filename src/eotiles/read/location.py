"""A Location: where an asset's bytes are, once its href has passed the allow-list (read/hrefs.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Literal
from urllib.parse import parse_qsl

Kind = Literal["file", "http", "https", "s3", "gs", "az"]

_GDAL: dict[Kind, str] = {
    "file": "",
    "http": "/vsicurl/http://",
    "https": "/vsicurl/https://",
    "s3": "/vsis3/",
    "gs": "/vsigs/",
    "az": "/vsiaz/",
}


_SIGNATURE = re.compile(
    r"x-(amz|goog)-.*|signature|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid"
    r"|sig|se|sp|st|sr|sv|spr|sip|skoid|sktid|skt|ske|sks|skv",
    re.IGNORECASE,
)
"""Parameters of the signatures of Amazon, Google, CloudFront and Azure."""


@lru_cache(maxsize=4096)
def _digest(query: str) -> str:
    """Of the parameters that are no signature; empty where there are none."""
    pairs = parse_qsl(query, keep_blank_values=True)
    rest = [pair for pair in pairs if _SIGNATURE.fullmatch(pair[0]) is None]
    return f"?{blake2b(repr(rest).encode(), digest_size=8).hexdigest()}" if rest else ""


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
        """What caches know it by: an address without its signature, for a new one makes no other file.

        What else its query says may: it is in the name as a digest, since nobody knows what is secret in it.
        """
        if self.kind == "file":
            return self.path
        return f"{self.kind}://{self.host}{self.path}{_digest(self.query)}"

    @property
    def gdal(self) -> str:
        """What GDAL opens."""
        query = f"?{self.query}" if self.query else ""
        return f"{_GDAL[self.kind]}{self.host}{self.path}{query}"

    @property
    def target(self) -> str:
        """What an HTTP request asks the host for."""
        return f"{self.path}?{self.query}" if self.query else self.path
