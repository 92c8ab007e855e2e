"""Which hrefs are opened: those below a root that the operator named, and no other (docs/raster.md).

An item is written by strangers. Its hrefs are data that GDAL would follow anywhere: to files of this machine, to the
internal network, into archives. So they pass here first, and what is opened is made here from the checked parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from eotiles.core.errors import HrefRefused
from eotiles.read.location import Kind, Location

_REMOTE: dict[str, Kind] = {"http": "http", "https": "https", "s3": "s3", "gs": "gs", "az": "az"}
_BUCKETS = ("s3", "gs", "az")
_EXTENSIONS = (".tif", ".tiff")
_PLAIN = re.compile(r"[\x21-\x7e]+")
"""Printable ASCII without spaces: what an address is made of once encoded."""


@dataclass(frozen=True)
class Remote:
    """A root outside this machine."""

    scheme: Kind
    host: str
    """Host with port, bucket or container; lower case but for a bucket."""

    path: str
    """Ends with a slash."""


@dataclass(frozen=True)
class AllowList:
    """The roots below which assets may be opened."""

    folders: tuple[Path, ...]
    """Resolved: no symbolic link is left in them."""

    remotes: tuple[Remote, ...]

    def is_sure(self, href: str) -> bool:
        """Whether an href lies below a remote root, seen at a glance. False says nothing: `find` decides.

        A catalogue of 100,000 items has a million hrefs, nearly all of them as plain as this.
        """
        return self._plain.fullmatch(href) is not None

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        """Hrefs below a root in which nothing has to be decoded, split or compared: no `..`, no percent sign."""
        roots = "|".join(
            re.escape(f"{each.scheme}://{each.host}{each.path}") for each in self.remotes
        )
        name = r"[A-Za-z0-9_][A-Za-z0-9._=-]*"
        # Possessive (+): a folder's name ends at its slash and nowhere else.
        return re.compile(
            rf"(?:{roots or '(?!)'})(?:{name}+/)*+{name}\.[Tt][Ii][Ff]{{1,2}}", re.ASCII
        )

    def locate(self, href: str, *, asset: str, item: str) -> str:
        """What GDAL opens for an href.

        Raises:
            HrefRefused: the href does not lie below a root.
        """
        return self.find(href, asset=asset, item=item).gdal

    def find(self, href: str, *, asset: str, item: str) -> Location:
        """Where the bytes of an href are.

        Raises:
            HrefRefused: the href does not lie below a root.
        """
        try:
            location = self._file(href) if href.startswith(("/", "file:")) else self._remote(href)
        except ValueError:  # urlsplit cannot read it
            location = None
        if location is None:
            raise HrefRefused(
                f"asset {asset!r} of item {item} is not opened: "
                "it lies outside the roots that EOTILES_ASSET_ROOTS allows"
            )
        return location

    def _file(self, href: str) -> Location | None:
        if href.startswith("file:"):
            parts = urlsplit(href)
            if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
                return None
            href = unquote(parts.path)
        if "\0" in href or not href.startswith("/"):
            return None
        # Resolving follows symbolic links and takes `..` out, so a link inside a root that leads out of it is refused.
        path = Path(href).resolve()
        if not any(path.is_relative_to(folder) for folder in self.folders):
            return None
        return Location("file", "", str(path))

    def _remote(self, href: str) -> Location | None:
        if _PLAIN.fullmatch(href) is None or "\\" in href:
            return None
        parts = urlsplit(href)
        address = _address(parts.scheme, parts.netloc, parts.path)
        if not parts.path.lower().endswith(_EXTENSIONS):
            # CPL_VSIL_CURL_ALLOWED_EXTENSIONS would look at the end of the query, where signatures are.
            return None
        if address is None or parts.fragment or (parts.scheme in _BUCKETS and parts.query):
            return None
        for root in self.remotes:
            same_place = (root.scheme, root.host) == (address.scheme, address.host)
            if same_place and address.path.startswith(root.path) and address.path != root.path:
                return Location(address.scheme, address.host, address.path, parts.query)
        return None


def allow_list(roots: Sequence[str]) -> AllowList:
    """The allow-list of roots: folders, `file://`, `http(s)://host/path`, `s3://`, `gs://` or `az://bucket/prefix`.

    Raises:
        ValueError: a root is neither of these.
    """
    folders: list[Path] = []
    remotes: list[Remote] = []
    for root in roots:
        if root.startswith(("/", "file://")):
            folders.append(Path(unquote(root.removeprefix("file://"))).resolve())
            continue
        parts = urlsplit(root)
        remote = _address(parts.scheme, parts.netloc, parts.path.rstrip("/") + "/")
        if remote is None:
            raise ValueError(
                f"asset root {root!r} is neither a folder nor http(s)://…, s3://…, gs://… or az://…"
            )
        remotes.append(remote)
    return AllowList(folders=tuple(folders), remotes=tuple(remotes))


def _address(scheme: str, host: str, path: str) -> Remote | None:
    """The parts of a remote address, or None where they could be read in two ways."""
    if scheme not in _REMOTE or not host or "@" in host or not path.startswith("/"):
        return None
    segments = unquote(path).split("/")[1:]
    odd = any(segment in (".", "..") for segment in segments) or "" in segments[:-1]
    if odd or "%2f" in path.lower() or "%5c" in path.lower() or "%00" in path:
        return None
    return Remote(_REMOTE[scheme], host if scheme in _BUCKETS else host.lower(), path)
