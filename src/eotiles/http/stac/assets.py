"""Hands out the files that items name: GET and HEAD with ranges, nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from anyio import to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from eotiles.catalog.site import BY_NAME
from eotiles.http.errors import add_handlers
from eotiles.http.operations import Meters, Operations
from eotiles.http.stac.asset_lookup import Find
from eotiles.settings import Settings

MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".tiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".xml": "application/xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What is handed out; a file of another kind (a half-written one, say) is not there."""

_NOT_THERE = "there is no such file"


def create_assets(settings: Settings, *, meters: Meters, find: Find) -> Starlette:
    """The application that is mounted at `settings.assets_path`: the data folder, and what `find` knows."""
    files = AssetFiles(directory=settings.assets, check_dir=False, follow_symlink=False)
    files.find = find
    app = Starlette(
        routes=[Mount("/", files)],
        middleware=[
            Middleware(Operations, service="assets", meters=meters, scalars=frozenset()),
            Middleware(
                CORSMiddleware,
                allow_origins=[origin.strip() for origin in settings.cors_origins.split(",")],
                allow_methods=["GET", "HEAD", "OPTIONS"],
                allow_headers=["Range", "If-None-Match", "If-Range"],
                expose_headers=[
                    "Accept-Ranges",
                    "Content-Length",
                    "Content-Range",
                    "ETag",
                    "Last-Modified",
                ],
                allow_credentials=False,
                max_age=600,
            ),
        ],
    )
    add_handlers(app, validation_status=400)
    return app


class AssetFiles(StaticFiles):
    """Starlette's static files, for imagery: by kind, cacheable, no hidden files, no folders, no links out."""

    find: Find

    async def get_response(self, path: str, scope: Scope) -> Response:
        parts = PurePosixPath(path).parts
        is_hidden = any(part.startswith(".") for part in parts)
        if is_hidden or PurePosixPath(path).suffix.lower() not in MEDIA_TYPES:
            raise HTTPException(404, _NOT_THERE)
        if parts[0] == BY_NAME:
            return await self._found(path.removeprefix(f"{BY_NAME}/"), scope)
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 405:
                raise
            raise HTTPException(404, _NOT_THERE) from error

    async def _found(self, address: str, scope: Scope) -> Response:
        """A file outside the data folder, whose item says where it lies."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        file: Path = await self.find(address)
        try:
            found = await to_thread.run_sync(os.stat, file)
        except OSError as error:
            raise HTTPException(404, _NOT_THERE) from error
        if not stat.S_ISREG(found.st_mode):
            raise HTTPException(404, _NOT_THERE)
        return self.file_response(file, found, scope)

    async def check_config(self) -> None:
        """The folder comes with the first scene that is ingested; until then nothing is there."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = FileResponse(
            full_path,
            status_code=status_code,
            stat_result=stat_result,
            media_type=MEDIA_TYPES[PurePosixPath(full_path).suffix.lower()],
            headers={"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"},
        )
        if self.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response
