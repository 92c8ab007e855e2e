"""Processes that ingest and are killed: what every way in is held to after a kill -9."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg


@dataclass
class Victim:
    """A program that ingests an archive into a collection; `[conninfo, archive, assets]` are its arguments."""

    program: str
    conninfo: str
    archive: Path
    assets: Path
    collection: str

    def start(self) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                self.program,
                self.conninfo,
                str(self.archive),
                str(self.assets),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def finish(self) -> str:
        """Run it to its end; what it printed."""
        process = self.start()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out.strip()

    def kill_when(self, moment: Callable[[], bool]) -> None:
        """Start it, and kill it as soon as the moment has come."""
        process = self.start()
        deadline = time.monotonic() + 60
        try:
            while not moment():
                assert process.poll() is None, (
                    f"it ended before the moment: {process.communicate()}"
                )
                assert time.monotonic() < deadline, "the moment never came"
                time.sleep(0.002)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL

    def kill_after(self, seconds: float) -> bool:
        """Start it, and kill it after a while; False if it had ended before."""
        process = self.start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def connection(self) -> psycopg.Connection[Any]:
        """A connection to the catalogue."""
        return psycopg.connect(
            self.conninfo, options="-c search_path=pgstac,public", autocommit=True
        )

    def items(self) -> list[str]:
        """Ids of the collection's items, in order."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT id FROM items WHERE collection = %s", [self.collection]
            ).fetchall()
        return sorted(str(row[0]) for row in rows)

    def item(self, identifier: str) -> dict[str, Any]:
        """An item as the catalogue has it."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT get_item(%s, %s)", [identifier, self.collection]
            ).fetchone()
        assert row is not None
        assert isinstance(row[0], dict), f"no item {identifier}"
        return row[0]

    def stored(self, identifier: str) -> list[Path]:
        """Images of an item in the data folder."""
        return list((self.assets / self.collection / identifier).glob("*.tif"))

    def leftovers(self) -> list[Path]:
        """Files in the making that nobody makes."""
        return [path for path in self.assets.rglob("*") if ".part" in path.parts]

    def damaged(self, identifier: str) -> list[str]:
        """Assets of an item whose files are missing or not what the item says."""
        found = []
        for key, asset in self.item(identifier)["assets"].items():
            path = Path(asset["href"])
            if not path.is_file():
                found.append(key)
            elif (checksum := asset.get("file:checksum")) is not None:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                if checksum != f"1220{digest}" or asset["file:size"] != path.stat().st_size:
                    found.append(key)
        return found

    def waiting(self) -> bool:
        """Whether an ingest waits for a lock in the database: it is in the middle of its transaction."""
        with self.connection() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation' "
                "AND relation = 'pgstac.collections'::regclass"
            ).fetchone()
        return row is not None and row[0] == 1

    def remove(self) -> None:
        """Take the collection out of the catalogue."""
        with self.connection() as connection:
            connection.execute(
                "SELECT delete_collection(id) FROM collections WHERE id = %s", [self.collection]
            )
