"""The embedded database: what a first start makes, and what it refuses."""

from __future__ import annotations

import os
import pwd
import socket
import stat
import time
from pathlib import Path

import psycopg
import pytest

from eotiles.catalog.migrations import migrate
from eotiles.core.errors import SetupError
from eotiles.core.role import ROLES
from eotiles.embedded.cluster import Cluster

pytestmark = pytest.mark.integration


def test_before_the_first_start(own_cluster: Cluster) -> None:
    status = own_cluster.status()
    assert (status.running, status.pid, status.port, status.version) == (False, None, None, None)
    assert status.size_bytes == 0
    with pytest.raises(SetupError, match="never started"):
        own_cluster.conninfo("read")
    own_cluster.stop()
    own_cluster.reset()


def test_first_and_later_starts_are_quick(own_cluster: Cluster) -> None:
    began = time.perf_counter()
    own_cluster.start()
    assert migrate(own_cluster.conninfo("admin")) == "0.10.0"
    first_s = time.perf_counter() - began
    own_cluster.stop()
    began = time.perf_counter()
    own_cluster.start()
    assert migrate(own_cluster.conninfo("admin")) == "0.10.0"
    later_s = time.perf_counter() - began
    # Measured 2.5 s and 0.23 s; the promise is 5 s and 2 s on a machine that does nothing else.
    assert first_s < 30
    assert later_s < 10


def test_status_of_a_running_cluster(own_cluster: Cluster) -> None:
    own_cluster.start()
    status = own_cluster.status()
    assert status.running
    assert status.pid is not None
    assert Path(f"/proc/{status.pid}").exists()
    assert status.size_bytes > 1e6
    own_cluster.start()
    assert own_cluster.status().pid == status.pid


def test_it_never_runs_as_root_and_listens_on_loopback_only(own_cluster: Cluster) -> None:
    own_cluster.start()
    status = own_cluster.status()
    assert Path(f"/proc/{status.pid}").stat().st_uid != 0
    with psycopg.connect(own_cluster.conninfo("read")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW jit").fetchone() == ("off",)


@pytest.mark.parametrize("role", ROLES)
def test_every_login_needs_its_password(own_cluster: Cluster, role: str) -> None:
    own_cluster.start()
    port = own_cluster.status().port
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                f"postgresql://eotiles_{role}@127.0.0.1:{port}/eotiles", password=password
            )


def test_the_superuser_is_not_reached_over_tcp(own_cluster: Cluster) -> None:
    own_cluster.start()
    port = own_cluster.status().port
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(f"postgresql://postgres:x@127.0.0.1:{port}/eotiles")


def test_no_file_is_open_to_others(own_cluster: Cluster) -> None:
    own_cluster.start()
    data = own_cluster.status().data
    for base, folders, files in os.walk(data):
        for name in (*folders, *files):
            mode = Path(base, name).lstat().st_mode
            assert stat.S_ISSOCK(mode) or mode & 0o007 == 0, (base, name)
    assert stat.S_IMODE(data.stat().st_mode) & 0o066 == 0


def test_another_port_when_somebody_took_it(own_cluster: Cluster) -> None:
    own_cluster.start()
    before = own_cluster.status().port
    assert before is not None
    own_cluster.stop()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", before))
        listener.listen(1)
        own_cluster.start()
        after = own_cluster.status().port
        assert after != before
        with psycopg.connect(own_cluster.conninfo("read")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    own_cluster.stop()
    own_cluster.start()
    assert own_cluster.status().port == after


def test_lost_passwords_are_made_anew(own_cluster: Cluster) -> None:
    own_cluster.start()
    before = own_cluster.conninfo("read")
    (own_cluster.status().data / "passwords" / "read").unlink()
    with pytest.raises(SetupError, match="never started"):
        own_cluster.conninfo("read")
    own_cluster.start()
    assert own_cluster.conninfo("read") != before
    with psycopg.connect(own_cluster.conninfo("read")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_damaged_version_file_is_a_sentence(own_cluster: Cluster) -> None:
    own_cluster.start()
    own_cluster.stop()
    version = own_cluster.status().data / "postgres" / "cluster" / "PG_VERSION"
    good = version.read_text()
    for text, sentence in (("\x00", "is damaged"), ("12\n", "made by PostgreSQL 12, which is not")):
        version.write_text(text)
        with pytest.raises(SetupError, match=sentence):
            own_cluster.start()
    version.write_text(good)
    own_cluster.start()


def test_a_damaged_cluster_is_a_sentence_with_postgresqls_reason(own_cluster: Cluster) -> None:
    own_cluster.start()
    own_cluster.stop()
    control = own_cluster.status().data / "postgres" / "cluster" / "global" / "pg_control"
    hidden = control.rename(control.with_name("pg_control.hidden"))
    with pytest.raises(SetupError, match=r"PostgreSQL does not start: .*pg_control"):
        own_cluster.start()
    assert not own_cluster.status().running
    hidden.rename(control)
    own_cluster.start()
    assert own_cluster.status().running


def test_reset_deletes_the_database_and_leaves_the_imagery(own_cluster: Cluster) -> None:
    own_cluster.start()
    status = own_cluster.status()
    address = own_cluster.conninfo("read")
    (status.data / "assets").mkdir()
    own_cluster.reset()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(address)
    assert own_cluster.status().version is None
    assert sorted(entry.name for entry in status.data.iterdir()) == ["assets", "postgres.lock"]
    with pytest.raises(SetupError, match="never started"):
        own_cluster.conninfo("admin")


def test_files_of_somebody_else_are_not_overwritten(own_cluster: Cluster) -> None:
    own_cluster.reset()
    strange = own_cluster.status().data / "postgres" / "cluster"
    strange.mkdir(parents=True)
    (strange / "thesis.txt").write_text("precious")
    with pytest.raises(SetupError, match="holds files but no PostgreSQL cluster"):
        own_cluster.start()
    assert (strange / "thesis.txt").read_text() == "precious"
    (strange / "thesis.txt").unlink()


def test_postgresql_missing_is_a_sentence(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "data", programs=(tmp_path / "nothing",))
    with pytest.raises(SetupError, match="PostgreSQL 15 or newer with PostGIS is not installed"):
        cluster.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")
def test_a_closed_parent_folder_is_named(tmp_path: Path, own_cluster: Cluster) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SetupError, match=r"may not enter .*EOTILES_DATA.*chmod o\+x"):
        Cluster(closed / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_runs_it_too(own_cluster: Cluster) -> None:
    home = own_cluster.status().data.parent / "home"
    home.mkdir()
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    pid = os.fork()  # the interpreter may lie where only root can read, so nothing is executed anew
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            mine = Cluster(home / "data")
            mine.start()
            with psycopg.connect(mine.conninfo("read")) as connection:
                connection.execute("SELECT 1")
            assert Path(f"/proc/{mine.status().pid}").stat().st_uid == nobody.pw_uid
            mine.stop()
            with pytest.raises(SetupError, match="belongs to another account"):
                Cluster(own_cluster.status().data).start()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    theirs = Cluster(home / "data")
    theirs.start()  # root serves it as its owner
    assert Path(f"/proc/{theirs.status().pid}").stat().st_uid == nobody.pw_uid
    theirs.reset()
