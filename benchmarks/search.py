"""Searches over HTTP: eotiles against the stock application of stac-fastapi-pgstac, side by side.

    python benchmarks/search.py [--items N] [--requests N] [--only TEXT…] [--json PATH] [--markdown]

STRICT=1: exit 1 where a bar is missed.

The same archive in three PostgreSQL servers: eotiles' embedded one, one as `initdb` makes it, the same tuned. One
process a rival; each request goes to all rivals in turn, another one first each time. docs/benchmarks.md says what
each case is.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from apis import Api, ours, stock
from databases import Databases, databases
from interleaved import crowd, interleave
from page import write_page
from report import Line, finish, head
from searches import CASES, Case
from stock import LOGIN

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "benchmarks"

AGAINST_STOCK = 0.8
AGAINST_TUNED = 1.05
AGAINST_TUNED_P95 = 1.15
"""Most that ours may take, as a part of the rival's time."""

WARM_UP = 4
CLIENTS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description="Searches against stac-fastapi-pgstac.")
    parser.add_argument("--items", type=int, default=1_000_000, help="in the archive")
    parser.add_argument("--requests", type=int, default=60, help="of a case, to each rival")
    parser.add_argument("--only", nargs="+", default=[""], help="cases whose name has one of these")
    parser.add_argument("--json", type=Path, default=CACHE / "search.json")
    parser.add_argument("--markdown", action="store_true", help="also write docs/benchmarks.md")
    chosen = parser.parse_args()
    cases = [case for case in CASES if any(text in case.name for text in chosen.only)]
    began = time.monotonic()
    # So that a run that is ended ends its servers and its databases.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lines: list[Line] = []
    with databases(CACHE / f"search-{chosen.items}", chosen.items) as found, ExitStack() as stack:
        rivals = _rivals(found)
        for rival in rivals:
            stack.enter_context(rival.server)
        head()
        for case in cases:
            lines += _measured(case, rivals, items=chosen.items, requests=chosen.requests)
    print(f"# {time.monotonic() - began:.0f} s", flush=True)
    status = finish(lines, chosen.json, rounds=chosen.requests)
    if chosen.markdown:
        write_page(
            json.loads(chosen.json.read_text()),
            ROOT / "docs" / "benchmarks.md",
            name="search table",
        )
    return status


def _rivals(all_of: Databases) -> tuple[Api, Api, Api]:
    """Ours, the stock application as it comes, and with items put together by itself on a tuned server."""
    logs = CACHE / "logs"
    plain, tuned = (
        stock(
            name,
            conninfo=server.conninfo(LOGIN),
            postgres=server.pid,
            logs=logs,
            settings=settings,
        )
        for name, server, settings in (
            ("stock", all_of.stock, {}),
            ("tuned", all_of.tuned, {"USE_API_HYDRATE": "TRUE"}),
        )
    )
    return ours(all_of.data, postgres=all_of.our_pid, logs=logs), plain, tuned


def _measured(case: Case, rivals: tuple[Api, Api, Api], *, items: int, requests: int) -> list[Line]:
    """The case's lines: against the stock application, against the tuned one, and its slowest requests."""
    count = max(5, round(requests * case.share))
    asked = case.requests(count + WARM_UP, items=items)
    mine, plain, tuned = (rival.name for rival in rivals)
    # First, and so the servers' caches are as warm as a case makes them.
    rates = [
        crowd(rival, case.requests(count, items=items, seed="crowd"), clients=CLIENTS)
        for rival in rivals
    ]
    timings = interleave(rivals, asked, warm_up=WARM_UP, same=not case.sorts_numbers)
    return [
        timings.line(
            f"{case.name}, stock (bar: {AGAINST_STOCK}x)", ours=mine, peer=plain, most=AGAINST_STOCK,
            note=f"{timings.costs(mine, plain)}, {_rates(rates[0], rates[1])}",
        ),
        timings.line(
            f"{case.name}, tuned (bar: {AGAINST_TUNED}x)", ours=mine, peer=tuned, most=AGAINST_TUNED,
            note=f"{timings.costs(mine, tuned)}, {_rates(rates[0], rates[2])}",
        ),
        timings.p95_line(
            f"{case.name}, tuned, p95 (bar: {AGAINST_TUNED_P95}x)", ours=mine, peer=tuned,
            most=AGAINST_TUNED_P95,
        ),
    ]  # fmt: skip


def _rates(mine: float, theirs: float) -> str:
    return f"{CLIENTS} clients {mine:.0f} / {theirs:.0f} a second"


if __name__ == "__main__":
    raise SystemExit(main())
