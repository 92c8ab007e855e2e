"""Files of foreign items into the data folder: fetched within bounds, checked, cloud-optimised where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio

from eotiles.catalog.bands import is_geotiff
from eotiles.core.errors import IngestRefused
from eotiles.ingest.check import check_id
from eotiles.ingest.folder import SceneFolder, retire, scene_folder
from eotiles.ingest.header import GDAL_OPTIONS
from eotiles.ingest.item import FILE
from eotiles.ingest.place import place
from eotiles.ingest.survey import survey
from eotiles.read.hrefs import AllowList
from eotiles.read.location import Location
from eotiles.read.objects import StoreError
from eotiles.read.ranges import Range
from eotiles.read.stores import Stores

Json = dict[str, Any]

COPIED_FROM = "eotiles:copied_from"
"""Field of an asset: where its file was, without a signature. What was copied from there is not fetched again."""

MOST_BYTES = 2**37
"""Of one file."""

PIECE_BYTES = 8 * 2**20
PIECES = 4
"""Asked for at a time."""

_COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True)
class Copying:
    """How files are copied."""

    assets: Path
    """Folder for them."""

    sources: AllowList
    """Where they may be copied from."""

    stores: Stores
    stored: Callable[[str, str], Json | None]
    """The item of a collection and an id that is in the catalogue."""

    @contextmanager
    def copied(self, item: Json, refusals: Callable[[], int]) -> Iterator[Json]:
        """The item with hrefs of copies. Leaving with more refusals than before takes the copies away again.

        Raises:
            IngestRefused: a file cannot be had, or is none that can be drawn.
            HrefRefused: a file lies where none may be copied from.
            BadParameter: the item has no usable id.
            SetupError: the data folder cannot be written.
        """
        name = check_id("an item", item.get("id"))
        before = refusals()
        known = self.stored(item["collection"], name)
        assets = item.get("assets")
        try:
            with (
                scene_folder(self.assets, item["collection"], name) as folder,
                rasterio.Env(**GDAL_OPTIONS),
            ):
                made = {
                    key: self._copy(key, asset, known, folder, name=f"{item['collection']}/{name}")
                    if is_geotiff(asset)
                    else asset
                    for key, asset in (assets if isinstance(assets, dict) else {}).items()
                }
                extensions = item.get("stac_extensions") or []
                yield {
                    **item,
                    "assets": made,
                    "stac_extensions": [*extensions, *([] if FILE in extensions else [FILE])],
                }
                if refusals() > before:
                    raise _TakenAway
                retire(
                    folder, {Path(asset["href"]) for asset in made.values() if is_geotiff(asset)}
                )
        except _TakenAway:
            return

    def _copy(
        self, key: str, asset: Json, known: Json | None, folder: SceneFolder, *, name: str
    ) -> Json:
        check_id("an asset", key)
        location = self.sources.find(asset["href"], asset=key, item=name)
        # A path of this machine is not told.
        origin = location.name if location.kind != "file" else Path(location.path).name
        before = ((known or {}).get("assets") or {}).get(key) or {}
        if before.get(COPIED_FROM) == origin and Path(str(before.get("href"))).is_file():
            kept = ("href", "type", "file:size", "file:checksum", COPIED_FROM)
            return {**asset, **{field: before[field] for field in kept if field in before}}
        try:
            source = self._fetched(location, folder.staging / f"{key}.source.tif")
            seen = survey(source)
            placed = place(
                seen,
                key,
                folder=folder.path,
                staging=folder.staging,
                roots=() if location.kind != "file" else (str(self.assets),),
                labels=_holds_labels(asset),
            )
        except IngestRefused as error:
            raise IngestRefused(f"asset {key!r} of item {name} {error}") from error
        except StoreError as error:
            raise IngestRefused(
                f"asset {key!r} of item {name} cannot be copied: {error}"
            ) from error
        if placed.new:
            folder.made.append(placed.path)
        return {
            **asset,
            "href": str(placed.path),
            "type": _COG,
            "file:size": placed.size_bytes,
            "file:checksum": f"1220{placed.sha256}",
            COPIED_FROM: origin,
        }

    def _fetched(self, location: Location, target: Path) -> Path:
        """The file on this machine."""
        if location.kind == "file":
            return Path(location.path)
        file, head = self.stores.open(location)
        if file.size_bytes > MOST_BYTES:
            raise IngestRefused(f"is larger than {MOST_BYTES >> 30} GiB")
        try:
            with target.open("wb") as out:
                out.write(head)
                for start in range(len(head), file.size_bytes, PIECES * PIECE_BYTES):
                    end = min(start + PIECES * PIECE_BYTES, file.size_bytes)
                    pieces = [
                        Range(at, min(at + PIECE_BYTES, end))
                        for at in range(start, end, PIECE_BYTES)
                    ]
                    out.writelines(self.stores.get(file, pieces))
        except OSError as error:
            raise IngestRefused(f"cannot be stored ({error.strerror})") from error
        return target


class _TakenAway(Exception):
    """The item was refused: its files go."""


def _holds_labels(asset: Mapping[str, Any]) -> bool:
    bands = asset.get("bands") or asset.get("raster:bands") or ()
    parts = [asset, *(band for band in bands if isinstance(band, dict))]
    return any(
        "classification:classes" in part or "classification:bitfields" in part for part in parts
    )
