"""A probe: some pixels of an item's bands, and whether their numbers can be what the catalogue says. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eotiles.catalog.bands import raster_assets
from eotiles.catalog.documented import BASELINE_OF_OFFSET
from eotiles.catalog.plausibility import Figures, Sample, figures, implausible
from eotiles.catalog.product import Product, product
from eotiles.core.domain import REFLECTANCES
from eotiles.core.errors import EotilesError
from eotiles.core.source import Source
from eotiles.core.watch import Watch
from eotiles.gather import gather
from eotiles.plan import AssetChoice, Json, Layer, Step, describe, name_of, plan_assets
from eotiles.read.files import Files
from eotiles.read.grid import Size, part_grid
from eotiles.read.pixels import Nodata

PROBE_PX = 512
"""Longest side of what is read of a file: from an overview, if it has one."""

ASSETS_MAX = 64
"""Files of one item that are read."""


@dataclass(frozen=True)
class ProbedBand:
    """A band as it was found."""

    source: Source
    of_file: tuple[float, float]
    sample: Sample

    figures: Figures | None
    """None where no pixel is valid."""

    def describe(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "asset": self.source.asset,
            "band": self.source.band,
            **describe(self.source, of_file=self.of_file),
            "data_type": self.sample.data_type,
            "figures": None if self.figures is None else asdict(self.figures),
        }


@dataclass(frozen=True)
class Report:
    """What was found of an item."""

    item: str
    bands: tuple[ProbedBand, ...]

    doubts: tuple[str, ...]
    """What cannot be right."""

    errors: tuple[str, ...]
    """Files that cannot be read."""

    def describe(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "item": self.item,
            "bands": [band.describe() for band in self.bands],
            "doubts": list(self.doubts),
            "errors": list(self.errors),
        }


def probe(item: Json, files: Files) -> Report:
    """Look at every band that can be drawn; labels say nothing that could be wrong."""
    found: list[ProbedBand] = []
    errors: list[str] = []
    for asset in raster_assets(item)[:ASSETS_MAX]:
        try:
            found += _probe_asset(item, asset, files)
        except EotilesError as error:
            errors.append(str(error))
    made_by = product(item.get("properties") or {}, name=str(item.get("id")))
    is_sentinel_2 = made_by is not None and made_by.mission == "sentinel-2"
    return Report(
        item=name_of(item),
        bands=tuple(found),
        doubts=(
            *implausible([band.sample for band in found], is_sentinel_2=is_sentinel_2),
            *contradictions(made_by, [band.source for band in found]),
        ),
        errors=tuple(errors),
    )


def contradictions(made_by: Product | None, sources: list[Source]) -> Iterator[str]:
    """What an item's metadata say against each other, of which the rules cannot know what is true."""
    if made_by is None or made_by.mission != "sentinel-2" or made_by.baseline is None:
        return
    ground = [source for source in sources if source.domain in REFLECTANCES and source.is_stated]
    baseline = f"processing baseline {made_by.baseline:05.2f}"
    if made_by.baseline < BASELINE_OF_OFFSET and any(source.offset for source in ground):
        yield f"the item lists an offset, which {baseline} does not have"
    since = made_by.baseline >= BASELINE_OF_OFFSET
    if since and made_by.applied is False and any(source.offset == 0 for source in ground):
        yield f"the item says that the offset of {baseline} is not taken off, and lists an offset of 0"


def _probe_asset(item: Json, asset: str, files: Files) -> Iterator[ProbedBand]:
    (step,) = plan_assets(item, Layer(assets=(AssetChoice(asset),)), physical=False).steps
    if step.sources and all(source.is_labels for source in step.sources.values()):
        return
    native = files.grid(asset)
    grid = part_grid(
        native,
        native.bounds,
        bounds_crs=native.crs,
        crs=native.crs,
        size=Size(max_px=PROBE_PX),
        align=False,
    )
    (pixels,) = gather(files, [step], grid, nodata=_nodata, resampling="nearest", watch=Watch())
    for band, plane, scale, offset in zip(
        pixels.bands, pixels.data, pixels.scales, pixels.offsets, strict=True
    ):
        source = step.sources.get(band)
        if source is None or source.is_labels or plane.dtype.kind == "c":
            continue
        if source.is_stated:
            scale, offset = source.scale, source.offset
        sample = Sample(
            name=source.common_name or source.name,
            domain=source.domain,
            scale=scale,
            offset=offset,
            data_type=plane.dtype.name,
            common_name=source.common_name,
            numbers=plane[pixels.valid].astype(np.float64),
        )
        yield ProbedBand(source, (scale, offset), sample, figures(sample))


def _nodata(step: Step) -> Nodata:
    return Nodata(
        {band: source.nodata for band, source in step.sources.items() if source.nodata is not None}
    )
