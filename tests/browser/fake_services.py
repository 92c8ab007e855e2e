"""A catalogue and a raster service that answer as ours do, in memory, and break on demand.

Behind the real page it shows what a person sees when a service fails; what works is tested on the real services.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
from fastapi import FastAPI
from rio_tiler.colormap import cmap
from rio_tiler.utils import render
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eotiles.http.site import create_site
from eotiles.settings import Settings

LAYERS = {None: "True colour", "ndvi": "NDVI: Normalized Difference Vegetation Index"}
HOSTILE = '<img src=x onerror="document.title=1">'
"""A title that would run a script in a page that puts data into markup."""


@dataclass
class Fake:
    """What the fake services hold, and how they fail."""

    items: int = 30
    stacked: bool = False
    """All items show the same place, as the dates of an archive do."""
    fail: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Route (collections, search, tilejson, tile, point, legend) → status and detail that it answers."""
    searches: list[dict[str, object]] = field(default_factory=list)
    """Bodies of the searches asked so far."""
    url: str = ""

    def reset(self, url: str) -> None:
        """Healthy again, nothing asked yet."""
        self.items, self.stacked, self.url = 30, False, url
        self.fail.clear()
        self.searches.clear()


def create_fake(fake: Fake) -> FastAPI:
    """The real page in front of fake services, under one origin."""
    site = create_site(Settings(_env_file=None, title="Fake & sons"))

    def failing(route: str) -> Response | None:
        if route not in fake.fail:
            return None
        status, detail = fake.fail[route]
        body = json.dumps({"type": "about:blank", "status": status, "detail": detail})
        return Response(body, status, media_type="application/problem+json")

    async def collections(request: Request) -> Response:
        found = [_collection()] if fake.items else []
        return failing("collections") or JSONResponse({"collections": found, "links": []})

    async def search(request: Request) -> Response:
        body = await request.json()
        fake.searches.append(body)
        start = int(body.get("token", 0))
        end = min(start + body["limit"], fake.items)
        more = {"rel": "next", "method": "POST", "href": str(request.url), "body": {"token": end}}
        return failing("search") or JSONResponse(
            {
                "features": [_item(n, request, fake) for n in range(start, end)],
                "numberMatched": fake.items,
                "links": [more | {"merge": True}] if end < fake.items else [],
            }
        )

    async def item(request: Request) -> Response:
        return JSONResponse(_item(_number(request), request, fake))

    async def tilejson(request: Request) -> Response:
        tiles = (
            str(request.url).replace("tilejson.json", "{z}/{x}/{y}").replace("/Web", "/tiles/Web")
        )
        return failing("tilejson") or JSONResponse(
            {
                "tilejson": "3.0.0",
                "tiles": [tiles],
                "bounds": _bounds(_number(request)),
                "minzoom": 9,
                "maxzoom": 14,
                "attribution": "Contains modified <b>Copernicus</b> Sentinel data",
            }
        )

    async def tile(request: Request) -> Response:
        return failing("tile") or Response(_tile(request), media_type="image/png")

    async def legend(request: Request) -> Response:
        ramp = cmap.get("rdylgn")
        stops = [
            {"value": -1 + n / 8, "color": "rgb({} {} {})".format(*ramp[min(255, n * 16)][:3])}
            for n in range(17)
        ]
        return failing("legend") or JSONResponse(
            {"title": "Normalized Difference Vegetation Index", "type": "ramp", "stops": stops}
        )

    async def point(request: Request) -> Response:
        return failing("point") or JSONResponse({"values": [0.4321], "band_names": ["ndvi"]})

    raster = "/raster/collections/{collection}/items/{item}"
    for path, endpoint in {
        "/stac/collections": collections,
        "/stac/collections/{collection}/items/{item}": item,
        f"{raster}/WebMercatorQuad/tilejson.json": tilejson,
        f"{raster}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}": tile,
        f"{raster}/legend": legend,
        f"{raster}/point/{{place}}": point,
    }.items():
        site.add_route(path, endpoint)
    site.add_route("/stac/search", search, methods=["POST"])
    return site


def _collection() -> dict[str, object]:
    return {"id": "fields", "title": HOSTILE, "description": "Fields *near* a river.", "extent": {}}


def _number(request: Request) -> int:
    return int(request.path_params["item"].split("-")[1])


def _bounds(number: int) -> list[float]:
    west, south = 7.0 + 0.2 * (number % 6), 50.0 + 0.2 * (number // 6)
    return [west, south, west + 0.1, south + 0.1]


def _item(number: int, request: Request, fake: Fake) -> dict[str, object]:
    west, south, east, north = _bounds(0 if fake.stacked else number)
    ring = [[west, south], [east, south], [east, north], [west, north]]
    base = f"{str(request.base_url).rstrip('/')}/raster/collections/fields/items/scene-{number}"
    links = [
        {
            "rel": "tilejson",
            "title": title,
            "href": f"{base}/WebMercatorQuad/tilejson.json" + (f"?index={index}" if index else ""),
        }
        for index, title in LAYERS.items()
    ]
    return {
        "type": "Feature",
        "id": f"scene-{number}",
        "collection": "fields",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": f"2024-06-{1 + number % 28:02d}T10:30:00Z",
            "title": _title(number),
            "platform": "sentinel-2a",
            "eo:cloud_cover": 3.4 * number,
        },
        "assets": {"thumbnail": {"href": f"{base}/gone.png", "roles": ["thumbnail"]}},
        "links": [*links, {"rel": "self", "href": "javascript:document.title=2"}],
    }


def _title(number: int) -> str:
    if number in (20, 21):
        return f"S2B_MSIL1C_20190918T142039_N0208_R010_T19GCN_20190918T1733{number}"
    return HOSTILE if number == 0 else f"Scene {number}"


def _tile(request: Request) -> bytes:
    y, x = np.mgrid[0:256, 0:256].astype(np.float32)
    wave = 127 + 120 * np.sin(x / 23) * np.cos(y / 31)
    index = request.query_params.get("index")
    if index is None:
        return render(
            np.stack([wave * 0.5, wave * 0.6, wave * 0.3]).astype(np.uint8), img_format="PNG"
        )
    return render(wave[None].astype(np.uint8), img_format="PNG", colormap=cmap.get("rdylgn"))
