"""The passwords of the logins: random, one file each, readable by the user who runs eotiles only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from eotiles.core.errors import SetupError
from eotiles.core.role import Role
from eotiles.embedded.account import FOREIGN


def read_password(folder: Path, role: Role) -> str | None:
    """The password of a role's login; None before the first start.

    Raises:
        SetupError: the file belongs to somebody else.
    """
    try:
        return (folder / role).read_text().strip() or None
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise SetupError(FOREIGN) from error


def make_password(folder: Path, role: Role) -> str:
    """Write a new random password (256 bits) and return it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    password = secrets.token_urlsafe(32)
    draft = folder / f".{role}.new"
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(password + "\n")
    draft.replace(folder / role)
    return password
