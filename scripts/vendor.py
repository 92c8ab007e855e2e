#!/usr/bin/env python3
"""Fetch what the map page needs from npm into src/eotiles/http/static/vendor (not in git). Standard library only.

Versions and SHA-512 hashes are pinned by package-lock.json and checked by `npm ci`. Running it again costs nothing
until package-lock.json or this file changes. Every folder carries its version, so that browsers may keep it for ever.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "src" / "eotiles" / "http" / "static" / "vendor"
MAPLIBRE = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")


def main() -> int:
    stamp = VENDOR / ".stamp"
    wanted = digest(ROOT / "package-lock.json", Path(__file__))
    if stamp.is_file() and stamp.read_text() == wanted:
        print("map libraries: up to date")
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print(
            "map libraries: npm is missing. Install it (Debian, Ubuntu: apt-get install npm) and run this again.",
            file=sys.stderr,
        )
        return 1
    print("map libraries: fetching MapLibre GL and the coastline from npm …", flush=True)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        print(
            "map libraries: npm could not install them; its message stands above. "
            "Is the npm registry reachable from this machine?",
            file=sys.stderr,
        )
        return 1
    shutil.rmtree(VENDOR, ignore_errors=True)
    maplibre = folder_of("maplibre-gl")
    for name in MAPLIBRE:
        write(maplibre / name, (MODULES / "maplibre-gl" / "dist" / name).read_bytes())
    shutil.copy(MODULES / "maplibre-gl" / "LICENSE.txt", maplibre)
    atlas = folder_of("world-atlas")
    topology = json.loads((MODULES / "world-atlas" / "land-50m.json").read_text())
    write(atlas / "land.json", json.dumps(land(topology), separators=(",", ":")).encode())
    shutil.copy(MODULES / "world-atlas" / "LICENSE", atlas / "LICENSE.txt")
    stamp.write_text(wanted)
    size = sum(path.stat().st_size for path in VENDOR.rglob("*.gz"))
    print(f"map libraries: ready, {size / 1024:.0f} KiB compressed")
    return 0


def digest(*paths: Path) -> str:
    """One hash of several files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def folder_of(package: str) -> Path:
    """A new folder named after the package and its version."""
    version = json.loads((MODULES / package / "package.json").read_text())["version"]
    folder = VENDOR / f"{package}-{version}"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, content: bytes) -> None:
    """The file, and beside it what is sent to browsers that take gzip (all do)."""
    path.write_bytes(content)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, 9, mtime=0))


def land(topology: dict[str, Any]) -> dict[str, Any]:
    """GeoJSON MultiPolygon of the land of a TopoJSON topology, to 0.01° (Natural Earth 1:50 million is no finer)."""
    arcs = [list(decoded(arc, topology["transform"])) for arc in topology["arcs"]]

    def ring(indices: list[int]) -> list[tuple[float, float]]:
        points: list[tuple[float, float]] = []
        for index in indices:
            # TopoJSON: ~i is arc i backwards; the first point of an arc repeats the last of the one before.
            arc = arcs[index] if index >= 0 else arcs[~index][::-1]
            points.extend(arc[1:] if points else arc)
        return unwrapped(points)

    polygons = [
        [ring(indices) for indices in polygon]
        for geometry in topology["objects"]["land"]["geometries"]
        for polygon in (
            geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        )
    ]
    return {"type": "MultiPolygon", "coordinates": polygons}


def unwrapped(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A ring that crosses the antimeridian, as one piece that reaches beyond 180° (MapLibre cuts it there).

    Antarctica's goes round the pole and does not close; two points below it make an area of it.
    """
    points = [ring[0]]
    for lng, lat in ring[1:]:
        points.append((round(lng - 360 * round((lng - points[-1][0]) / 360), 2), lat))
    if points[0] != points[-1]:
        points += [(points[-1][0], -90.0), (points[0][0], -90.0), points[0]]
    return points


def decoded(
    arc: list[list[int]], transform: dict[str, list[float]]
) -> Iterator[tuple[float, float]]:
    """Longitude and latitude in degrees of a delta-encoded arc."""
    (scale_x, scale_y), (move_x, move_y) = transform["scale"], transform["translate"]
    x = y = 0
    for step_x, step_y in arc:
        x, y = x + step_x, y + step_y
        yield round(x * scale_x + move_x, 2), round(y * scale_y + move_y, 2)


if __name__ == "__main__":
    sys.exit(main())
