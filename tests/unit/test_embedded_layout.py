"""Folders and files of the embedded cluster."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from eotiles.core.errors import SetupError
from eotiles.embedded.account import Account
from eotiles.embedded.layout import Layout, make_data_folder, make_folders, write_file
from eotiles.embedded.passwords import make_password, read_password


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_socket_lies_in_the_data_folder() -> None:
    layout = Layout(data=Path("/srv/eotiles"))
    assert layout.run == Path("/srv/eotiles/postgres/run")


def test_a_long_data_folder_gets_a_short_socket_path() -> None:
    layout = Layout(data=Path("/srv") / ("é" * 60))
    longest = os.fsencode(layout.run / ".s.PGSQL.65535.lock")
    assert len(longest) < 107
    assert layout.run != Layout(data=Path("/srv") / ("e" * 120)).run


def test_nothing_is_open_to_others(tmp_path: Path) -> None:
    layout = Layout(data=tmp_path / "a" / "data")
    me = Account(name="me", uid=os.getuid() or 65534, gid=os.getgid() or 65534)
    make_data_folder(layout)
    make_folders(layout, me)
    make_folders(layout, me)
    for folder in (layout.base, layout.log, layout.run):
        assert _mode(folder) & 0o007 == 0, folder
    assert _mode(layout.data) & 0o006 == 0
    assert layout.run.stat().st_uid == me.uid


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(SetupError, match="a file is where the folder"):
        make_data_folder(Layout(data=tmp_path / "data"))
    with pytest.raises(SetupError, match="a file is where the folder"):
        make_data_folder(Layout(data=tmp_path / "data" / "below"))


def test_files_are_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "port"
    target = tmp_path / "target"
    target.write_text("precious")
    file.symlink_to(target)
    write_file(file, "1\n", mode=0o640)
    assert file.read_text() == "1\n"
    assert not file.is_symlink()
    assert target.read_text() == "precious"
    assert _mode(file) == 0o640
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["port", "target"]


def test_passwords_are_random_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "passwords"
    assert read_password(folder, "read") is None
    first, second = make_password(folder, "read"), make_password(folder, "ingest")
    assert first != second
    assert len(first) >= 43
    assert read_password(folder, "read") == first
    assert _mode(folder) == 0o700
    assert _mode(folder / "read") == 0o600


def test_an_account_is_never_root() -> None:
    with pytest.raises(ValueError, match="root"):
        Account(name="root", uid=0, gid=0)
