"""A private PostgreSQL cluster with PostGIS in the data folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from eotiles.core.errors import SetupError
from eotiles.core.role import Role, login
from eotiles.embedded import process
from eotiles.embedded.account import check_reachable, choose_account
from eotiles.embedded.binaries import find_binaries, standard_folders
from eotiles.embedded.bootstrap import bootstrap
from eotiles.embedded.configuration import DATABASE
from eotiles.embedded.layout import Layout, make_data_folder, make_folders
from eotiles.embedded.lock import locked
from eotiles.embedded.passwords import read_password
from eotiles.embedded.port import remembered
from eotiles.embedded.replacement import replacement
from eotiles.embedded.server import cluster_major, initialise, start_server, stop_server

_REPLACING = "the database is being restored by another process"


@dataclass(frozen=True)
class ClusterStatus:
    """How a cluster is."""

    data: Path
    """The data folder."""

    running: bool
    pid: int | None
    """Process id of the server; None when it does not run."""

    port: int | None
    """TCP port on 127.0.0.1; None before the first start."""

    version: str | None
    """Major version of PostgreSQL that made the cluster; None before the first start."""

    size_bytes: int
    """What the cluster takes on the disk."""


class Cluster:
    """The cluster of a data folder. It outlives the process that starts it; `stop` ends it."""

    def __init__(
        self, data: Path, *, programs: tuple[Path, ...] | None = None, lock_wait_s: float = 60.0
    ) -> None:
        """`programs` are folders to look for PostgreSQL in, by default where distributions put it."""
        self._layout = Layout(data=data.expanduser().resolve())
        self._programs = programs
        self._lock_wait_s = lock_wait_s

    def start(self) -> None:
        """Make the cluster unless it exists, start it unless it runs, and wait until its logins can connect.

        Raises:
            SetupError: PostgreSQL or PostGIS is missing, the data folder cannot be used, another process holds the
                lock, or the server does not come up.
        """
        if not Path("/proc/self/cmdline").exists():
            raise SetupError(
                "the embedded database runs on Linux; use docker compose, or name a database in EOTILES_DATABASE_URL"
            )
        layout = self._layout
        account = choose_account(layout.cluster)
        make_data_folder(layout)
        with locked(layout.lock, wait_s=self._lock_wait_s) as lock:
            major = cluster_major(layout.cluster)
            binaries = find_binaries(self._programs or standard_folders(), major=major)
            make_folders(layout, account)
            check_reachable(account, layout.base)
            if major is None:
                initialise(layout, account=account, binaries=binaries, lock=lock)
            port = start_server(layout, account=account, binaries=binaries)
            bootstrap(layout, port=port)

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back. Nothing happens when it does not run.

        Raises:
            SetupError: another process holds the lock, or the cluster belongs to another account.
        """
        layout = self._layout
        account = choose_account(layout.cluster)
        if not layout.cluster.exists():
            return
        with locked(layout.lock, wait_s=self._lock_wait_s):
            stop_server(layout, account)

    def reset(self) -> None:
        """Stop the server and delete the database with its passwords; converted imagery stays.

        Raises:
            SetupError: another process holds the lock, or the cluster belongs to another account.
        """
        layout = self._layout
        account = choose_account(layout.cluster)
        if not layout.data.exists():
            return
        with locked(layout.lock, wait_s=self._lock_wait_s):
            stop_server(layout, account)
            for folder in (layout.run, layout.base, layout.passwords):
                if folder.exists():
                    shutil.rmtree(folder)

    def status(self) -> ClusterStatus:
        """How the cluster is.

        Raises:
            SetupError: the cluster belongs to another account, or is damaged.
        """
        layout = self._layout
        account = choose_account(layout.cluster)
        major = cluster_major(layout.cluster)
        pid = process.postmaster(layout, account)
        return ClusterStatus(
            data=layout.data,
            running=pid is not None,
            pid=pid,
            port=remembered(layout.port),
            version=None if major is None else str(major),
            size_bytes=_size_bytes(layout.cluster),
        )

    def conninfo(self, role: Role) -> str:
        """URI of a role's login over loopback.

        Raises:
            SetupError: the cluster was never started, or belongs to another account.
        """
        port = remembered(self._layout.port)
        password = read_password(self._layout.passwords, role)
        if port is None or password is None:
            raise SetupError(
                "the embedded database of this data folder was never started; run: eotiles db start"
            )
        return f"postgresql://{login(role)}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}"

    @contextmanager
    def replacement(self) -> Iterator[str]:
        """URI of an empty database, as superuser, that takes the catalogue's place when the block ends well.

        Raises:
            SetupError: the cluster does not run, another replacement is under way, or PostgreSQL refuses.
        """
        layout = self._layout
        status = self.status()
        if not status.running or status.port is None:
            raise SetupError("the embedded database does not run; run: eotiles db start")
        with (
            locked(layout.base / "replacement.lock", wait_s=0.0, refusal=_REPLACING),
            replacement(layout, port=status.port) as conninfo,
        ):
            yield conninfo


def _size_bytes(folder: Path) -> int:
    total = 0
    for base, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(f"{base}/{name}").st_size
            except FileNotFoundError:  # PostgreSQL removes files while we count
                continue
    return total
