"""Making, starting and stopping the PostgreSQL server of a cluster. The caller holds the lock."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import tempfile
import time
from pathlib import Path

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from eotiles.core.errors import SetupError
from eotiles.embedded import process
from eotiles.embedded.account import FOREIGN, Account, run_as
from eotiles.embedded.binaries import Binaries
from eotiles.embedded.configuration import SUPERUSER, write_configuration
from eotiles.embedded.layout import Layout, own_folder, write_file
from eotiles.embedded.lock import locked
from eotiles.embedded.port import choose_port, is_free

_READY_WITHIN_S = 120
"""Recovery after a crash reads the write-ahead log since the last checkpoint; max_wal_size bounds it."""

_STOPPED_WITHIN_S = 30.0
_ATTEMPTS = 5

_IN_USE = (
    "a PostgreSQL server already uses the database of this data folder, from another container or under another name "
    "of the folder; stop it there"
)


def cluster_major(cluster: Path) -> int | None:
    """Major version of PostgreSQL that made a cluster; None when there is none.

    Raises:
        SetupError: the folder holds something else, or belongs to another account.
    """
    try:
        text = (cluster / "PG_VERSION").read_text(errors="replace").strip()
    except FileNotFoundError:
        if cluster.exists() and any(cluster.iterdir()):
            raise SetupError(
                f"{cluster} holds files but no PostgreSQL cluster; move them away or set EOTILES_DATA elsewhere"
            ) from None
        return None
    except NotADirectoryError:
        return None
    except PermissionError as error:
        raise SetupError(FOREIGN) from error
    if not text.isdigit():
        raise SetupError(
            f"the PostgreSQL cluster in {cluster} is damaged (PG_VERSION); restore a backup, "
            "or delete the database: eotiles db reset"
        )
    return int(text)


def initialise(layout: Layout, *, account: Account, binaries: Binaries, lock: int) -> None:
    """Make a new cluster beside its place and move it there, so that a killed attempt leaves nothing half made.

    initdb inherits `lock`, the lock of the caller: if that is killed, the next one waits for the end of initdb.

    Raises:
        SetupError: initdb fails; the sentence holds its reason.
    """
    for left in layout.base.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="new-", dir=layout.base))
    own_folder(draft, account)
    command = [str(binaries.folder / "initdb"), "-D", str(draft), "-U", SUPERUSER]
    command += ["--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
    result = run_as(account, command, inherited=(lock,))
    if result.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise SetupError(f"the database cannot be created: {_complaint(result.stdout)}")
    if layout.cluster.exists():
        layout.cluster.rmdir()  # empty, as cluster_major saw
    draft.rename(layout.cluster)


def start_server(layout: Layout, *, account: Account, binaries: Binaries) -> int:
    """Start the server unless it runs, and wait until it takes connections; its TCP port comes back.

    Raises:
        SetupError: it does not come up; the sentence holds its reason.
    """
    for _ in range(3):
        if process.postmaster(layout, account) is None:
            process.end_orphans(layout, account)
        if process.postmaster(layout, account) is None:
            # The server inherits the lock. Two servers on the same files would destroy them, and process ids do not
            # tell of one that runs in another container or was started before the folder got its present name.
            with locked(layout.server_lock, wait_s=2.0, refusal=_IN_USE) as lock:
                process.remove_stale_files(layout)
                return _start(layout, account=account, binaries=binaries, lock=lock)
        port = process.tcp_port(layout)
        if port is None:
            continue  # it was stopping: start it again
        write_file(layout.port, f"{port}\n", mode=0o640)
        if _becomes_ready(layout, account=account, port=port):
            return port
    raise SetupError(f"PostgreSQL does not get ready; see the log files in {layout.log}")


def stop_server(layout: Layout, account: Account) -> None:
    """End the server; sessions are closed, their open transactions rolled back."""
    pid = process.postmaster(layout, account)
    if pid is not None:
        process.send(pid, signal.SIGINT)  # "fast" shutdown: closes sessions and writes a checkpoint
        deadline = time.monotonic() + _STOPPED_WITHIN_S
        while process.postmaster(layout, account) == pid and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.postmaster(layout, account) == pid:
            process.end({pid}, layout, account)
    process.end_orphans(layout, account)


def _start(layout: Layout, *, account: Account, binaries: Binaries, lock: int) -> int:
    """Have pg_ctl start the server in the background, free of this process and its terminal; its port comes back."""
    startup = layout.log / "startup.log"
    for _ in range(_ATTEMPTS):
        port = choose_port(layout.port)
        configuration = write_configuration(layout, account=account, port=port)
        logged = _log_sizes(layout)
        startup.unlink(missing_ok=True)
        command = [str(binaries.folder / "pg_ctl"), "start", "-D", str(layout.cluster), "--silent"]
        command += ["--wait", "--timeout", str(_READY_WITHIN_S), "--log", str(startup)]
        command += ["-o", f"-c config_file={shlex.quote(str(configuration))}"]
        if run_as(account, command, inherited=(lock,)).returncode == 0:
            return port
        if is_free(port):
            raise SetupError(f"PostgreSQL does not start: {_logged_complaint(layout, logged)}")
        # Somebody took the port between our look and PostgreSQL's: choose another.
    raise SetupError(
        f"PostgreSQL does not start: other programs took {_ATTEMPTS} ports in turn; try again"
    )


def _becomes_ready(layout: Layout, *, account: Account, port: int) -> bool:
    """Wait for a server that another process started or that recovers from the crash of a backend; False: it ended."""
    address = make_conninfo(host=str(layout.run), port=port, connect_timeout=2).encode()
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        if PGconn.ping(address) == Ping.OK:
            return True
        if process.postmaster(layout, account) is None:
            return False
        time.sleep(0.02)
    return False


def _log_sizes(layout: Layout) -> dict[Path, int]:
    """Bytes of each log file."""
    return {file: file.stat().st_size for file in layout.log.glob("*.log")}


def _logged_complaint(layout: Layout, sizes: dict[Path, int]) -> str:
    """Why the server did not start, from what its logs hold beyond `sizes`."""
    texts = {
        file: file.read_bytes()[sizes.get(file, 0) :].decode(errors="replace")
        for file in layout.log.glob("postgresql-*.log")
    }
    startup = layout.log / "startup.log"
    said = startup.read_text(errors="replace") if startup.exists() else ""
    plain = " ".join(line.strip() for line in said.splitlines() if "LOG:" not in line)
    return (
        _complaint(said + "".join(texts.values())) or plain or f"see the log files in {layout.log}"
    )


def _complaint(text: str) -> str:
    """The last line that tells of an error, without what stands before it."""
    found = re.findall(r"(?:FATAL|PANIC|[Ee]rror): +(.+)", text)
    return str(found[-1]).strip() if found else ""
