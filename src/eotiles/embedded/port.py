"""A free TCP port on loopback, remembered so that it stays the same."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from eotiles.core.errors import SetupError
from eotiles.embedded.account import FOREIGN
from eotiles.embedded.layout import write_file

_RANGE = range(20000, 32768)
"""Below the ports that Linux gives to outgoing connections (32768-60999)."""


def is_free(port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:`port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
        try:
            probe.bind(("127.0.0.1", port))
            # Binding alone succeeds beside somebody who listens with SO_REUSEADDR but not here.
            probe.listen(1)
        except OSError:
            return False
    return True


def remembered(file: Path) -> int | None:
    """The port of the last start; None before the first or when the file is damaged."""
    try:
        text = file.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise SetupError(FOREIGN) from error
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else None


def choose_port(file: Path) -> int:
    """The remembered port if it is free, otherwise another one, which is remembered from now on.

    Raises:
        SetupError: no port is free.
    """
    port = remembered(file)
    if port is not None and is_free(port):
        return port
    for candidate in random.sample(_RANGE, 100):
        if is_free(candidate):
            write_file(file, f"{candidate}\n", mode=0o640)
            return candidate
    raise SetupError("no TCP port between 20000 and 32767 is free on 127.0.0.1")
