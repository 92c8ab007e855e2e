"""Where people find things: the public addresses of one eotiles, and what its asset files are called there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

BY_NAME = "-"
"""First segment, below the address of the assets, of a file that lies elsewhere and is found through its item."""


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


def local_path(href: str) -> str | None:
    """The file of this machine that an href names; None for an address of the web or of an object store."""
    if href.startswith("/"):
        return href
    if href.startswith("file://"):
        return unquote(urlsplit(href).path)
    return None


def published_href(site: Site, href: str, *, owner: tuple[str, ...], key: str) -> str:
    """What people get instead of the path of a file of this machine; any other href is left alone.

    The href of a file outside `site.folder` says whose asset it is (`owner`: collection, item) and what it is called,
    and nothing about where it lies.
    """
    path = local_path(href)
    if path is None:
        return href
    inside = path.removeprefix(f"{site.folder}/")
    if inside != path and ".." not in inside.split("/"):
        return f"{site.assets}/{quote(inside)}"
    name = path.rpartition("/")[2]
    return "/".join((site.assets, BY_NAME, *(quote(part, safe="") for part in (*owner, key, name))))


def stored_href(site: Site, href: str) -> str | None:
    """The href that was published as this one; None when only the stored item can tell."""
    inside = href.removeprefix(site.assets + "/")
    if inside == href:
        return href
    path = unquote(inside)
    parts = path.split("/")
    return None if ".." in parts or parts[0] in ("", BY_NAME) else f"{site.folder}/{path}"
