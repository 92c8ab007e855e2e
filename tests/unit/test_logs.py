"""What a process writes to standard error: one line an event, in one format."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging, warnings
from eotiles.cli.logs import configure_logs
from eotiles.settings import Settings
configure_logs(Settings(_env_file=None, log_format="json"))
warnings.warn("a library warns", UserWarning)
logging.getLogger("uvicorn.error").info("a library tells")
"""


def test_warnings_of_libraries_are_json_lines_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    warned, told = map(json.loads, done.stderr.splitlines())
    assert (warned["level"], warned["logger"]) == ("warning", "py.warnings")
    assert "a library warns" in warned["event"]
    assert told["event"] == "a library tells"
