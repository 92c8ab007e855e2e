"""Asks rivals the same, in turn, and says how long each took.

Wall time from sending a request to the last byte of its answer, over a connection that is open; and the CPU time
of the API's process and of its PostgreSQL server meanwhile.
"""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from apis import Api
from report import Line, line
from searches import Asked
from server import ANSWER_MAX_S, cpu_of


@dataclass
class Timings:
    """Of one case, by rival."""

    wall_ms: dict[str, list[float]] = field(default_factory=dict)
    """A request each, in the same order for all rivals."""

    cpu_ms: dict[str, tuple[float, float]] = field(default_factory=dict)
    """A request on average: of the API, of PostgreSQL."""

    kilobytes: dict[str, float] = field(default_factory=dict)
    """An answer on average."""

    def line(self, name: str, *, ours: str, peer: str, most: float, note: str = "") -> Line:
        """Medians; the ratio is the median over the requests of peer to ours, as both were asked within moments."""
        pairs = zip(self.wall_ms[ours], self.wall_ms[peer], strict=True)
        return line(
            name,
            statistics.median(self.wall_ms[ours]),
            statistics.median(self.wall_ms[peer]),
            ratio=statistics.median(theirs / mine for mine, theirs in pairs),
            bar=1 / most,
            note=note,
        )

    def p95_line(self, name: str, *, ours: str, peer: str, most: float) -> Line:
        """What 95 of 100 requests do not exceed."""
        return line(name, p95(self.wall_ms[ours]), p95(self.wall_ms[peer]), bar=1 / most)

    def costs(self, ours: str, peer: str) -> str:
        """CPU time of both processes, and the size of an answer."""
        (api, database), (their_api, their_database) = self.cpu_ms[ours], self.cpu_ms[peer]
        return (
            f"cpu {api:.1f}+{database:.1f} / {their_api:.1f}+{their_database:.1f} ms, "
            f"{self.kilobytes[ours]:.0f} / {self.kilobytes[peer]:.0f} kB"
        )


def p95(values: Sequence[float]) -> float:
    """The smallest value that 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def interleave(
    rivals: Sequence[Api], requests: Sequence[Asked], *, warm_up: int, same: bool = True
) -> Timings:
    """Each request to every rival, another one first each time; the first `warm_up` do not count.

    With `same` all have to find the same in the same order, without it as many.

    Raises:
        RuntimeError: an answer is not 200, or rivals do not find the same.
    """
    timings = Timings({rival.name: [] for rival in rivals})
    spent = {rival.name: [0.0, 0.0, 0.0] for rival in rivals}
    for number, asked in enumerate(requests):
        start = number % len(rivals)
        found = {}
        for rival in [*rivals[start:], *rivals[:start]]:
            # A new one each time, as servers close what rested while the others worked.
            connection = _connected(rival)
            before = cpu_of(rival.server.pid), cpu_of(rival.postgres)
            began = time.perf_counter()
            body = send(connection, rival.prefix, asked)
            wall_ms = (time.perf_counter() - began) * 1e3
            connection.close()
            found[rival.name] = names(body)
            if number < warm_up:
                continue
            timings.wall_ms[rival.name].append(wall_ms)
            cost = (
                cpu_of(rival.server.pid) - before[0],
                cpu_of(rival.postgres) - before[1],
                len(body),
            )
            spent[rival.name] = [a + b for a, b in zip(spent[rival.name], cost, strict=True)]
        if len({tuple(each) if same else len(each) for each in found.values()}) != 1:
            raise RuntimeError(f"{asked.path} {asked.body}: the rivals do not find the same")
    counted = len(requests) - warm_up
    for name, (api_s, database_s, size) in spent.items():
        timings.cpu_ms[name] = (api_s / counted * 1e3, database_s / counted * 1e3)
        timings.kilobytes[name] = size / counted / 1e3
    return timings


def crowd(rival: Api, requests: Sequence[Asked], *, clients: int) -> float:
    """Requests a second when `clients` ask at once."""
    waiting = list(requests)
    errors: list[Exception] = []

    def work() -> None:
        connection = _connected(rival)
        try:
            while not errors:
                send(connection, rival.prefix, waiting.pop())
        except IndexError:
            return
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return len(requests) / (time.perf_counter() - began)


def names(body: bytes) -> list[str]:
    """Ids of what an answer holds, in its order: items, collections, or the one item that it is."""
    answer = json.loads(body)
    things = answer.get("features", answer.get("collections"))
    return [answer["id"]] if things is None else [thing["id"] for thing in things]


def send(connection: http.client.HTTPConnection, prefix: str, asked: Asked) -> bytes:
    """The answer's body.

    Raises:
        RuntimeError: the answer is not 200.
    """
    payload = asked.payload
    headers = {} if payload is None else {"Content-Type": "application/json"}
    connection.request("GET" if payload is None else "POST", prefix + asked.path, payload, headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{asked.path} {asked.body}: {answer.status} {body[:300]!r}")
    return body


def _connected(rival: Api) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", rival.server.port, timeout=ANSWER_MAX_S)
    connection.connect()
    return connection
