"""The WMTS 1.0.0 capabilities document (OGC 07-057r7, RESTful) as text. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from morecantile import TileMatrixSet

from eotiles.core.grid import Bounds

WMTS = "http://www.opengis.net/wmts/1.0"
OWS = "http://www.opengis.net/ows/1.1"
XLINK = "http://www.w3.org/1999/xlink"

_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML 1.0 cannot hold."""

WELL_KNOWN = {
    "WebMercatorQuad": "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible",
    "WorldCRS84Quad": "urn:ogc:def:wkss:OGC:1.0:GoogleCRS84Quad",
}


@dataclass(frozen=True)
class Limits:
    """Tiles of one matrix that can show something, the first and the last."""

    matrix: str
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class WmtsLayer:
    """A layer of the document."""

    identifier: str
    title: str
    template: str
    """Address of a tile, with {TileMatrixSet}, {TileMatrix}, {TileCol}, {TileRow}."""

    media_type: str
    legend: str | None
    """Address of a PNG."""

    limits: Mapping[str, Sequence[Limits]]
    """By matrix set, in the order of the document."""


@dataclass(frozen=True)
class Capabilities:
    """What the document says."""

    title: str
    address: str
    """Of the document itself."""

    bounds: Bounds
    """In degrees."""

    layers: Sequence[WmtsLayer]
    matrices: Sequence[TileMatrixSet]
    use_epsg: bool = False
    """Whether a CRS is written EPSG:3857 instead of as a URN."""


def matrix_limits(
    tms: TileMatrixSet, bounds: Bounds, *, zooms: tuple[int, int]
) -> tuple[Limits, ...]:
    """The tiles of each zoom that touch a box in degrees; all of them where it has no place in the matrix set."""
    edges = tms.bbox
    west, south = max(bounds[0], edges[0]), max(bounds[1], edges[1])
    east, north = min(bounds[2], edges[2]), min(bounds[3], edges[3])
    if west >= east or south >= north:
        west, south, east, north = edges
    found = []
    for zoom in range(max(zooms[0], tms.minzoom), min(zooms[1], tms.maxzoom) + 1):
        matrix = tms.matrix(zoom)
        corners = tms.tile(west, north, zoom), tms.tile(east, south, zoom)
        columns = sorted(corner.x for corner in corners)
        rows = sorted(corner.y for corner in corners)
        found.append(
            Limits(
                matrix=matrix.id,
                rows=(max(rows[0], 0), min(rows[1], matrix.matrixHeight - 1)),
                columns=(max(columns[0], 0), min(columns[1], matrix.matrixWidth - 1)),
            )
        )
    return tuple(found)


def capabilities_xml(document: Capabilities) -> bytes:
    """The document, UTF-8."""
    for prefix, name in (("", WMTS), ("ows", OWS), ("xlink", XLINK)):
        ET.register_namespace(prefix, name)
    root = ET.Element(_wmts("Capabilities"), {"version": "1.0.0"})
    service = ET.SubElement(root, _ows("ServiceIdentification"))
    _text(service, _ows("Title"), document.title)
    _text(service, _ows("ServiceType"), "OGC WMTS")
    _text(service, _ows("ServiceTypeVersion"), "1.0.0")
    operations = ET.SubElement(root, _ows("OperationsMetadata"))
    operation = ET.SubElement(operations, _ows("Operation"), {"name": "GetCapabilities"})
    http = ET.SubElement(ET.SubElement(operation, _ows("DCP")), _ows("HTTP"))
    get = ET.SubElement(http, _ows("Get"), {_xlink("href"): document.address})
    constraint = ET.SubElement(get, _ows("Constraint"), {"name": "GetEncoding"})
    _text(ET.SubElement(constraint, _ows("AllowedValues")), _ows("Value"), "RESTful")
    contents = ET.SubElement(root, _wmts("Contents"))
    for layer in document.layers:
        _layer(contents, layer, document.bounds)
    for tms in document.matrices:
        used = {limit.matrix for layer in document.layers for limit in layer.limits[str(tms.id)]}
        _matrix_set(contents, tms, used, use_epsg=document.use_epsg)
    ET.SubElement(root, _wmts("ServiceMetadataURL"), {_xlink("href"): document.address})
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _layer(contents: ET.Element, layer: WmtsLayer, bounds: Bounds) -> None:
    element = ET.SubElement(contents, _wmts("Layer"))
    _text(element, _ows("Title"), layer.title)
    box = ET.SubElement(element, _ows("WGS84BoundingBox"), {"crs": "urn:ogc:def:crs:OGC:2:84"})
    _text(box, _ows("LowerCorner"), f"{bounds[0]!r} {bounds[1]!r}")
    _text(box, _ows("UpperCorner"), f"{bounds[2]!r} {bounds[3]!r}")
    _text(element, _ows("Identifier"), layer.identifier)
    style = ET.SubElement(element, _wmts("Style"), {"isDefault": "true"})
    _text(style, _ows("Title"), layer.title)
    _text(style, _ows("Identifier"), "default")
    if layer.legend is not None:
        legend = {"format": "image/png", _xlink("href"): layer.legend}
        ET.SubElement(style, _wmts("LegendURL"), legend)
    _text(element, _wmts("Format"), layer.media_type)
    for name, limits in layer.limits.items():
        link = ET.SubElement(element, _wmts("TileMatrixSetLink"))
        _text(link, _wmts("TileMatrixSet"), name)
        listed = ET.SubElement(link, _wmts("TileMatrixSetLimits"))
        for limit in limits:
            each = ET.SubElement(listed, _wmts("TileMatrixLimits"))
            _text(each, _wmts("TileMatrix"), limit.matrix)
            _text(each, _wmts("MinTileRow"), str(limit.rows[0]))
            _text(each, _wmts("MaxTileRow"), str(limit.rows[1]))
            _text(each, _wmts("MinTileCol"), str(limit.columns[0]))
            _text(each, _wmts("MaxTileCol"), str(limit.columns[1]))
    resource = {"format": layer.media_type, "resourceType": "tile", "template": layer.template}
    ET.SubElement(element, _wmts("ResourceURL"), resource)


def _matrix_set(
    contents: ET.Element, tms: TileMatrixSet, used: set[str], *, use_epsg: bool
) -> None:
    element = ET.SubElement(contents, _wmts("TileMatrixSet"))
    _text(element, _ows("Identifier"), str(tms.id))
    _text(element, _ows("SupportedCRS"), _crs(tms, use_epsg=use_epsg))
    if tms.id in WELL_KNOWN:
        _text(element, _wmts("WellKnownScaleSet"), WELL_KNOWN[tms.id])
    finest = max((int(matrix) for matrix in used if matrix.isdigit()), default=tms.maxzoom)
    for matrix in tms.tileMatrices:
        if matrix.id.isdigit() and int(matrix.id) > finest:
            continue  # nobody asks for those
        each = ET.SubElement(element, _wmts("TileMatrix"))
        left, top = matrix.pointOfOrigin
        _text(each, _ows("Identifier"), matrix.id)
        _text(each, _wmts("ScaleDenominator"), repr(matrix.scaleDenominator))
        _text(each, _wmts("TopLeftCorner"), f"{left!r} {top!r}")
        _text(each, _wmts("TileWidth"), str(matrix.tileWidth))
        _text(each, _wmts("TileHeight"), str(matrix.tileHeight))
        _text(each, _wmts("MatrixWidth"), str(matrix.matrixWidth))
        _text(each, _wmts("MatrixHeight"), str(matrix.matrixHeight))


def _crs(tms: TileMatrixSet, *, use_epsg: bool) -> str:
    authority = tms.rasterio_crs.to_authority()
    if authority is None:
        return str(tms.crs.srs)
    name, code = authority
    if use_epsg:
        return f"{name}:{code}"
    version = "1.3" if name == "OGC" else ""
    return f"urn:ogc:def:crs:{name}:{version}:{code}"


def _wmts(name: str) -> str:
    return f"{{{WMTS}}}{name}"


def _ows(name: str) -> str:
    return f"{{{OWS}}}{name}"


def _xlink(name: str) -> str:
    return f"{{{XLINK}}}{name}"


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _XML.sub("", text)
