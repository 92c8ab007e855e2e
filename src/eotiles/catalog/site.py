"""Where people find things: the public addresses of one eotiles, and what its asset files are called there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

BY_NAME = "-"
"""First segment, below the address of the assets, of a file that lies elsewhere and is found through its item."""

_SEPARATOR = re.compile(r"[/\\]")

_PLAIN = re.compile(r"(?!file:)[a-z][a-z0-9]*://[A-Za-z0-9.-]+/")
"""Most hrefs: a scheme and a host, or a bucket. What urlsplit says of them, in a tenth of its time."""


@dataclass(frozen=True)
class Site:
    """Public addresses, none of which ends with a slash, and the folder whose files are handed out."""

    root: str
    """Of the map page, less its slash."""

    stac: str
    raster: str
    assets: str

    folder: str
    """Path of the folder with the imagery that ingest converted; what is in it is public at `assets`."""

    def collection(self, collection: str) -> str:
        """Address of a collection in the raster API."""
        return f"{self.raster}/collections/{quote(collection, safe='')}"

    def item(self, collection: str, item: str) -> str:
        """Address of an item in the raster API."""
        return f"{self.collection(collection)}/items/{quote(item, safe='')}"


def published_href(site: Site, href: str, *, owner: tuple[str, ...], key: str) -> str:
    """What people get instead of the path of a file of this machine; the address of anything else is left alone.

    The href of a file outside `site.folder` says whose asset it is (`owner`: collection, item) and what it is called,
    and nothing about where it lies.
    """
    if _is_public(href):
        return href
    path = _local_path(href)
    inside = path.removeprefix(f"{site.folder}/")
    if inside != path and ".." not in inside.split("/"):
        return f"{site.assets}/{quote(inside)}"
    name = _SEPARATOR.split(path)[-1]
    return "/".join((site.assets, BY_NAME, *(quote(part, safe="") for part in (*owner, key, name))))


def stored_href(site: Site, href: str) -> str | None:
    """The href that was published as this one; None when only the stored item can tell."""
    inside = href.removeprefix(site.assets + "/")
    if inside == href:
        return href
    path = unquote(inside)
    parts = path.split("/")
    return None if ".." in parts or parts[0] in ("", BY_NAME) else f"{site.folder}/{path}"


def _is_public(href: str) -> bool:
    """Whether an href tells nothing of this machine: a place on a host or in a bucket, inline data, or a relative one.

    GDAL knows many ways to name a file (`vrt:///x`, `zip+file:///x`, `GTIFF_RAW:/x`, XML): none of them is an address.
    """
    if _PLAIN.match(href):
        return True
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme == "data" or (parts.scheme != "file" and parts.netloc != "")
    # A relative reference has no colon in its first segment (RFC 3986, 4.2).
    is_relative = parts.netloc == "" and parts.path[:1] not in ("/", "<")
    return is_relative and ":" not in href.partition("/")[0]


def _local_path(href: str) -> str:
    """The path in the href of a file; an href of another form as it is."""
    is_file = href[:7].lower() == "file://"
    return unquote(urlsplit(href).path) if is_file else href
