"""Where the parts of a cluster lie in the data folder, and who may read them."""

from __future__ import annotations

import hashlib
import os
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
    """The data folder (EOTILES_DATA), absolute and without symbolic links: the server is known by it."""

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
    def server_lock(self) -> Path:
        """Held by every process of the server as long as one lives."""
        return self.base / "server.lock"

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
        return Path("/tmp") / self.title  # not TMPDIR: the next start may have another

    @property
    def title(self) -> str:
        """Name of the cluster in the titles of its processes; differs between data folders."""
        return "eotiles-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]


def make_data_folder(layout: Layout) -> None:
    """Make the data folder unless it exists.

    Raises:
        SetupError: it cannot be made, or something else has its name.
    """
    # As root, PostgreSQL's account has to pass through it.
    _make_folder(layout.data, mode=0o711 if os.geteuid() == 0 else 0o700)


def make_folders(layout: Layout, account: Account) -> None:
    """Make what is missing of a cluster's folders, closed to everybody else.

    Raises:
        SetupError: a folder cannot be made or belongs to somebody else.
    """
    if _make_folder(layout.base, mode=0o700) and os.geteuid() == 0:
        # The account reads its configuration here.
        os.chown(layout.base, 0, account.gid)
        layout.base.chmod(0o750)
    for folder in (layout.log, layout.run):
        if _make_folder(folder, mode=0o700):
            own_folder(folder, account)
        elif folder.lstat().st_uid != account.uid:
            raise SetupError(f"{folder} should belong to the account {account.name!r}; remove it")


def own_folder(folder: Path, account: Account) -> None:
    """Give a folder that was just made to PostgreSQL's account."""
    if os.geteuid() == 0:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def _make_folder(folder: Path, *, mode: int) -> bool:
    """Make a folder with its parents unless it exists; whether it was made."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=mode)
        folder.chmod(mode)  # whatever the umask
    except FileExistsError as error:
        if folder.is_dir():
            return False
        raise SetupError(f"a file is where the folder {error.filename} should be") from error
    except OSError as error:
        raise SetupError(
            f"the folder {folder} cannot be made ({error.strerror}); set EOTILES_DATA to a folder you may write"
        ) from error
    return True


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
