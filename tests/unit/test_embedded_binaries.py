"""Finding PostgreSQL with PostGIS, and what is said where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from eotiles.core.errors import SetupError
from eotiles.embedded.binaries import OLDEST, find_binaries, install_advice, install_line


def _installation(folder: Path, *, version: str, postgis: bool) -> Path:
    """Programs that answer as those of PostgreSQL do; the folder that holds them comes back."""
    programs, shared = folder / "bin", folder / "share"
    programs.mkdir(parents=True)
    (shared / "extension").mkdir(parents=True)
    if postgis:
        (shared / "extension" / "postgis.control").touch()
    for name in ("initdb", "pg_ctl", "postgres", "pg_config"):
        program = programs / name
        program.write_text(
            f'#!/bin/sh\ncase "$1" in --sharedir) echo "{shared}";; *) echo "PostgreSQL {version}";; esac\n'
        )
        program.chmod(0o755)
    return programs


def test_nothing_installed_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match="PostgreSQL 15 or newer with PostGIS is not installed"
    ) as told:
        find_binaries((tmp_path / "nothing",))
    assert "EOTILES_DATABASE_URL" in str(told.value)


def test_without_postgis_names_the_package_of_that_version(tmp_path: Path) -> None:
    folder = _installation(tmp_path / "16", version="16.3 (Debian)", postgis=False)
    with pytest.raises(SetupError, match="PostgreSQL 16 is installed without PostGIS"):
        find_binaries((folder,))


def test_too_old_is_as_good_as_missing(tmp_path: Path) -> None:
    folder = _installation(tmp_path / "14", version="14.11", postgis=True)
    with pytest.raises(SetupError, match="is not installed"):
        find_binaries((folder,))


def test_first_folder_with_postgis_wins(tmp_path: Path) -> None:
    bare = _installation(tmp_path / "17", version="17.1", postgis=False)
    whole = _installation(tmp_path / "16", version="16.3", postgis=True)
    found = find_binaries((bare, whole))
    assert (found.folder, found.major) == (whole, 16)


def test_a_cluster_needs_the_version_that_made_it(tmp_path: Path) -> None:
    newer = _installation(tmp_path / "17", version="17.1", postgis=True)
    older = _installation(tmp_path / "15", version="15.9", postgis=True)
    assert find_binaries((newer, older), major=15).folder == older
    with pytest.raises(SetupError, match="was made by PostgreSQL 16, which is not installed"):
        find_binaries((newer, older), major=16)


def test_install_line_is_one_to_type() -> None:
    assert install_line(15, root=True) == (
        "apt-get install -y --no-install-recommends postgresql-15 postgresql-15-postgis-3"
    )
    assert install_line(16, root=False).startswith("sudo apt-get install")


def test_without_apt_the_advice_names_no_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get" not in install_advice()
    assert f"PostgreSQL {OLDEST}" in install_advice()
