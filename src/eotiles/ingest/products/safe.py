"""SAFE folders, in which ESA delivers: finding them, and what of their manifest counts for all missions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.metadata import manifest_files, read_xml
from eotiles.ingest.scenes import Refusal

MANIFEST = "manifest.safe"


@dataclass(frozen=True)
class Safe:
    """A SAFE folder whose manifest names nothing outside of it."""

    folder: Path
    """Symbolic links resolved."""

    manifest: etree._Element
    files: dict[Path, tuple[str, str] | None]
    """What it names, with checksums."""

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is."""
        return self.folder / MANIFEST

    def existing(self, path: Path) -> Path:
        """A file of the product.

        Raises:
            IngestRefused: it is missing.
        """
        if not path.is_file():
            raise IngestRefused(f"lacks its file {path.relative_to(self.folder)}")
        return path


def open_safe(folder: Path) -> Safe:
    """The folder with its manifest read.

    Raises:
        IngestRefused: it has no usable manifest.
    """
    resolved = folder.resolve()
    manifest = read_xml(resolved / MANIFEST)
    return Safe(resolved, manifest, manifest_files(resolved, manifest))


def find_safe(
    paths: Iterable[Path], name: re.Pattern[str], *, what: str
) -> tuple[list[Path], list[Refusal]]:
    """SAFE folders of a mission among the named paths and below them; a manifest may be named for its folder.

    Args:
        paths: what a person named.
        name: of the mission's folders, without regard to case.
        what: how people call the product.
    """
    found: dict[Path, None] = {}
    refused = []
    for path in paths:
        folder = path.parent if path.name == MANIFEST else path
        if not folder.is_dir():
            refused.append(
                Refusal(
                    str(path), "does not exist" if not path.exists() else f"is no {what} folder"
                )
            )
            continue
        below = sorted(_below(folder.absolute(), name))
        if not below:
            refused.append(Refusal(str(path), f"holds no {what} folder (….SAFE)"))
        found.update(dict.fromkeys(below))
    return list(found), refused


def _below(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        here = Path(where)
        if is_safe(here.name, files):
            folders.clear()
            if name.match(here.name):
                yield here
        folders[:] = sorted(each for each in folders if not each.startswith("."))


def is_safe(name: str, files: Iterable[str]) -> bool:
    """Whether a folder is a SAFE folder, by its name or by its manifest."""
    return name.upper().endswith(".SAFE") or MANIFEST in files
