"""PostgreSQL's three configuration files, written anew at every start."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from eotiles.core.role import ROLES, login
from eotiles.embedded.account import Account
from eotiles.embedded.layout import Layout, write_file
from eotiles.embedded.memory import memory_bytes

DATABASE = "eotiles"
"""Name of the one database."""

SUPERUSER = "postgres"
"""Has no password: only root and the account that runs the cluster reach it, over the Unix socket."""

_SHARED_MB = (128, 1024)
"""Least and most of shared_buffers."""

_CACHED_MB = (512, 16_384)
"""Least and most of effective_cache_size, which is an estimate and takes no memory."""

_CONFIGURATION = """\
# Written by eotiles at every start. Settings of yours go into local.conf beside this file.

listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = {run}
unix_socket_permissions = 0700
cluster_name = '{title}'
hba_file = {hba}
ident_file = {ident}
password_encryption = 'scram-sha-256'
authentication_timeout = 10s
max_connections = 100

# What is acknowledged is on the disk.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
max_wal_size = 1GB

# Of this machine's memory an eighth, and what the kernel will keep of the files; bounded, as others live here too.
shared_buffers = {shared_mb}MB
effective_cache_size = {cached_mb}MB
work_mem = 16MB
maintenance_work_mem = 128MB
temp_file_limit = 4GB
# pgSTAC makes a table per collection and month; a search may lock all of them.
max_locks_per_transaction = 256

# pgSTAC's searches take milliseconds: starting workers or compiling costs more than it saves
# (measured together: 32 ms -> 22-27 ms per search). More of that is set for the reading login (db/grants.sql).
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
jit = off
random_page_cost = 1.1

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'

# One file a weekday, overwritten a week later.
logging_collector = on
log_directory = {log}
log_filename = 'postgresql-%a.log'
log_file_mode = 0600
log_rotation_age = 1d
log_rotation_size = 0
log_truncate_on_rotation = on
log_line_prefix = '%m [%p] %q%u %a '
log_min_messages = warning

include_if_exists = {local}
"""


def write_configuration(layout: Layout, *, account: Account, port: int) -> Path:
    """Write postgresql.conf, pg_hba.conf and pg_ident.conf; the first one's path comes back."""
    hba = layout.base / "pg_hba.conf"
    ident = layout.base / "pg_ident.conf"
    main = layout.base / "postgresql.conf"
    values = {
        "port": str(port),
        "run": _quote(layout.run),
        "title": layout.title,
        "hba": _quote(hba),
        "ident": _quote(ident),
        "log": _quote(layout.log),
        "shared_mb": str(_within(memory_bytes() // 8, _SHARED_MB)),
        "cached_mb": str(_within(memory_bytes() // 2, _CACHED_MB)),
        "local": _quote(layout.base / "local.conf"),
    }
    write_file(main, _CONFIGURATION.format_map(values), mode=0o640)
    write_file(hba, _authentication(), mode=0o640)
    write_file(ident, _superusers(account), mode=0o640)
    return main


def _within(size_bytes: int, bounds_mb: tuple[int, int]) -> int:
    """Megabytes, neither below nor above the bounds."""
    return min(max(size_bytes >> 20, bounds_mb[0]), bounds_mb[1])


def _authentication() -> str:
    """Logins come over loopback with a password and reach one database; the superuser comes over the socket."""
    logins = ",".join(login(role) for role in ROLES)
    return (
        f"local all {SUPERUSER} peer map=eotiles\n"
        f"local {DATABASE} {logins} scram-sha-256\n"
        f"host {DATABASE} {logins} 127.0.0.1/32 scram-sha-256\n"
    )


def _superusers(account: Account) -> str:
    names = {"root", account.name, pwd.getpwuid(os.geteuid()).pw_name}
    return "".join(f'eotiles "{name}" {SUPERUSER}\n' for name in sorted(names))


def _quote(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
