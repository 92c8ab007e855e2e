"""Tile servers as processes of their own, what they cost, and a client that asks many tiles of them.

CPU time is user and system time of the process with all its threads, also those that have ended, in nanoseconds: the
process's CPU clock, which the kernel lets others read (clock_getcpuclockid; Linux).
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

START_MAX_S = 90.0
ANSWER_MAX_S = 120.0

SETTLE_MAX_S = 60.0
RESTING_S = 0.03
"""Seconds of CPU time in half a second."""


@dataclass(frozen=True)
class Cost:
    """What a batch of tiles took."""

    tiles: int
    cpu_ms: float
    """A tile, of the server."""

    wall_ms: float
    """A tile: the batch's time divided by its tiles, however many clients asked."""

    bytes: float
    """A tile."""


class Server:
    """A web server in one process. `with` starts it and waits until it is ready."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        port: int,
        ready: str,
        log: Path,
    ) -> None:
        """`ready` is the path that answers 200 when it is."""
        self.name = name
        self.port = port
        self.ready_s = 0.0
        """Seconds from the start of the process until it was ready."""
        self._command = list(command)
        self._environment = dict(environment)
        self._ready = ready
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        started = time.monotonic()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                # Not the checkout: a .env file there would configure all rivals.
                cwd=self._log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            while not self._answers():
                if self._process.poll() is not None or time.monotonic() > started + START_MAX_S:
                    raise RuntimeError(f"{self.name} did not start; see {self._log}")
                time.sleep(0.02)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.ready_s = time.monotonic() - started
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def pid(self) -> int:
        """Process id."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    def settle(self) -> None:
        """Wait until it rests: what a server still does after it is ready is no part of a tile."""
        end = time.monotonic() + SETTLE_MAX_S
        while time.monotonic() < end:
            before = self.cpu_s()
            time.sleep(0.5)
            if self.cpu_s() - before < RESTING_S:
                return

    def cpu_s(self) -> float:
        """Seconds of user and system time so far, with those of child processes that live."""
        return cpu_of(self.pid)

    def rss_mb(self) -> float:
        """Resident memory, in 10^6 bytes."""
        pages = sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _family(self.pid)
        )
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def get(self, path: str) -> bytes:
        """One answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_MAX_S)
        try:
            return _ask(connection, path)
        finally:
            connection.close()

    def batch(self, paths: Sequence[str], *, clients: int = 1) -> Cost:
        """Ask all `paths` over `clients` kept-alive connections; each client takes the next path when it has an answer.

        Raises:
            RuntimeError: an answer is not 200.
        """
        return self.batches([paths], clients=clients)

    def batches(self, views: Sequence[Sequence[str]], *, clients: int) -> Cost:
        """The same for views that follow each other: the next begins when the last is complete, as in a browser."""
        connections = [
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_MAX_S)
            for _ in range(clients)
        ]
        size = 0
        cpu, wall = self.cpu_s(), time.perf_counter()
        try:
            for view in views:
                size += _in_parallel(connections, view)
        finally:
            for connection in connections:
                connection.close()
        wall, cpu = time.perf_counter() - wall, self.cpu_s() - cpu
        tiles = sum(len(view) for view in views)
        return Cost(tiles, cpu / tiles * 1e3, wall / tiles * 1e3, size / tiles)

    def _answers(self) -> bool:
        try:
            self.get(self._ready)
        except (OSError, RuntimeError, http.client.HTTPException):
            return False
        return True


def _in_parallel(connections: Sequence[http.client.HTTPConnection], paths: Sequence[str]) -> int:
    """Bytes of all answers."""
    waiting: SimpleQueue[str] = SimpleQueue()
    for path in paths:
        waiting.put(path)
    sizes = [0] * len(connections)
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            while not errors:
                sizes[number] += len(_ask(connections[number], waiting.get_nowait()))
        except Empty:
            return
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            errors.append(error)

    if len(connections) == 1:
        work(0)
    else:
        threads = [
            threading.Thread(target=work, args=(number,)) for number in range(len(connections))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return sum(sizes)


def _ask(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    return body


def cpu_of(pid: int) -> float:
    """Seconds of user and system time so far of a process and its descendants that live."""
    return sum(time.clock_gettime(_cpu_clock(each)) for each in _family(pid))


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(int(child) for child in task.read_text().split())
    return found


def _cpu_clock(pid: int) -> int:
    """What clock_getcpuclockid(3) gives: the kernel's number of a process's CPU clock."""
    return (~pid << 3) | 2


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
