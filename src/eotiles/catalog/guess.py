"""Renders (STAC render extension) for a collection, guessed from items that stand for all of it. Pure.

What a person wrote is never replaced. The collection's `eotiles:guessed` keeps a digest of each render that was
guessed: one that still has its digest is a guess and may follow the imagery; one that was changed, or was never
guessed, is a person's; one that was guessed and is gone was taken out by a person, and stays out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from statistics import median
from typing import Any

from eotiles.catalog.appearance import Range
from eotiles.catalog.bands import sources
from eotiles.catalog.classes import colormap_of
from eotiles.catalog.drawable import Drawable, drawables
from eotiles.catalog.layers import (
    GENERIC,
    TRUE_COLOUR,
    band_name,
    band_title,
    selected,
    shown_alone,
    true_colour_bands,
)
from eotiles.catalog.radiometry import Json
from eotiles.catalog.stretch import colour_ranges, single_range
from eotiles.core.errors import BadParameter
from eotiles.core.index import PRESETS
from eotiles.core.symbols import choose

GUESSED = "eotiles:guessed"
GREY = "grey"

SAME = 0.1
"""A range whose ends move by less than this share of its span stays, so that links and tiles do."""


def guess_renders(items: Sequence[Json], *, title: str | None = None) -> dict[str, Any]:
    """Renders by name: true colour, the indices that bands allow, classes, or the bands one by one.

    Ranges are those of all the items: the median of their 2nd and of their 98th percentiles, which one cloudy scene
    does not move. Two fields are parameters of our raster API: `index` names a spectral index, and with `unscale` the
    range is one of physical values. `title` is the collection's: a single band that has no name is called so.
    """
    bands = _pooled(items)
    having = [source for item in items for source in sources(item)]
    found: dict[str, Any] = {}
    colours = true_colour_bands(bands)
    if colours is not None:
        found[TRUE_COLOUR] = _picture(colours)
    for name, index in PRESETS.items():
        chosen = [choose(symbol, having) for symbol in index.bands]
        used = [source.asset for source in chosen if source is not None]
        if len(used) == len(chosen):
            found[name] = {
                "title": index.title,
                "assets": list(dict.fromkeys(used)),
                "index": name,
                "rescale": [list(index.rescale)],
                "colormap_name": index.colormap,
            }
    alone = [band for band in bands if band.classes] if found else shown_alone(bands)
    for band in alone:
        found[_free_name(band, found)] = _alone(band, title if len(bands) == 1 else None)
    return found


def with_guess(
    collection: Json,
    guessed: Mapping[str, Any],
    *,
    wrong: frozenset[str] = frozenset(),
    force: bool = False,
) -> dict[str, Any]:
    """The collection with guesses in the places that nobody else has filled. `wrong` are names of renders that must go;
    with `force` guesses replace what a person wrote under their names, and what was taken out comes back.

    Equal inputs, equal document; the collection itself is not changed.
    """
    stored = dict(_mapping(collection.get("renders")))
    digests = {
        name: digest
        for name, digest in _mapping(collection.get(GUESSED)).items()
        if isinstance(digest, str)
    }
    for name in wrong:
        if stored.pop(name, None) is not None:
            digests.pop(name, None)
    for name, render in guessed.items():
        is_ours = name in stored and digests.get(name) == digest_of(stored[name])
        is_new = name not in stored and name not in digests
        if force or is_new or (is_ours and not _is_alike(stored[name], render)):
            stored[name] = render
            digests[name] = digest_of(render)
    made = {**collection, "renders": stored, GUESSED: digests}
    return {key: value for key, value in made.items() if value or key not in ("renders", GUESSED)}


def without_render(collection: Json, name: str) -> dict[str, Any]:
    """The collection without a render, which is not to be guessed again.

    Raises:
        BadParameter: it has none of that name.
    """
    stored = dict(_mapping(collection.get("renders")))
    if name not in stored:
        having = ", ".join(stored) or "none"
        raise BadParameter(
            f"collection {collection.get('id')!r} has no render {name!r}; it has: {having}"
        )
    del stored[name]
    digests = {**_mapping(collection.get(GUESSED)), name: ""}
    made = {**collection, "renders": stored, GUESSED: digests}
    return {key: value for key, value in made.items() if value or key != "renders"}


def is_guess(collection: Json, name: str) -> bool:
    """Whether a render of the collection is a guess that nobody has changed."""
    render = _mapping(collection.get("renders")).get(name)
    digest = _mapping(collection.get(GUESSED)).get(name)
    return render is not None and digest == digest_of(render)


def digest_of(render: Any) -> str:
    """Of a render's content; the order of its members, and whether 1 is written as 1.0, make no difference."""
    text = json.dumps(_plain(render), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{value:.9g}"


def _pooled(items: Sequence[Json]) -> tuple[Drawable, ...]:
    """Each band once, as its first item describes it, with the range of all of them."""
    found: dict[tuple[str, int], list[Drawable]] = {}
    for item in items:
        properties = _mapping(item.get("properties"))
        for band in drawables(_mapping(item.get("assets")), properties=properties):
            found.setdefault((band.source.asset, band.source.band), []).append(band)
    return tuple(replace(each[0], value_range=_range(each)) for each in found.values())


def _range(bands: Sequence[Drawable]) -> Range | None:
    """In digital numbers of the first: what a number means may differ from item to item, what is meant does not."""
    ranges = [each for band in bands if (each := band.physical_range) is not None]
    if not ranges:
        return None
    first = bands[0].source
    ends = [median(low for low, _ in ranges), median(high for _, high in ranges)]
    low, high = sorted((end - first.offset) / first.scale for end in ends)
    return (low, high) if low < high else None


def _picture(bands: Sequence[Drawable]) -> dict[str, Any]:
    ranges = colour_ranges(bands)
    render: dict[str, Any] = {"title": "True colour", "assets": selected(bands)}
    if ranges is None and all(band.domain == "display" for band in bands):
        ranges = ((0.0, 255.0),) * len(bands)
    if ranges is not None:
        render["rescale"] = [list(pair) for pair in ranges]
        if any(band.is_scaled for band in bands):
            render["unscale"] = True
    return render


def _alone(band: Drawable, title: str | None) -> dict[str, Any]:
    render: dict[str, Any] = {"title": title if title and _is_unnamed(band) else band_title(band)}
    render["assets"] = selected([band])
    if band.classes:
        return {**render, "colormap": colormap_of(band.classes), "resampling": "nearest"}
    found = single_range(band)
    if found is not None:
        render["rescale"] = [list(found)]
        if band.is_scaled:
            render["unscale"] = True
    if band.appearance.colormap is not None and found is not None:
        render["colormap_name"] = band.appearance.colormap
    return render


def _is_unnamed(band: Drawable) -> bool:
    name = band.source.name.lower()
    return name in GENERIC or re.fullmatch(r"b\d+", name) is not None


def _free_name(band: Drawable, taken: Mapping[str, Any]) -> str:
    name = GREY if _is_unnamed(band) and band.siblings == 1 else band_name(band).lower()
    return name if name not in taken else f"{name}-{band.source.band}"


def _is_alike(old: Any, new: Mapping[str, Any]) -> bool:
    """Whether two renders differ by a little in their ranges at most."""
    if not isinstance(old, Mapping):
        return False
    before, after = old.get("rescale") or [], new.get("rescale") or []
    others = [
        {key: value for key, value in each.items() if key != "rescale"} for each in (old, new)
    ]
    if _plain(others[0]) != _plain(others[1]) or len(before) != len(after):
        return False
    return all(
        max(abs(a - b) for a, b in zip(one, other, strict=True)) <= SAME * (one[1] - one[0])
        for one, other in zip(before, after, strict=True)
    )


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}
