"""Which file an asset is that lies outside the data folder: the catalogue knows, and the allow-list has a say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from eotiles.core.errors import HrefRefused, UnknownAsset
from eotiles.http.stac.recent import Recent
from eotiles.read.hrefs import allow_list
from eotiles.settings import Settings

_NOT_THERE = "there is no such file"

Find = Callable[[str], Awaitable[Path]]
"""From `collection/item/key/file name`, or `collection/key/file name`, to the file."""


def finder(app: FastAPI) -> Find:
    """The look-up of the STAC application's assets. A ranged reader asks many times: answers are kept for a while."""
    settings: Settings = app.state.eotiles
    allowed = allow_list(settings.roots)
    hrefs: Recent[tuple[str, ...], dict[str, str]] = Recent(most=256)

    async def find(address: str) -> Path:
        parts = address.split("/")
        if len(parts) not in (3, 4):
            raise UnknownAsset(_NOT_THERE)
        *owner, key, name = parts
        known = hrefs.get(tuple(owner))
        if known is None:
            known = hrefs.put(tuple(owner), await _stored_hrefs(app, *owner))
        try:
            path = Path(allowed.locate(known.get(key, ""), asset=key, item="/".join(owner)))
        except HrefRefused as error:
            raise UnknownAsset(_NOT_THERE) from error
        if path.name != name or not path.is_absolute():
            raise UnknownAsset(_NOT_THERE)
        return path

    return find


async def _stored_hrefs(app: FastAPI, collection: str, item: str | None = None) -> dict[str, str]:
    """Asset key → href, as it lies in the catalogue; empty where there is no such item or collection."""
    call = ("SELECT pgstac.get_collection($1)", collection)
    if item is not None:
        call = ("SELECT pgstac.get_item($2, $1)", collection, item)  # type: ignore[assignment]
    async with app.state.get_connection(Request({"type": "http", "app": app}), "r") as connection:
        found: dict[str, Any] = await connection.fetchval(*call) or {}
    assets = found.get("assets")
    if not isinstance(assets, dict):
        return {}
    return {
        key: asset["href"]
        for key, asset in assets.items()
        if isinstance(asset, dict) and isinstance(asset.get("href"), str)
    }
