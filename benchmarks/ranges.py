"""A file server with range requests, in a process of its own: what object storage does, and it counts.

    python benchmarks/ranges.py FOLDER PORT

GET and HEAD with one range, ETag and If-Match, kept-alive connections. `/requests` counts those for files.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


class Files:
    """The files below a folder and the count of requests for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on a connection until the client leaves."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, target, _ = head.split("\r\n", 1)[0].split(" ")
                fields = dict(re.findall(r"(?m)^([\w-]+): *(.*?)\r?$", head))
                headers = {name.lower(): value for name, value in fields.items()}
                writer.write(self._answer(method, target, headers))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        if target == "/requests":
            return _head(200, str(self.requests).encode())
        self.requests += 1
        path = (self._folder / target.split("?")[0].lstrip("/")).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            return _head(404, b"")
        state = path.stat()
        size = state.st_size
        tag = f'"{state.st_mtime_ns:x}-{size:x}"'
        if headers.get("if-match", tag) not in (tag, "*"):
            return _head(412, b"")
        fields = f"ETag: {tag}\r\nAccept-Ranges: bytes\r\nContent-Type: image/tiff\r\n"
        asked = _RANGE.match(headers.get("range", ""))
        first, last = 0, size - 1
        if asked is not None:
            first = int(asked[1])
            last = min(last, int(asked[2])) if asked[2] else last
            if first > last:
                return _head(416, b"", f"Content-Range: bytes */{size}\r\n")
            fields += f"Content-Range: bytes {first}-{last}/{size}\r\n"
        status = 200 if asked is None else 206
        if method == "HEAD":
            return _head(status, b"", fields, length=last + 1 - first)
        with path.open("rb") as file:
            file.seek(first)
            return _head(status, file.read(last + 1 - first), fields)


def _head(status: int, body: bytes, fields: str = "", *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status} .\r\n{fields}Content-Length: {size}\r\n\r\n".encode() + body


async def main(folder: Path, port: int) -> None:
    files = Files(folder)
    async with await asyncio.start_server(files.serve, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2])))
