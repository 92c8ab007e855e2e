"""Where PostgreSQL and PostGIS are on this machine, and what to say where they are not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from eotiles.core.errors import SetupError

OLDEST = 15
"""Oldest PostgreSQL that eotiles is tested with."""

_NEEDED = ("initdb", "pg_ctl", "postgres", "pg_config")

_TOOLS = ("pg_dump", "pg_restore", "psql")

_DISTRIBUTION: dict[tuple[str, str], int] = {
    ("debian", "12"): 15,
    ("debian", "13"): 17,
    ("ubuntu", "24.04"): 16,
    ("ubuntu", "24.10"): 16,
    ("ubuntu", "25.04"): 17,
    ("ubuntu", "25.10"): 17,
    ("ubuntu", "26.04"): 18,
}
"""PostgreSQL that a distribution packages: (ID, VERSION_ID) of os-release → major version."""


@dataclass(frozen=True)
class Binaries:
    """An installation of PostgreSQL that has PostGIS."""

    folder: Path
    """Holds initdb, pg_ctl and postgres."""

    major: int
    """15, 16, …"""


def standard_folders() -> tuple[Path, ...]:
    """Folders where distributions put the server's programs, newest version first, then those on PATH."""
    packaged = [
        *Path("/usr/lib/postgresql").glob("*/bin"),  # Debian, Ubuntu
        *Path("/usr").glob("pgsql-*/bin"),  # Red Hat with the PostgreSQL project's packages
    ]
    packaged.sort(key=lambda folder: int(re.sub(r"\D", "", str(folder)) or 0), reverse=True)
    found = shutil.which("initdb")
    return (*packaged, Path(found).resolve().parent) if found else tuple(packaged)


def find_binaries(folders: tuple[Path, ...], *, major: int | None = None) -> Binaries:
    """The newest PostgreSQL with PostGIS among `folders`; with `major`, of exactly that version.

    Raises:
        SetupError: there is none; the sentence says how to install it.
    """
    without_postgis: int | None = None
    for folder in folders:
        if not all(os.access(folder / name, os.X_OK) for name in _NEEDED):
            continue
        version = _major(folder)
        if version < OLDEST or (major is not None and version != major):
            continue
        if _has_postgis(folder):
            return Binaries(folder=folder, major=version)
        without_postgis = without_postgis or version
    if without_postgis is not None:
        raise SetupError(
            f"PostgreSQL {without_postgis} is installed without PostGIS; {install_advice(without_postgis)}"
        )
    if major is not None:
        raise SetupError(
            f"the data folder was made by PostgreSQL {major}, which is not installed here with PostGIS; "
            f"{install_advice(major)}, or set EOTILES_DATA to another folder"
        )
    raise SetupError(
        f"PostgreSQL {OLDEST} or newer with PostGIS is not installed; {install_advice()}"
    )


def find_tools(folders: tuple[Path, ...], *, server: int) -> Path:
    """Folder of the client programs (pg_dump, pg_restore, psql) for a server of this major version, or a newer one.

    The oldest that will do: a backup that they make can be read by more.

    Raises:
        SetupError: there are none; the sentence says how to install them.
    """
    found = shutil.which("pg_dump")
    everywhere = (*folders, Path(found).resolve().parent) if found else folders
    fitting = {
        version: folder
        for folder in everywhere
        if all(os.access(folder / name, os.X_OK) for name in _TOOLS)
        and (version := _version(folder / "pg_dump")) >= server
    }
    if not fitting:
        raise SetupError(
            f"pg_dump and psql of PostgreSQL {server} or newer are not installed; install postgresql-client-{server}"
        )
    return fitting[min(fitting)]


def install_advice(major: int | None = None) -> str:
    """What to type on this machine to get PostgreSQL with PostGIS."""
    other = "or name a database of your own in EOTILES_DATABASE_URL"
    if shutil.which("apt-get") is None:
        return f"install PostgreSQL {major or OLDEST} and PostGIS 3 with this system's package manager, {other}"
    return f"run: {install_line(major)} ({other})"


def install_line(major: int | None = None, *, root: bool | None = None) -> str:
    """The apt-get line that installs PostgreSQL with PostGIS; with sudo unless `root`."""
    version = major or _distribution_major()
    as_root = os.geteuid() == 0 if root is None else root
    sudo = "" if as_root else "sudo "
    return (
        f"{sudo}apt-get install -y --no-install-recommends "
        f"postgresql-{version} postgresql-{version}-postgis-3"
    )


def _distribution_major() -> int:
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return OLDEST
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, flags=re.MULTILINE))
    return _DISTRIBUTION.get((fields.get("ID", ""), fields.get("VERSION_ID", "")), OLDEST)


def _version(program: Path) -> int:
    """Major version that a program says it is of; 0 when it does not."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)", done.stdout)
    return int(found.group(1)) if found else 0


def _major(folder: Path) -> int:
    found = re.search(r"(\d+)", _ask(folder, "--version").removeprefix("PostgreSQL"))
    return int(found.group(1)) if found else 0


def _has_postgis(folder: Path) -> bool:
    shared = _ask(folder, "--sharedir")
    return bool(shared) and (Path(shared) / "extension" / "postgis.control").is_file()


def _ask(folder: Path, option: str) -> str:
    """One line that pg_config prints; empty when it cannot."""
    command = [str(folder / "pg_config"), option]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()
