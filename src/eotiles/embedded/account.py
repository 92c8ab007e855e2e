"""The operating system account that PostgreSQL runs as: never root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from eotiles.core.errors import SetupError

_NAMES = ("postgres", "eotiles")
"""Accounts that root drops to, in order of preference; the last is created when neither exists."""


FOREIGN = (
    "the embedded database of this data folder belongs to another account; run as that account or as root, "
    "or set EOTILES_DATA to a folder of your own"
)
"""What a user is told who meets somebody else's cluster."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account."""

    name: str
    uid: int
    gid: int

    def __post_init__(self) -> None:
        if self.uid == 0:
            raise ValueError("PostgreSQL does not run as root")


def choose_account(cluster: Path) -> Account:
    """Who runs the cluster in the folder `cluster`: its owner, else this user, else (as root) `postgres`.

    Raises:
        SetupError: the folder belongs to somebody else, or root has no account to drop to.
    """
    me = os.geteuid()
    owner = _owner(cluster)
    if me != 0:
        if owner not in (None, me):
            raise SetupError(FOREIGN)
        return _named(me)
    if owner:
        return _named(owner)
    for name in _NAMES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    return _create(_NAMES[-1])


def run_as(
    account: Account, command: list[str], *, inherited: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program as `account` with a bare environment; output and errors come back as one text.

    `inherited` are file descriptors that the program and what it starts keep.
    """
    drop = os.geteuid() == 0
    return subprocess.run(
        command,
        user=account.uid if drop else None,
        group=account.gid if drop else None,
        extra_groups=[] if drop else None,
        umask=0o077,
        pass_fds=inherited,
        cwd="/",  # the account may be unable to enter ours
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def check_reachable(account: Account, folder: Path) -> None:
    """Make sure that `account` can enter `folder`.

    Raises:
        SetupError: a folder on the way shuts it out; the sentence names it.
    """
    if os.geteuid() != 0 or _enters(account, folder):
        return
    for parent in reversed(folder.parents):
        if not _enters(account, parent):
            raise SetupError(
                f"the account {account.name!r}, which runs the database, may not enter {parent}; "
                f"set EOTILES_DATA to a folder elsewhere (such as /var/lib/eotiles) or run: chmod o+x {parent}"
            )
    raise SetupError(
        f"the account {account.name!r}, which runs the database, may not enter {folder}"
    )


def _owner(folder: Path) -> int | None:
    """User id that owns a folder; None when there is no such folder."""
    try:
        return folder.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise SetupError(FOREIGN) from error


def _named(uid: int) -> Account:
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError as error:
        raise SetupError(
            f"the user id {uid} has no name on this machine, which PostgreSQL needs; add it to /etc/passwd "
            "or name a database of your own in EOTILES_DATABASE_URL"
        ) from error


def _enters(account: Account, folder: Path) -> bool:
    return run_as(account, ["test", "-x", str(folder)]).returncode == 0


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def _create(name: str) -> Account:
    useradd = shutil.which("useradd")
    if useradd is None:
        raise SetupError(
            f"PostgreSQL does not run as root: create the account {name!r} for it and try again"
        )
    command = [
        useradd,
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        name,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SetupError(
            f"the account {name!r} for the database cannot be created: {result.stderr.strip()}"
        )
    return _account(pwd.getpwnam(name))
