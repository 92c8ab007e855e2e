"""`ingest_files`: the walk from files to items, scene by scene, each entirely or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import rasterio

from eotiles.core.errors import BadParameter, IngestRefused, Unavailable
from eotiles.ingest.count import Count, count_items
from eotiles.ingest.doubts import doubts
from eotiles.ingest.folder import SceneFolder, retire, scene_folder
from eotiles.ingest.header import GDAL_OPTIONS
from eotiles.ingest.item import add_thumbnail, build_item, scene_bands
from eotiles.ingest.layers import NamedBand, colour_bands
from eotiles.ingest.load import Outcome, load_scene
from eotiles.ingest.naming import data_bands, holds_labels, name_bands
from eotiles.ingest.options import IngestOptions
from eotiles.ingest.period import Period, period_of_name, period_of_tags
from eotiles.ingest.place import Placed, place, publish
from eotiles.ingest.scenes import Refusal, Scene, find_files, group_scenes
from eotiles.ingest.session import check_catalogue
from eotiles.ingest.survey import Survey, survey
from eotiles.ingest.thumbnail import thumbnail


class Progress(Protocol):
    """Told after every step how far the work is."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """`done` of `total` steps; `what` comes next."""


@dataclass(frozen=True)
class Ingested:
    """A scene that is in the catalogue."""

    item: str
    collection: str
    outcome: Outcome
    period: Period
    converted: int
    """How many files were copied or converted into the data folder by this run."""

    doubts: tuple[str, ...]
    """What is likely a mistake, a sentence each."""


@dataclass(frozen=True)
class Summary:
    """What became of everything that was named."""

    scenes: tuple[Ingested, ...]
    refused: tuple[Refusal, ...]
    counts: tuple[Count, ...] = ()
    """What the database holds afterwards; empty where it could not be asked."""

    @property
    def is_complete(self) -> bool:
        """Whether everything that was named came in, and is there."""
        return not self.refused and all(count.is_complete for count in self.counts)

    def count(self, outcome: Outcome) -> int:
        """How many scenes had this outcome."""
        return sum(scene.outcome == outcome for scene in self.scenes)

    def doubts(self) -> dict[str, list[str]]:
        """Items by what is doubtful about them: an archive of one kind has one mistake, not thousands."""
        found: dict[str, list[str]] = {}
        for scene in self.scenes:
            for doubt in scene.doubts:
                found.setdefault(doubt, []).append(scene.item)
        return found


def ingest_files(
    paths: Iterable[Path],
    options: IngestOptions,
    *,
    conninfo: str,
    assets: Path,
    roots: tuple[str, ...],
    progress: Progress | None = None,
) -> Summary:
    """Bring GeoTIFFs into the catalogue; a scene that is refused leaves no trace and stops no other.

    Args:
        paths: GeoTIFFs, and folders of such.
        options: what the files do not say.
        conninfo: of a database login that may write items and collections.
        assets: folder for converted files.
        roots: prefixes below which the raster service may open files; `assets` is among them.
        progress: told after every step.

    Raises:
        BadParameter: the options contradict the files as a whole.
        Unavailable: the database cannot be reached at the start.
        SetupError: the database has no pgSTAC, its login may not write, or the data folder cannot be written.
    """
    check_catalogue(conninfo)
    files, refused = find_files(paths)
    scenes, clashes = group_scenes(files, options)
    refused += clashes
    total = sum(len(scene.files) + 1 for scene in scenes)
    done = 0

    def step(what: str, steps: int = 1) -> None:
        nonlocal done
        done += steps
        if progress is not None:
            progress(done, total, what)

    ingested: list[Ingested] = []
    lost: Unavailable | None = None
    with rasterio.Env(**GDAL_OPTIONS):
        for scene in scenes:
            if lost is not None:
                refused.append(Refusal(scene.name, f"was not tried: {lost}"))
                continue
            finished = done + len(scene.files) + 1
            step(scene.name, 0)
            surveys, unfit = _survey_all(scene, options, step)
            refused += unfit
            if not unfit:
                try:
                    ingested.append(
                        _ingest(
                            scene, options, surveys, conninfo=conninfo, assets=assets, roots=roots
                        )
                    )
                except (IngestRefused, BadParameter) as error:
                    refused.append(Refusal(scene.name, str(error)))
                except Unavailable as error:
                    lost = error
                    refused.append(Refusal(scene.name, f"was not stored: {error}"))
            step(scene.name, finished - done)
    return checked_summary(ingested, refused, conninfo=conninfo)


def checked_summary(
    ingested: Sequence[Ingested], refused: Sequence[Refusal], *, conninfo: str
) -> Summary:
    """The summary, with what the database holds now."""
    try:
        counts = count_items(conninfo, [(scene.collection, scene.item) for scene in ingested])
    except Unavailable as error:
        gone = Refusal("the final count", f"could not be made: {error}")
        return Summary(tuple(ingested), (*refused, gone))
    return Summary(tuple(ingested), tuple(refused), counts)


def _survey_all(
    scene: Scene, options: IngestOptions, step: Callable[[str], None]
) -> tuple[dict[str, Survey], list[Refusal]]:
    """Surveys by asset key, and every file that is unfit: one is enough to refuse the scene."""
    surveys: dict[str, Survey] = {}
    unfit = []
    for file in scene.files:
        try:
            surveys[file.key] = survey(
                file.path, nodata=options.nodata, data_bands=data_bands(options.bands)
            )
        except IngestRefused as error:
            unfit.append(Refusal(str(file.path), str(error)))
        step(file.path.name)
    return surveys, unfit


def _ingest(
    scene: Scene,
    options: IngestOptions,
    surveys: Mapping[str, Survey],
    *,
    conninfo: str,
    assets: Path,
    roots: tuple[str, ...],
) -> Ingested:
    """From surveyed files to an item in the catalogue.

    Raises:
        IngestRefused: the scene cannot be catalogued.
        Unavailable: the database went away.
    """
    period = options.period or _period(scene, surveys)
    named = name_bands(scene, surveys, options)
    bands = scene_bands(named, surveys, options)
    with scene_folder(assets, options.collection, scene.id) as folder:
        placed: dict[str, Placed] = {}
        for key, seen in surveys.items():
            labels = holds_labels(named[key], options)
            placed[key] = place(
                seen, key, folder=folder.path, staging=folder.staging, roots=roots, labels=labels
            )
            if placed[key].new:
                folder.made.append(placed[key].path)
        item = build_item(
            scene, options, period, surveys=surveys, named=named, bands=bands, placed=placed
        )
        picture = draw_thumbnail(bands, surveys, placed, folder)
        add_thumbnail(item, str(picture[0]), picture[1])
        outcome = load_scene(item, options, conninfo=conninfo)
        retire(folder, {picture[0], *(file.path for file in placed.values())})
    return Ingested(
        item=scene.id,
        collection=options.collection,
        outcome=outcome,
        period=period,
        converted=sum(file.new for file in placed.values()),
        doubts=doubts(
            scene,
            bands,
            options.bands,
            unmarked=[(key, band) for key, seen in surveys.items() for band in seen.unmarked],
            types={key: seen.dtype for key, seen in surveys.items()},
        ),
    )


def _period(scene: Scene, surveys: Mapping[str, Survey]) -> Period:
    times = [time for seen in surveys.values() for time in seen.times]
    period = period_of_tags(times) or period_of_name(scene.stem)
    if period is None:
        raise IngestRefused(
            "has no date in its TIFF tags or its name: say with --datetime when it was taken "
            "(2019-09-18, 2019-09-18T10:50:31Z, or an interval A/B)"
        )
    return period


def draw_thumbnail(
    bands: list[NamedBand],
    surveys: Mapping[str, Survey],
    placed: Mapping[str, Placed],
    folder: SceneFolder,
) -> tuple[Path, tuple[int, int]]:
    """Draw the thumbnail into the folder: its path, and its (height, width) in pixels."""
    files = {key: file.path for key, file in placed.items()}
    content, shape = thumbnail(colour_bands(bands), surveys, files)
    path = folder.path / f"thumbnail-{hashlib.sha256(content).hexdigest()[:12]}.png"
    if not path.exists():
        part = folder.staging / path.name
        try:
            part.write_bytes(content)
            publish(part, path)
        except OSError as error:
            raise IngestRefused(f"cannot be stored ({error.strerror})") from error
        folder.made.append(path)
    return path, shape
