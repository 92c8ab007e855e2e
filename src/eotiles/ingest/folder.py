"""A scene's folder below the data folder: one writer at a time, and nothing half-made in it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eotiles.core.errors import SetupError

STAGING = ".part"
RETIRED = ".retired"
GRACE_S = 3600.0
"""How long a file that no item points at any more stays: services keep items in memory for minutes."""


@dataclass
class SceneFolder:
    """Where a scene's files go."""

    path: Path
    staging: Path
    """Files in the making, on the same file system."""

    made: list[Path] = field(default_factory=list)
    """Files that this run put into place: taken away again if the scene does not get into the catalogue."""


@contextmanager
def scene_folder(assets: Path, collection: str, item: str) -> Iterator[SceneFolder]:
    """Lend the folder to one process; leaving with an error takes away what was made.

    The lock and everything in the staging folder vanish with a process that is killed: the kernel drops the one, the
    next process that gets the lock removes the other.

    Raises:
        SetupError: the data folder cannot be written.
    """
    path = assets / collection / item
    try:
        lock = _locked(path)
    except OSError as error:
        raise SetupError(
            f"the data folder cannot be written ({error.strerror}): name another with EOTILES_DATA"
        ) from error
    folder = SceneFolder(path, path / STAGING)
    try:
        shutil.rmtree(folder.staging, ignore_errors=True)
        folder.staging.mkdir()
        yield folder
    except BaseException:
        for made in folder.made:
            made.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(folder.staging, ignore_errors=True)
        _remove_empty(path)
        os.close(lock)


def retire(folder: SceneFolder, keep: Collection[Path]) -> None:
    """Mark the files that the item does not point at any more; remove those marked longer ago than GRACE_S."""
    for path in folder.path.iterdir():
        if path.is_dir() or path.name.endswith(RETIRED):
            continue
        marker = path.with_name(path.name + RETIRED)
        if path in keep:
            marker.unlink(missing_ok=True)
        elif not marker.exists():
            marker.touch()
        elif time.time() - marker.stat().st_mtime > GRACE_S:
            path.unlink()
            marker.unlink()


def _locked(path: Path) -> int:
    """A descriptor that holds the folder's lock; the folder exists."""
    while True:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Whoever held the lock before may have removed the folder while we waited.
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)


def _remove_empty(path: Path) -> None:
    try:
        path.rmdir()
        path.parent.rmdir()
    except OSError:
        return
