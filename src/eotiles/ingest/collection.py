"""The collection's document: made with its first item, widened by every further one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

from eotiles.catalog.guess import GREY, guess_renders, is_guess, with_guess
from eotiles.catalog.layers import TRUE_COLOUR
from eotiles.core.domain import read_domain
from eotiles.ingest.item import ATTRIBUTION, EO, RENDER
from eotiles.ingest.options import IngestOptions

UNKNOWN_LICENSE = "other"
SUMMARISED = ("constellation", "instruments", "gsd", "eotiles:domain")


def with_item(
    collection: Mapping[str, Any] | None,
    item: Mapping[str, Any],
    options: IngestOptions,
    *,
    before: Mapping[str, Any] | None = None,
    sample: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The document that the collection has once it holds the item. Pure: equal inputs, equal document.

    What people wrote stays: the extent only grows, renders and band descriptions that are there are not replaced, and
    texts change only where the options say so. Renders that were guessed follow what the item and the `sample` of
    those before it show (catalog/guess.py). If the item was in the catalogue `before` with bands called or scaled
    otherwise, those that pick its bands by number were made by mistake, and are guessed again whoever wrote them.
    """
    document = deepcopy(dict(collection)) if collection is not None else _new(options)
    for field, value in {
        "title": options.title,
        "description": options.description,
        "license": options.license,
        "attribution": options.attribution,
    }.items():
        if value is not None:
            document[field] = value
    if options.provider is not None:
        _set_provider(document, options.provider, options.attribution)
    if options.license_url is not None:
        links = [link for link in document.get("links", []) if link.get("rel") != "license"]
        document["links"] = [*links, {"rel": "license", "href": options.license_url}]
    document["extent"] = _extent(document.get("extent"), item)
    _summarise(document.setdefault("summaries", {}), item)
    described = document.setdefault("item_assets", {})
    for key, asset in item["assets"].items():
        described.setdefault(key, _described(asset))
    corrected = set() if before is None else _corrected(before, item)
    wrong = {
        name
        for name, layer in document.get("renders", {}).items()
        if corrected and _draws(document, name, layer, corrected)
    }
    guessed = guess_renders([item, *sample], title=options.title or _title(collection))
    document = with_guess(document, guessed, wrong=frozenset(wrong))
    document["stac_extensions"] = sorted(_extensions(document))
    return document


def _new(options: IngestOptions) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": options.collection,
        "title": options.collection,
        "description": options.title or f"Imagery of the collection {options.collection}.",
        "license": UNKNOWN_LICENSE,
        "links": [],
    }


def _corrected(before: Mapping[str, Any], item: Mapping[str, Any]) -> set[str]:
    """Assets whose bands the same item had under other names, or with other meanings of their numbers."""
    old, new = before["assets"], item["assets"]
    return {key for key in old if key in new and _meaning(old[key]) != _meaning(new[key])}


def _meaning(asset: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    fields = ("name", "eo:common_name", "raster:scale", "raster:offset")
    return [
        (*(band.get(field) for field in fields), read_domain(band.get("eotiles:domain")))
        for band in asset.get("bands", [])
    ]


def _draws(
    document: Mapping[str, Any], name: str, layer: Mapping[str, Any], assets: set[str]
) -> bool:
    """Whether it is a layer of ours that picks bands of these assets by number, on a range of their values."""
    picked = {entry.partition("|")[0] for entry in layer.get("assets", [])}
    is_ours = name in (TRUE_COLOUR, GREY) or is_guess(document, name)
    return is_ours and "index" not in layer and not picked.isdisjoint(assets)


def _title(collection: Mapping[str, Any] | None) -> str | None:
    """What a person called the collection; its id is no title."""
    title = None if collection is None else collection.get("title")
    return title if isinstance(title, str) and title != (collection or {}).get("id") else None


def _set_provider(document: dict[str, Any], name: str, attribution: str | None) -> None:
    """Add or describe the producer; other providers stay."""
    provider: dict[str, Any] = {"name": name, "roles": ["producer"]}
    if attribution is not None:
        provider["description"] = attribution
    others = [known for known in document.get("providers", []) if known["name"] != name]
    document["providers"] = [provider, *others]


def _extent(extent: Mapping[str, Any] | None, item: Mapping[str, Any]) -> dict[str, Any]:
    properties = item["properties"]
    start = properties.get("start_datetime") or properties["datetime"]
    end = properties.get("end_datetime") or properties["datetime"]
    box = list(item["bbox"])
    if extent is not None:
        known = extent["spatial"]["bbox"][0]
        box = [
            min(known[0], box[0]),
            min(known[1], box[1]),
            max(known[2], box[2]),
            max(known[3], box[3]),
        ]
        first, last = extent["temporal"]["interval"][0]
        # Null means open.
        start = None if first is None else min(first, start, key=datetime.fromisoformat)
        end = None if last is None else max(last, end, key=datetime.fromisoformat)
    return {"spatial": {"bbox": [box]}, "temporal": {"interval": [[start, end]]}}


def _summarise(summaries: dict[str, Any], item: Mapping[str, Any]) -> None:
    for field in SUMMARISED:
        value = item["properties"].get(field)
        known = summaries.get(field, [])
        # People may have written a range or a schema instead of a list: theirs to keep.
        if field == "eotiles:domain" and isinstance(known, list):
            # Words of earlier releases are written as what they are now.
            known = [each for each in map(read_domain, known) if each is not None]
        if value is not None and isinstance(known, list):
            summaries[field] = sorted({*known, *(value if isinstance(value, list) else [value])})
    bands = {band["name"]: band for band in summaries.get("bands", [])}
    for asset in item["assets"].values():
        for band in asset.get("bands", []):
            bands.setdefault(band["name"], _described_band(band))
    if bands:
        summaries["bands"] = [bands[name] for name in sorted(bands)]


def _described(asset: Mapping[str, Any]) -> dict[str, Any]:
    """An asset as item_assets describes it: what its like share in every item."""
    described = {name: asset[name] for name in ("title", "type", "roles", "gsd") if name in asset}
    if "bands" in asset:
        described["bands"] = [_described_band(band) for band in asset["bands"]]
    return described


def _described_band(band: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "eo:common_name", "eo:center_wavelength", "eo:full_width_half_max", "gsd")
    return {name: band[name] for name in kept if name in band}


def _extensions(document: Mapping[str, Any]) -> set[str]:
    used = set(document.get("stac_extensions", []))
    if any("eo:common_name" in band for band in document["summaries"].get("bands", [])):
        used.add(EO)
    if "attribution" in document:
        used.add(ATTRIBUTION)
    if document.get("renders"):
        used.add(RENDER)
    return used
