"""Static files: types by name, those that never change kept for ever, and what is compressed beside a file sent."""

from __future__ import annotations

import mimetypes
import os
import re
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

KEPT = "public, max-age=31536000, immutable"
ASKED = "no-cache"
"""Kept by browsers, but asked for again each time; the answer is 304 while nothing changed."""


class Files(StaticFiles):
    """Static files of a folder. Those whose path matches `kept` are kept for ever, others asked for again; `.gz` beside
    a file is what is sent to whoever takes it."""

    def __init__(self, *, directory: Path, kept: re.Pattern[str]) -> None:
        super().__init__(directory=directory)
        self._kept = kept

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        headers = Headers(scope=scope)
        name = os.fspath(full_path)
        added = {"Cache-Control": KEPT if self._kept.search(scope["path"]) else ASKED}
        packed = name + ".gz"
        is_packed = Path(packed).is_file()
        if is_packed:
            added["Vary"] = "Accept-Encoding"
            if "gzip" in headers.get("accept-encoding", ""):
                name, stat_result = packed, Path(packed).stat()
                added["Content-Encoding"] = "gzip"
        response = FileResponse(
            name, status_code, added, media_type=media_type(full_path), stat_result=stat_result
        )
        if self.is_not_modified(response.headers, headers):
            return NotModifiedResponse(response.headers)
        return response


def media_type(path: str | os.PathLike[str]) -> str:
    """Type of a file by its name. Scripts are named here: machines differ in what they know of .mjs."""
    if os.fspath(path).endswith((".js", ".mjs")):
        return "text/javascript"
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
