"""Which band of a scene is which: from --bands, file names, descriptions and colours inside the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from eotiles.core.errors import IngestRefused
from eotiles.ingest.bands import COMMON_NAMES, MASKS, Band, look_up
from eotiles.ingest.options import BandName, IngestOptions
from eotiles.ingest.scenes import Scene, SceneFile
from eotiles.ingest.survey import Survey


def name_bands(
    scene: Scene, surveys: Mapping[str, Survey], options: IngestOptions
) -> dict[str, tuple[Band, ...]]:
    """The bands of each file, by asset key, in the order of the file.

    Raises:
        IngestRefused: --bands does not fit the files.
    """
    named: dict[str, tuple[Band, ...]] = {}
    for file in scene.files:
        seen = surveys[file.key]
        if file.token is not None and seen.count == 1:
            named[file.key] = (_by_suffix(file, options.bands, scene.sensor),)
        elif options.bands:
            named[file.key] = _by_order(options.bands, seen, scene.sensor)
        else:
            named[file.key] = _by_content(seen, scene.sensor)
    return named


def data_bands(given: Sequence[BandName]) -> tuple[int, ...]:
    """Numbers, from 1, of the bands that --bands calls by another name than alpha: data, whatever the file says."""
    return tuple(
        number for number, entry in enumerate(given, start=1) if entry.name.lower() != "alpha"
    )


def _by_suffix(file: SceneFile, given: Sequence[BandName], sensor: str | None) -> Band:
    for entry in given:
        if entry.name.lower() in (file.key.lower(), (file.token or "").lower()):
            return _given(entry, sensor, name=file.key)
    return look_up(file.token or file.key, sensor) or Band(file.key)


def _by_order(given: Sequence[BandName], seen: Survey, sensor: str | None) -> tuple[Band, ...]:
    if len(given) != seen.count:
        raise IngestRefused(f"has {seen.count} bands, but --bands names {len(given)}")
    return tuple(_given(entry, sensor, name=entry.name) for entry in given)


def _given(entry: BandName, sensor: str | None, *, name: str) -> Band:
    if entry.common_name is None:
        found = look_up(entry.name, sensor) or Band(name)
    elif entry.common_name in COMMON_NAMES:
        found = look_up(entry.common_name, sensor) or Band(name, entry.common_name)
    else:
        raise IngestRefused(
            f"cannot have the common name {entry.common_name!r}: STAC knows {', '.join(COMMON_NAMES)}"
        )
    return Band(name, found.common_name, found.center_um, found.width_um, found.gsd_m)


def _by_content(seen: Survey, sensor: str | None) -> tuple[Band, ...]:
    bands: list[Band] = []
    for number, (description, colour) in enumerate(
        zip(seen.descriptions, seen.colours, strict=True), start=1
    ):
        text = (description or "").strip()
        if text:
            slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-") or f"b{number}"
            band = look_up(text, sensor) or Band(slug)
        elif colour in ("red", "green", "blue"):
            band = Band(colour, colour)
        else:
            band = Band("alpha" if colour == "alpha" else f"b{number}")
        if any(band.name == other.name for other in bands):
            band = Band(f"{band.name}-{number}")
        bands.append(band)
    return tuple(bands)


def holds_labels(bands: Sequence[Band], options: IngestOptions) -> bool:
    """Whether a band of them has labels or bit fields, whose average means nothing."""
    return options.labels or any(band.name in MASKS for band in bands)
