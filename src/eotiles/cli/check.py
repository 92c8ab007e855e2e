"""The demo's proof: what it serves over HTTP against NumPy on the arrays that the scene was made from."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import morecantile
import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from eotiles.cli.expected import (
    Expected,
    clear_pixels,
    index_colour,
    index_value,
    read_bands,
    to_lonlat,
    true_colour,
)
from eotiles.ingest.demo import COLLECTION, ITEM
from eotiles.settings import Settings

POINTS_M = {
    "farm": (600475.0, 4699615.0),
    "road": (601455.0, 4698565.0),
    "bright slope": (602255.0, 4698285.0),
}
"""Named places of the scene: easting and northing in metres (EPSG:32719), each the centre of a 10 m pixel."""

ZOOM = 15


@dataclass
class Row:
    """One thing asked: what, where, and what came."""

    what: str
    url: str
    status: int = 0
    size_bytes: int = 0
    ms: float = 0.0
    wrong: str = ""


@dataclass
class Checker:
    """Asks a running eotiles, and remembers what came."""

    rows: list[Row] = field(default_factory=list)

    def get(self, what: str, url: str, *, body: dict[str, object] | None = None) -> bytes:
        """The answer's bytes; the row says what went wrong."""
        row = Row(what, url)
        self.rows.append(row)
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                content: bytes = answer.read()
                row.status = answer.status
        except urllib.error.HTTPError as error:
            content, row.status = error.read(), error.code
        except OSError as error:
            content, row.wrong = b"", str(error)
        row.ms = (time.perf_counter() - started) * 1000
        row.size_bytes = len(content)
        if row.status != 200 and not row.wrong:
            row.wrong = f"status {row.status}: {content[:200].decode(errors='replace')}"
        return content

    def judge(self, verify: Callable[[], str]) -> None:
        """Add what `verify` finds wrong with the last answer ("" when it is right)."""
        row = self.rows[-1]
        if row.wrong:
            return
        try:
            row.wrong = verify()
        except (KeyError, IndexError, ValueError, OSError) as error:
            row.wrong = f"unexpected answer: {type(error).__name__} {error}"


def _same_value(answer: bytes, expected: float) -> str:
    value = json.loads(answer)["values"][0]
    return "" if abs(value - expected) <= 1e-6 else f"{value} instead of {expected:.7f}"


def check_demo(url: str, settings: Settings) -> bool:
    """Ask the demo at `url` for everything that it promises, print the table, and tell whether all is right."""
    checker = Checker()
    bands = read_bands()
    stac, raster = url + settings.stac_path, url + settings.raster_path
    found = checker.get(
        "search", f"{stac}/search", body={"ids": [ITEM], "collections": [COLLECTION]}
    )
    links: list[dict[str, str]] = []

    def one_item_with_layers() -> str:
        features = json.loads(found)["features"]
        if [feature["id"] for feature in features] != [ITEM]:
            return f"the search found {[feature['id'] for feature in features]}"
        links.extend(link for link in features[0]["links"] if link["rel"] == "tilejson")
        return "" if links else "the item carries no tilejson link"

    checker.judge(one_item_with_layers)
    if links:
        _check_tiles(checker, "true colour", links[0]["href"], true_colour(bands))
    item = f"{raster}/collections/{COLLECTION}/items/{ITEM}"
    for name in ("ndvi", "ndwi"):
        tilejson = f"{item}/WebMercatorQuad/tilejson.json?index={name}"
        _check_tiles(checker, name.upper(), tilejson, index_colour(name, bands))
        for place, (x_m, y_m) in POINTS_M.items():
            lon, lat = to_lonlat(x_m, y_m)
            answer = checker.get(
                f"{name.upper()} at {place}", f"{item}/point/{lon:.7f},{lat:.7f}?index={name}"
            )
            expected = index_value(name, bands, x_m, y_m)
            checker.judge(lambda a=answer, e=expected: _same_value(a, e))  # type: ignore[misc]
    _print(checker.rows)
    return not any(row.wrong for row in checker.rows)


def _check_tiles(checker: Checker, what: str, tilejson: str, expected: Expected) -> None:
    """A layer's TileJSON, and of its tiles the one under each named place."""
    joined = "&" if "?" in tilejson else "?"
    text = checker.get(f"{what} TileJSON", f"{tilejson}{joined}tile_format=png&tilesize=256")
    template: list[str] = []
    renders: dict[str, Any] = {}

    def a_template() -> str:
        tilejson = json.loads(text)
        template.extend(tilejson["tiles"])
        renders.update(tilejson.get("renders", {}))
        return "" if template else "no tiles"

    checker.judge(a_template)
    if not template:
        return
    tms = morecantile.tms.get("WebMercatorQuad")
    for place, (x_m, y_m) in POINTS_M.items():
        tile = tms.tile(*to_lonlat(x_m, y_m), ZOOM)
        url = template[0].replace("{z}", str(tile.z)).replace("{x}", str(tile.x))
        png = checker.get(f"{what} tile at {place}", url.replace("{y}", str(tile.y)))

        def compare(png: bytes = png, tile: morecantile.Tile = tile, url: str = url) -> str:
            pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
            query = parse_qs(urlsplit(url).query)
            query |= renders.get(query.get("render", [""])[0], {})
            compared = 0
            for row, column, x, y in clear_pixels(tms, tile):
                compared += 1
                allowed = expected(query, x, y)
                got = tuple(int(level) for level in pixels[row, column])
                if got[3] != 255 or got[:3] not in allowed:
                    return (
                        f"pixel ({row}, {column}) is {got}, expected one of {sorted(allowed)[:3]}"
                    )
            return "" if compared >= 500 else f"only {compared} pixels could be compared"

        checker.judge(compare)


def _print(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for title, justify in (
        ("what", "left"), ("URL", "left"), ("status", "right"), ("bytes", "right"), ("ms", "right"), ("", "left"),
    ):  # fmt: skip
        table.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        verdict = f"[red]{row.wrong}" if row.wrong else "[green]ok"
        table.add_row(
            row.what, row.url, str(row.status), str(row.size_bytes), f"{row.ms:.0f}", verdict
        )
    console = Console(width=None if Console().is_terminal else 240)
    console.print(table)
    wrong = sum(bool(row.wrong) for row in rows)
    console.print(
        f"[red]{wrong} of {len(rows)} answers are wrong"
        if wrong
        else f"[green]all {len(rows)} answers are right"
    )
