"""Which processes of a cluster are alive, and clearing away what a killed one left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from eotiles.core.errors import SetupError
from eotiles.embedded.account import Account
from eotiles.embedded.layout import Layout

_ORPHANS_LEAVE_S = 2.0
"""Backends notice within this time that the postmaster has died, unless they are in a long statement."""


def postmaster(layout: Layout, account: Account) -> int | None:
    """Process id of the running server; None when the pid file is missing, stale, or names somebody else's process."""
    lines = _pid_file(layout.cluster)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _belongs(pid, layout, account) else None


def tcp_port(layout: Layout) -> int | None:
    """TCP port of the running server; None when it has just ended."""
    lines = _pid_file(layout.cluster)
    return int(lines[3]) if len(lines) > 3 else None


def processes(layout: Layout, account: Account) -> set[int]:
    """Every living process of the cluster."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid for pid in pids if _belongs(pid, layout, account)}


def end_orphans(layout: Layout, account: Account) -> None:
    """End what a killed server left running: a backend in a long statement does not notice that its server died.

    Raises:
        SetupError: one does not go away.
    """
    deadline = time.monotonic() + _ORPHANS_LEAVE_S
    while (left := processes(layout, account)) and time.monotonic() < deadline:
        if postmaster(layout, account) is not None:
            return  # it was only starting
        time.sleep(0.05)
    end(left, layout, account)


def remove_stale_files(layout: Layout) -> None:
    """Remove the pid and socket files of a killed server. Only while nobody holds the server's lock.

    PostgreSQL refuses to start when a stale pid file names a living process of the same account, as happens when a
    process id is used again after a restart of the machine.
    """
    (layout.cluster / "postmaster.pid").unlink(missing_ok=True)
    for file in layout.run.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)


def end(pids: set[int], layout: Layout, account: Account) -> None:
    """Kill processes of a cluster; crash recovery mends the rest.

    Raises:
        SetupError: one does not go away.
    """
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in pids:
            send(pid, number)
        if _gone(pids, layout, account, wait_s=2.0):
            return
    raise SetupError(f"processes of the database do not end: {', '.join(map(str, sorted(pids)))}")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _gone(pids: set[int], layout: Layout, account: Account, *, wait_s: float) -> bool:
    deadline = time.monotonic() + wait_s
    while any(_belongs(pid, layout, account) for pid in pids):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _pid_file(cluster: Path) -> list[str]:
    """Lines of postmaster.pid: pid, data directory, start time, port, socket folder, address, key, state."""
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _belongs(pid: int, layout: Layout, account: Account) -> bool:
    """Whether a process is the cluster's: judged by its owner and its title, which need no right to trace it."""
    entry = Path("/proc") / str(pid)
    try:
        if entry.stat().st_uid != account.uid:
            return False
        words = (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
    if words[0].startswith(f"postgres: {layout.title}: ".encode()):
        return True
    server = words[0].endswith(b"/postgres")
    return server and words[1:3] == [b"-D", os.fsencode(layout.cluster)]
