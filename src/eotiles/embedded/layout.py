"""Where the parts of a cluster lie in the data folder, and who may read them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eotiles.core.errors import SetupError
from eotiles.embedded.account import Account

_SOCKET_NAME = ".s.PGSQL.65535.lock"
_LONGEST_SOCKET = 106
"""Bytes of the longest path of a Unix socket on Linux (sun_path holds 108 with its end)."""


@dataclass(frozen=True)
class Layout:
    """Paths of a cluster. `base` and what lies directly in it belong to the user who runs eotiles.

    PostgreSQL's account owns only `cluster`, `log` and `run`, so that root never writes where that account could have
    put a symbolic link.
    """

    data: Path
    """The data folder (EOTILES_DATA), absolute."""

    @property
    def base(self) -> Path:
        """Everything of the database but its passwords."""
        return self.data / "postgres"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.base / "cluster"

    @property
    def log(self) -> Path:
        """Log files, one a weekday."""
        return self.base / "log"

    @property
    def passwords(self) -> Path:
        """One file a role."""
        return self.data / "passwords"

    @property
    def lock(self) -> Path:
        """Held while the cluster is started, stopped or reset."""
        return self.data / "postgres.lock"

    @property
    def port(self) -> Path:
        """Remembers the TCP port."""
        return self.base / "port"

    @property
    def run(self) -> Path:
        """Folder of the Unix socket; elsewhere when the data folder's path is too long for a socket."""
        run = self.base / "run"
        if len(os.fsencode(run / _SOCKET_NAME)) <= _LONGEST_SOCKET:
            return run
        return Path(tempfile.gettempdir()) / self.title

    @property
    def title(self) -> str:
        """Name of the cluster in the titles of its processes; differs between data folders."""
        return "eotiles-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]


def make_folders(layout: Layout, account: Account) -> None:
    """Make what is missing of a cluster's folders, closed to everybody else.

    Raises:
        SetupError: a folder cannot be made or belongs to somebody else.
    """
    root = os.geteuid() == 0
    # As root, the account must pass through the data folder and read its configuration in `base`.
    make_folder(layout.data, mode=0o711 if root else 0o700)
    make_folder(layout.base, mode=0o750 if root else 0o700)
    if root and layout.base.stat().st_uid == 0:
        os.chown(layout.base, 0, account.gid)
    for folder in (layout.log, layout.run):
        make_folder(folder, mode=0o700, account=account)


def make_folder(folder: Path, *, mode: int, account: Account | None = None) -> None:
    """Make a folder unless it exists; with `account`, it has to belong to that account.

    Raises:
        SetupError: it cannot be made, is no folder, or belongs to somebody else.
    """
    try:
        folder.mkdir(mode=mode, parents=account is None)
        folder.chmod(mode)
        if account is not None and os.geteuid() == 0:
            os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        if (folder.is_symlink() and account is not None) or not folder.is_dir():
            raise SetupError(
                f"{folder} is in the way: it should be a folder; set EOTILES_DATA elsewhere"
            ) from None
        if account is not None and folder.stat().st_uid != account.uid:
            raise SetupError(
                f"{folder} should belong to the account {account.name!r}; remove it"
            ) from None
    except OSError as error:
        raise SetupError(
            f"the folder {folder} cannot be made ({error.strerror}); set EOTILES_DATA to a folder you may write"
        ) from error


def write_file(file: Path, text: str, *, mode: int) -> None:
    """Replace `file` in one step. It gets the owner and group of its folder."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as opened:
        opened.write(text)
    folder = file.parent.stat()
    if os.geteuid() == 0:
        os.chown(draft, folder.st_uid, folder.st_gid)
    draft.replace(file)
