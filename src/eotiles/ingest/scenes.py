"""Which files there are, and which of them are one scene."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from eotiles.core.errors import BadParameter
from eotiles.ingest.bands import ALIASES, MASKS, POLARISATIONS, look_up, recognise_sensor
from eotiles.ingest.options import IngestOptions, check_id

ENDINGS = (".tif", ".tiff")


@dataclass(frozen=True)
class Refusal:
    """A file or scene that did not come in, and why."""

    file: str
    """What the person named, or found below it."""

    reason: str
    """One sentence's predicate: "has no CRS"."""

    def __str__(self) -> str:
        return f"{self.file} {self.reason}"


@dataclass(frozen=True)
class SceneFile:
    """A file of a scene."""

    path: Path

    key: str
    """Key of its asset in the item: the band's name for one file a band, else `data`."""

    token: str | None
    """The band as the file name has it (SR_B4, red); None: the name does not say."""


@dataclass(frozen=True)
class Scene:
    """What becomes one item."""

    id: str

    files: tuple[SceneFile, ...]
    """Ordered by asset key; at least one."""

    stem: str
    """What the names of its files share, or the name of their folder: where a date may be found."""

    sensor: str | None
    """Key of bands.SENSORS."""

    @property
    def name(self) -> str:
        """How people are told about the scene."""
        return self.files[0].path.name if len(self.files) == 1 else self.id


def find_files(paths: Iterable[Path]) -> tuple[list[Path], list[Refusal]]:
    """The GeoTIFFs that were named or lie below a named folder, each once and in order, and what is none.

    A SAFE folder is a product as a whole: none of its files is one of these.
    """
    found: dict[Path, None] = {}
    refused = []
    for path in paths:
        if path.is_dir():
            products: list[Path] = []
            below = sorted(_below(path, products))
            refused += [Refusal(str(product), _SAFE) for product in sorted(products)]
            if not below and not products:
                refused.append(Refusal(str(path), f"holds no GeoTIFF ({', '.join(ENDINGS)})"))
            found.update(dict.fromkeys(below))
        elif path.is_file():
            found[path.absolute()] = None
        else:
            refused.append(Refusal(str(path), "does not exist"))
    return list(found), refused


_SAFE = "is a SAFE folder: `eotiles ingest sentinel2` and `eotiles ingest sentinel1` read it with what it says itself"


def _below(folder: Path, products: list[Path]) -> Iterator[Path]:
    """GeoTIFFs below a folder; SAFE folders, which are not searched, go to `products`."""
    for where, folders, names in os.walk(folder.absolute()):
        if where.upper().endswith(".SAFE"):
            products.append(Path(where))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                yield Path(where, name)


def group_scenes(
    files: Iterable[Path], options: IngestOptions
) -> tuple[list[Scene], list[Refusal]]:
    """Put files of one folder whose names differ by the band only into one scene; every other file is a scene.

    Files that are named by nothing but their band (B04.tif) are one scene, called like their folder.
    """
    suffix = _suffix(options)
    groups: dict[tuple[Path, str], list[tuple[Path, str | None]]] = {}
    for path in files:
        match = suffix.fullmatch(path.stem)
        token = match["token"] if match else None
        shared = path.name if match is None else (match["stem"] or path.parent.name)
        groups.setdefault((path.parent, shared), []).append((path, token))
    if options.item is not None and len(groups) != 1:
        raise BadParameter(f"--id names one item, but {len(groups)} scenes were found")
    scenes: dict[str, Scene] = {}
    refused = []
    for (_, stem), members in groups.items():
        try:
            scene = _scene(stem, members, options)
            if scene.id in scenes:
                first = scenes[scene.id].files[0].path
                raise BadParameter(f"would get the same item id {scene.id!r} as {first}")
        except BadParameter as error:
            refused.append(Refusal(str(members[0][0]), str(error)))
        else:
            scenes[scene.id] = scene
    return list(scenes.values()), refused


def _scene(stem: str, members: list[tuple[Path, str | None]], options: IngestOptions) -> Scene:
    name = stem if members[0][1] is not None else Path(stem).stem
    tokens = [token for _, token in members if token is not None]
    sensor = options.sensor or recognise_sensor(name, tokens)
    files: dict[str, SceneFile] = {}
    for path, token in members:
        band = None if token is None else look_up(token, sensor)
        key = "data" if token is None else (band.name if band else token)
        if key in files:
            raise BadParameter(f"holds the same band {key} as {files[key].path.name}")
        files[key] = SceneFile(path, key, token)
    identifier = options.item or check_id(
        "item", re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    )
    return Scene(identifier, tuple(files[key] for key in sorted(files)), name, sensor)


def _suffix(options: IngestOptions) -> re.Pattern[str]:
    """Matches a file name without its ending: scene and separator if any, band, and perhaps the resolution that ESA
    appends (_B02_10m)."""
    words = [*ALIASES, *POLARISATIONS, *MASKS, *(band.name for band in options.bands)]
    words.sort(key=len, reverse=True)
    tokens = "|".join([r"(?:SR_|ST_)?B\d{1,2}A?", *(re.escape(word) for word in words)])
    return re.compile(rf"(?:(?P<stem>.+?)[_.-])?(?P<token>{tokens})(?:[_-]\d{{2}}m)?", re.I)
