"""The STAC API: stac-fastapi-pgstac, read-only, with our links; and the asset files beside it."""

from __future__ import annotations

from eotiles.http.stac.application import create_stac
from eotiles.http.stac.assets import create_assets

__all__ = ["create_assets", "create_stac"]
