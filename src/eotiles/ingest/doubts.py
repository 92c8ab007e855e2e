"""What came in, but probably not as meant: said after an ingest, because a wrong option is seen on the map only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from eotiles.catalog.plausibility import Sample, implausible
from eotiles.ingest.layers import NamedBand
from eotiles.ingest.options import BandName
from eotiles.ingest.scenes import Scene


def doubts(
    scene: Scene,
    bands: Sequence[NamedBand],
    given: Sequence[BandName],
    *,
    unmarked: Collection[tuple[str, int]] = (),
    types: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """A sentence for each thing about a scene that is likely a mistake; `given` is what --bands says,
    `unmarked` the bands, by asset and number, that are data though their file marks them as transparency, `types` the
    data type of each asset's pixels.

    The same mistake makes the same sentence, so that those of many scenes can be told in one.
    """
    found = (
        _unnamed(bands),
        _unused(scene, bands, given),
        _unmarked(bands, unmarked),
        *implausible(_samples(bands, types or {}), is_sentinel_2=scene.sensor == "sentinel-2"),
        _product(scene),
    )
    return tuple(sentence for sentence in found if sentence is not None)


def _unnamed(bands: Sequence[NamedBand]) -> str | None:
    # One or two bands are often all there is to show: a panchromatic image, radar, a height.
    if len(bands) < 3 or any(band.common_name is not None for band in bands):
        return None
    return (
        f"none of the {len(bands)} bands is known by name, so one is drawn in grey: name them in their order with "
        "--bands (red,green,blue,nir)"
    )


def _unused(scene: Scene, bands: Sequence[NamedBand], given: Sequence[BandName]) -> str | None:
    suffixes = {file.token.lower() for file in scene.files if file.token is not None}
    known = suffixes | {file.key.lower() for file in scene.files}
    if not given or not len(suffixes) == len(scene.files) == len(bands):
        return None
    if any(entry.name.lower() in known for entry in given):
        return None
    names = ", ".join(entry.name for entry in given)
    return (
        f"--bands {names} counted for nothing, as each file is a band and none ends so: write "
        f"{scene.files[0].key}=red, for all that are meant"
    )


def _unmarked(bands: Sequence[NamedBand], unmarked: Collection[tuple[str, int]]) -> str | None:
    for band in bands:
        if (band.asset, band.index) in unmarked:
            return (
                f"band {band.index} is marked as transparency in the file and called {band.name} by --bands: it was "
                "taken as data and hides no pixel"
            )
    return None


def _samples(bands: Sequence[NamedBand], types: Mapping[str, str]) -> list[Sample]:
    return [
        Sample(
            name=band.common_name or band.name,
            domain=band.domain,
            scale=band.scale,
            offset=band.offset,
            data_type=types.get(band.asset, ""),
            common_name=band.common_name,
            numbers=band.statistics.sample,
        )
        for band in bands
        if not band.labels
    ]


def _product(scene: Scene) -> str | None:
    if not any(scene.files[0].path.parent.glob("L???_L*_MTL.*")):
        return None
    return "an MTL lies beside it: `eotiles ingest landsat` reads date, bands and what the numbers mean off it"
