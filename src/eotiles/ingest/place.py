"""Putting a scene's files where the raster service may open them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eotiles.core.errors import HrefRefused, IngestRefused
from eotiles.ingest.cog import RECIPE, Resampling, convert, is_cloud_optimised, why_not_drawn
from eotiles.ingest.survey import Survey, checksum
from eotiles.read.gdal import is_jpeg2000
from eotiles.read.hrefs import allow_list

Copying = Literal["needed", "never", "always"]
"""When a file goes into the data folder: where it cannot stay as it is, never (then it is refused), or always."""


@dataclass(frozen=True)
class Placed:
    """A cloud-optimised file where the raster service may open it."""

    path: Path
    size_bytes: int
    sha256: str
    new: bool
    """Whether this run put it there."""


def kept_path(path: Path, roots: Sequence[str]) -> Path | None:
    """The path, symbolic links resolved, if the raster service may open it; else None."""
    try:
        return Path(allow_list(roots).locate(str(path.absolute()), asset=path.name, item=path.name))
    except HrefRefused:
        return None


def place(
    survey: Survey,
    key: str,
    *,
    folder: Path,
    staging: Path,
    roots: Sequence[str],
    labels: bool,
    copying: Copying = "needed",
) -> Placed:
    """Leave a cloud-optimised file below an allowed root where it is; copy or convert every other into `folder`.

    The new file's name carries a hash of its source and of what was done to it, so a file that the catalogue points
    at is never overwritten, and one that is there already is complete.

    Args:
        survey: of the source.
        key: asset key, start of the new name.
        folder: the scene's folder below the data folder.
        staging: folder on the same file system for files in the making.
        roots: prefixes below which assets may be opened.
        labels: pixels are labels or bit fields, which must not be averaged in overviews.
        copying: when to copy or convert.

    Raises:
        IngestRefused: it cannot be converted, or not written, or not stay where it is.
    """
    optimised = is_cloud_optimised(survey)
    kept = kept_path(survey.path, roots)
    if copying == "never" and not _blends(survey, labels=labels):
        if (reason := why_not_drawn(survey)) is not None:
            raise IngestRefused(f"cannot be drawn where it lies ({reason}): say --copy")
        if kept is None:
            raise IngestRefused(
                "lies where the raster service may not open it: name its folder in EOTILES_ASSET_ROOTS, or say --copy"
            )
        return Placed(kept, survey.size_bytes, survey.sha256, new=False)
    if optimised and kept is not None and copying == "needed":
        return Placed(kept, survey.size_bytes, survey.sha256, new=False)
    resampling: Resampling = "nearest" if labels or "palette" in survey.colours else "average"
    done = "copy" if optimised else f"{RECIPE} {resampling} {survey.nodata}"
    if survey.unmarked:
        done += f" unmarked {survey.unmarked}"
    target = folder / f"{key}-{_short_hash(survey.sha256, done)}.tif"
    if target.exists():
        return Placed(target, target.stat().st_size, checksum(target), new=False)
    part = staging / target.name
    try:
        if optimised:
            shutil.copyfile(survey.path, part)
        else:
            convert(survey, part, resampling)
        publish(part, target)
    except OSError as error:
        raise IngestRefused(f"cannot be stored ({error.strerror or 'write error'})") from error
    return Placed(target, target.stat().st_size, checksum(target), new=True)


def _blends(survey: Survey, *, labels: bool) -> bool:
    """Whether it would be drawn wrongly when small: the lower resolutions of JPEG 2000 are averages."""
    return labels and is_jpeg2000(survey.path.name)


def publish(part: Path, target: Path) -> None:
    """Give a finished file its name: after a crash it is there entirely or not at all."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
