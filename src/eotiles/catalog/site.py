"""Where people find things: the public addresses of one eotiles, and what its asset files are called there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

UNPUBLISHED = "-"
"""First segment, below the address of the assets, of files that the catalogue names but that are not handed out."""


@dataclass(frozen=True)
class Site:
    """Public addresses, none of which ends with a slash, and the folder whose files are handed out."""

    root: str
    """Of the map page, less its slash."""

    stac: str
    raster: str
    assets: str

    folder: PurePosixPath
    """Holds the imagery that ingest converted; what is in it is public at `assets`."""

    def collection(self, collection: str) -> str:
        """Address of a collection in the raster API."""
        return f"{self.raster}/collections/{quote(collection, safe='')}"

    def item(self, collection: str, item: str) -> str:
        """Address of an item in the raster API."""
        return f"{self.collection(collection)}/items/{quote(item, safe='')}"


def local_path(href: str) -> PurePosixPath | None:
    """The file of this machine that an href names; None for an address of the web or of an object store."""
    if href.startswith("/"):
        return PurePosixPath(href)
    if href.startswith("file://"):
        return PurePosixPath(unquote(urlsplit(href).path))
    return None


def published_href(site: Site, href: str, *, owner: tuple[str, ...], key: str) -> str:
    """What people get instead of the path of a file of this machine; any other href is left alone.

    A file outside `site.folder` is drawn, but not handed out: its href says whose asset it is (`owner`: collection,
    item) and nothing about where it lies.
    """
    path = local_path(href)
    if path is None:
        return href
    if path.is_relative_to(site.folder) and ".." not in path.parts:
        return f"{site.assets}/{quote(str(path.relative_to(site.folder)))}"
    return "/".join((site.assets, UNPUBLISHED, *(quote(part, safe="") for part in (*owner, key))))


def stored_href(site: Site, href: str) -> str | None:
    """The href that was published as this one; None when only the stored item can tell."""
    inside = href.removeprefix(site.assets + "/")
    if inside == href:
        return href
    path = PurePosixPath(unquote(inside))
    if path.is_absolute() or path.parts[:1] == (UNPUBLISHED,) or ".." in path.parts:
        return None
    return str(site.folder / path)
