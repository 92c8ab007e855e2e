"""The landing page of the raster API and what it conforms to (OGC API Common)."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query
from starlette.requests import Request
from starlette.templating import Jinja2Templates
from titiler.core.models.OGC import Conformance, Landing
from titiler.core.resources.enums import MediaType
from titiler.core.utils import accept_media_type, create_html_response

CORE = frozenset(
    f"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/{name}"
    for name in ("core", "landing-page", "oas30", "html", "json")
)

_OGC = "http://www.opengis.net/def/rel/ogc/1.0"

_LINKS = (
    ("Landing page", "/", "self", "application/json"),
    ("The API definition", "/api", "service-desc", "application/vnd.oai.openapi+json;version=3.0"),
    ("The API documentation", "/api.html", "service-doc", "text/html"),
    ("Conformance", "/conformance", f"{_OGC}/conformance", "application/json"),
    ("Registered searches", "/searches/", "data", "application/json"),
    ("Spectral indices", "/indices", "data", "application/json"),
    ("Tile matrix sets", "/tileMatrixSets", f"{_OGC}/tiling-schemes", "application/json"),
    ("Algorithms", "/algorithms", "data", "application/json"),
    ("Colormaps", "/colorMaps", "data", "application/json"),
)  # fmt: skip

_TEMPLATES = (
    ("Map of a collection", "/collections/{collection_id}/{tileMatrixSetId}/map.html"),
    ("Map of an item", "/collections/{collection_id}/items/{item_id}/{tileMatrixSetId}/map.html"),
)

Format = Annotated[
    Literal["html", "json"] | None,
    Query(description="Response MediaType. Defaults to the `accept` header's, else JSON."),
]


def add_landing(
    app: FastAPI, *, title: str, conforms_to: Collection[str], templates: Jinja2Templates
) -> None:
    """`/` and `/conformance`, as JSON and HTML."""
    router = APIRouter(tags=["OGC Common"])

    def answer(request: Request, data: dict[str, Any], template: str, f: str | None) -> Any:
        chosen = MediaType[f] if f else _accepted(request)
        if chosen != MediaType.html:
            return data
        return create_html_response(
            request, data, template_name=template, title=title, templates=templates
        )

    @router.get("/", response_model=Landing, response_model_exclude_none=True)
    async def landing(request: Request, f: Format = None) -> Any:
        base = str(request.base_url).rstrip("/")
        links: list[dict[str, Any]] = [
            {"title": name, "href": base + path, "rel": rel, "type": kind}
            for name, path, rel, kind in _LINKS
        ]
        links += [
            {
                "title": name,
                "href": base + path,
                "rel": "data",
                "type": "text/html",
                "templated": True,
            }
            for name, path in _TEMPLATES
        ]
        return answer(request, {"title": f"{title}: raster API", "links": links}, "landing", f)

    @router.get("/conformance", response_model=Conformance, response_model_exclude_none=True)
    async def conformance(request: Request, f: Format = None) -> Any:
        data = {"conformsTo": sorted({*CORE, *conforms_to})}
        return answer(request, data, "conformance", f)

    app.include_router(router)


def _accepted(request: Request) -> MediaType:
    accepted = accept_media_type(
        request.headers.get("accept", ""), [MediaType.html, MediaType.json]
    )
    return accepted or MediaType.json
