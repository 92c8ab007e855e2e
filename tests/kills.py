"""Processes that ingest and are killed: what every way in is held to after a kill -9."""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

NURSERY = """
import json, os, sys, traceback
{program}
for line in sys.stdin:
    output, *arguments = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        code = 1
        try:
            run(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process that has imported everything, and forks one for every run: starting Python takes longer than to ingest."""


@dataclass
class Run:
    """A process that ingests."""

    pid: int
    nursery: subprocess.Popen[str]
    output: Path
    code: int | None = None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        assert self.nursery.stdout is not None
        if self.code is None and select.select([self.nursery.stdout], [], [], seconds)[0]:
            self.code = int(self.nursery.stdout.readline())
        return self.code is not None

    def kill(self) -> bool:
        """Kill -9; False if it had ended before."""
        if not self.wait(0):
            os.kill(
                self.pid, signal.SIGKILL
            )  # its number is not free before the nursery waits for it
        assert self.wait(60)
        return self.code == -signal.SIGKILL


class Victim:
    """A program that ingests an archive into a collection, many times over.

    Args:
        program: defines `run(conninfo, archive, assets)`.
    """

    def __init__(self, program: str, conninfo: str, folder: Path, *, collection: str) -> None:
        self.conninfo = conninfo
        self.archive = folder / "archive"
        self.assets = folder / "assets"
        self.collection = collection
        self._output = folder / "output.txt"
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY.replace("{program}", program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def start(self) -> Run:
        """Start it."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        arguments = [str(self._output), self.conninfo, str(self.archive), str(self.assets)]
        self._nursery.stdin.write(json.dumps(arguments) + "\n")
        self._nursery.stdin.flush()
        return Run(int(self._nursery.stdout.readline()), self._nursery, self._output)

    def finish(self) -> str:
        """Run it to its end; what it printed."""
        run = self.start()
        assert run.wait(120), "it does not end"
        said = self._output.read_text()
        assert run.code == 0, said
        return said.strip()

    def kill_when(self, moment: Callable[[], bool]) -> None:
        """Start it, and kill it as soon as the moment has come."""
        run = self.start()
        deadline = time.monotonic() + 60
        try:
            while not moment():
                assert not run.wait(0.002), f"it ended before: {self._output.read_text()}"
                assert time.monotonic() < deadline, "the moment never came"
        finally:
            killed = run.kill()
        assert killed

    def kill_after(self, seconds: float) -> bool:
        """Start it, and kill it after a while; False if it had ended before."""
        run = self.start()
        run.wait(seconds)
        return run.kill()

    def close(self) -> None:
        """End its processes, and take the collection out of the catalogue."""
        self._nursery.kill()
        self._nursery.communicate()
        self.remove()

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

    def kill_often(self, times: int, *, scenes: int, check: Callable[[], None]) -> None:
        """Kill it at random moments that are spread over the whole run, so that every step is hit.

        Args:
            times: how many kills.
            scenes: how many items the whole archive makes; once all are there, it begins again.
            check: called after every kill, when what was stored before has been seen to be there still.
        """
        began = time.monotonic()
        self.finish()
        whole_run_s = time.monotonic() - began
        moments = random.Random(times)
        killed = attempts = 0
        while killed < times:
            attempts += 1
            assert attempts <= 5 * times, "it ends before it can be killed"
            before = self.items()
            if len(before) == scenes:
                self.remove()
                shutil.rmtree(self.assets)
                before = []
            killed += self.kill_after(moments.uniform(0.02, 0.7) * whole_run_s)
            assert set(before) <= set(self.items()), "an item that was stored is lost"
            check()
