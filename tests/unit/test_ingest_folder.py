"""The scene's folder: lock, staging, what is taken away and when."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from eotiles.core.errors import SetupError
from eotiles.ingest.folder import GRACE_S, retire, scene_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def make_and_fail(assets: Path, name: str) -> None:
    with scene_folder(assets, "imagery", "scene") as folder:
        (folder.path / name).touch()
        folder.made.append(folder.path / name)
        (folder.staging / "unfinished.tif").touch()
        raise RuntimeError("refused")


def test_what_was_made_goes_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="refused"):
        make_and_fail(tmp_path, "B04-1.tif")
    assert names(tmp_path) == []


def test_what_was_there_before_stays_with_an_error(tmp_path: Path) -> None:
    with scene_folder(tmp_path, "imagery", "scene") as folder:
        (folder.path / "B04-1.tif").touch()
    with pytest.raises(RuntimeError, match="refused"):
        make_and_fail(tmp_path, "B04-2.tif")
    assert names(tmp_path / "imagery" / "scene") == ["B04-1.tif"]


def test_what_a_killed_process_left_in_staging_goes(tmp_path: Path) -> None:
    left = tmp_path / "imagery" / "scene" / ".part"
    left.mkdir(parents=True)
    (left / "tmp123.tif").touch()
    with scene_folder(tmp_path, "imagery", "scene") as folder:
        assert names(folder.staging) == []
        (folder.path / "B04-1.tif").touch()
    assert names(tmp_path / "imagery" / "scene") == ["B04-1.tif"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with scene_folder(tmp_path, "imagery", "scene"):
            order.append("second")

    with scene_folder(tmp_path, "imagery", "scene"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_files_that_no_item_points_at_stay_for_an_hour(tmp_path: Path) -> None:
    with scene_folder(tmp_path, "imagery", "scene") as folder:
        old, new = folder.path / "B04-1.tif", folder.path / "B04-2.tif"
        old.touch()
        new.touch()
        retire(folder, {new})
        marker = folder.path / "B04-1.tif.retired"
        assert old.exists()
        assert marker.exists()
        retire(folder, {new})
        assert old.exists()
        aged = marker.stat().st_mtime - GRACE_S - 1
        os.utime(marker, (aged, aged))
        retire(folder, {new})
        assert not old.exists()
        assert not marker.exists()
        assert new.exists()


def test_a_file_that_is_used_again_is_not_retired(tmp_path: Path) -> None:
    with scene_folder(tmp_path, "imagery", "scene") as folder:
        path = folder.path / "B04-1.tif"
        path.touch()
        retire(folder, set())
        retire(folder, {path})
        assert names(folder.path) == [".part", "B04-1.tif"]


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "imagery").write_text("a file where a folder should be")
    with (
        pytest.raises(SetupError, match="the data folder cannot be written"),
        scene_folder(tmp_path, "imagery", "scene"),
    ):
        pass
