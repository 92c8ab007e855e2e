"""The lock of the embedded cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eotiles.core.errors import SetupError
from eotiles.embedded.lock import locked

_HOLD = """
import sys, time
from pathlib import Path
from eotiles.embedded.lock import locked
with locked(Path(sys.argv[1]), wait_s=0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_to_wait(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        began = time.monotonic()
        with (
            pytest.raises(SetupError, match="another eotiles process"),
            locked(file, wait_s=0.2),
        ):
            pass
        assert 0.2 <= time.monotonic() - began < 2
        os.kill(holder.pid, signal.SIGKILL)
        # A killed holder holds nothing.
        with locked(file, wait_s=5):
            pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with pytest.raises(KeyError), locked(file, wait_s=0):
        raise KeyError
    with locked(file, wait_s=0):
        pass


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match="EOTILES_DATA"),
        locked(tmp_path / "missing" / "lock", wait_s=0),
    ):
        pass
