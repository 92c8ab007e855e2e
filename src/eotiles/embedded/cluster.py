"""A private PostgreSQL cluster with PostGIS in the data folder."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from eotiles.core.errors import SetupError
from eotiles.core.role import Role, login
from eotiles.embedded import process
from eotiles.embedded.account import Account, check_reachable, choose_account, run_as
from eotiles.embedded.binaries import Binaries, find_binaries, standard_folders
from eotiles.embedded.bootstrap import bootstrap
from eotiles.embedded.configuration import DATABASE, SUPERUSER, write_configuration
from eotiles.embedded.layout import Layout, make_folder, make_folders
from eotiles.embedded.lock import locked
from eotiles.embedded.passwords import read_password
from eotiles.embedded.port import choose_port, is_free, remembered

_READY_WITHIN_S = 120.0
"""Recovery after a crash reads the log since the last checkpoint; max_wal_size bounds it."""

_STOPPED_WITHIN_S = 30.0
_ATTEMPTS = 5
_NEVER_STARTED = (
    "the embedded database was never started in this data folder; run: eotiles db start"
)


@dataclass(frozen=True)
class ClusterStatus:
    """What `eotiles db status` prints."""

    data: Path
    """The data folder."""

    running: bool
    pid: int | None
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
        self._layout = Layout(data=data.expanduser().absolute())
        self._programs = programs
        self._lock_wait_s = lock_wait_s

    def start(self) -> None:
        """Make the cluster unless it exists, start it unless it runs, and wait until its logins can connect.

        Raises:
            SetupError: PostgreSQL or PostGIS is missing, the data folder cannot be used, another process holds the
                lock, or the server does not come up.
        """
        layout = self._layout
        version = _version(layout.cluster)
        binaries = find_binaries(self._programs or standard_folders(), major=version)
        account = choose_account(layout.cluster)
        make_folder(layout.data, mode=0o711 if os.geteuid() == 0 else 0o700)
        with locked(layout.lock, wait_s=self._lock_wait_s):
            make_folders(layout, account)
            check_reachable(account, layout.base)
            if process.postmaster(layout, account) is None:
                process.clear_stale(layout, account)
            if _version(layout.cluster) is None:
                _initialise(layout, account=account, binaries=binaries)
            port = self._serve(account, binaries)
            bootstrap(layout, port=port)

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back. Nothing happens when it does not run.

        Raises:
            SetupError: another process holds the lock, or the cluster belongs to another account.
        """
        if not self._layout.cluster.exists():
            return
        with locked(self._layout.lock, wait_s=self._lock_wait_s):
            self._stop()

    def reset(self) -> None:
        """Stop the server and delete the database with its passwords; converted imagery stays.

        Raises:
            SetupError: another process holds the lock, or the cluster belongs to another account.
        """
        layout = self._layout
        if not layout.data.exists():
            return
        with locked(layout.lock, wait_s=self._lock_wait_s):
            if layout.cluster.exists():
                self._stop()
            for folder in (layout.run, layout.base, layout.passwords):
                shutil.rmtree(folder, ignore_errors=not folder.exists())

    def status(self) -> ClusterStatus:
        """How the cluster is."""
        layout = self._layout
        try:
            exists = layout.cluster.exists()
        except PermissionError:
            exists = True
        account = choose_account(layout.cluster) if exists else None
        pid = process.postmaster(layout, account) if account else None
        version = _version(layout.cluster)
        return ClusterStatus(
            data=layout.data,
            running=pid is not None,
            pid=pid,
            port=remembered(layout.port),
            version=None if version is None else str(version),
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
            raise SetupError(_NEVER_STARTED)
        return f"postgresql://{login(role)}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}"

    def _serve(self, account: Account, binaries: Binaries) -> int:
        """Start the server on a free port unless it runs; its port comes back."""
        layout = self._layout
        for _ in range(_ATTEMPTS):
            if process.postmaster(layout, account) is None:
                port = choose_port(layout.port)
                configuration = write_configuration(layout, account=account, port=port)
                _launch(layout, account=account, binaries=binaries, configuration=configuration)
            port = remembered(layout.port) or 0
            if _wait_ready(layout, account):
                return port
            if is_free(port):
                break
            # Somebody took the port between our look and PostgreSQL's: choose another.
        raise SetupError(f"PostgreSQL does not start: {_reason(layout)}")

    def _stop(self) -> None:
        layout = self._layout
        account = choose_account(layout.cluster)
        pid = process.postmaster(layout, account)
        if pid is None:
            process.clear_stale(layout, account)
            return
        process.send(pid, signal.SIGINT)  # "fast": ends sessions, writes a checkpoint
        deadline = time.monotonic() + _STOPPED_WITHIN_S
        while process.postmaster(layout, account) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.clear_stale(layout, account)


def _initialise(layout: Layout, *, account: Account, binaries: Binaries) -> None:
    """Make a new cluster beside its place and move it there, so that a killed attempt leaves nothing half made."""
    if layout.cluster.exists() and any(layout.cluster.iterdir()):
        raise SetupError(
            f"{layout.cluster} holds files but no PostgreSQL cluster; move them away or set EOTILES_DATA elsewhere"
        )
    draft = layout.base / "cluster.new"
    shutil.rmtree(draft, ignore_errors=not draft.exists())
    make_folder(draft, mode=0o700, account=account)
    command = [str(binaries.folder / "initdb"), "-D", str(draft), "-U", SUPERUSER]
    command += [
        "--auth-local=peer",
        "--auth-host=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]
    command += ["--data-checksums", "--no-instructions"]
    result = run_as(account, command)
    if result.returncode != 0:
        raise SetupError(f"the database cannot be created: {_last_line(result.stdout)}")
    draft.rename(layout.cluster)


def _launch(layout: Layout, *, account: Account, binaries: Binaries, configuration: Path) -> None:
    """Have pg_ctl start the server in the background, free of this process and its terminal."""
    (layout.log / "startup.log").unlink(missing_ok=True)
    options = f"-c config_file={shlex.quote(str(configuration))}"
    command = [str(binaries.folder / "pg_ctl"), "start", "-D", str(layout.cluster), "-W", "-s"]
    command += ["-l", str(layout.log / "startup.log"), "-o", options]
    result = run_as(account, command)
    if result.returncode != 0:
        raise SetupError(f"PostgreSQL does not start: {_last_line(result.stdout)}")


def _wait_ready(layout: Layout, account: Account) -> bool:
    """Wait until the server takes connections; False when it ended instead.

    Raises:
        SetupError: it neither came up nor ended in time.
    """
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        pid = process.postmaster(layout, account)
        if pid is not None and process.is_ready(layout):
            return True
        if pid is None and not process.processes(layout, account):
            return False
        time.sleep(0.01)
    raise SetupError(f"PostgreSQL is not ready after {_READY_WITHIN_S:.0f} s: {_reason(layout)}")


def _reason(layout: Layout) -> str:
    """The last complaint in the server's logs."""
    logs = sorted(layout.log.glob("*.log"), key=lambda file: file.stat().st_mtime)
    for file in reversed(logs):
        lines = file.read_text(errors="replace").splitlines()
        for line in reversed(lines):
            if "FATAL:" in line or "PANIC:" in line:
                return line.split(": ", 1)[-1].strip()
    return f"see the log files in {layout.log}"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


def _version(cluster: Path) -> int | None:
    """Major version of PostgreSQL that made a cluster; None when there is none."""
    try:
        text = (cluster / "PG_VERSION").read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise SetupError(
            "the embedded database belongs to another account; run as that account or as root, "
            "or set EOTILES_DATA to a folder of your own"
        ) from error
    if not text.isdigit():
        raise SetupError(
            f"the version file of the cluster in {cluster} is damaged; restore a backup or reset it"
        )
    return int(text)


def _size_bytes(folder: Path) -> int:
    total = 0
    for base, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(base, name)).st_size  # noqa: PTH118 (a third of the time of Path)
            except FileNotFoundError:  # PostgreSQL removes files while we count
                continue
    return total
