"""What every benchmark prints: a line a case (name, ours, peer, ratio, bar, ok or short), JSON beside it, STRICT=1.

Times are CPU milliseconds of the process with all its threads: medians of interleaved pairs, so that the machine's
changing speed weighs on both sides alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

Line = dict[str, str | float]

ROUNDS_UNTOLD = 0


def options(description: str) -> Path | None:
    """The command line of a benchmark: where the JSON goes, if anywhere."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="also write the lines there")
    path: Path | None = parser.parse_args().json
    head()
    return path


def head() -> None:
    """Prints what the columns are."""
    print(f"{'name':52} {'ours ms':>9} {'peer ms':>9} {'ratio':>7} {'bar':>6}", flush=True)


def cpu_ms(work: Callable[[], object], repeat: int = 1) -> float:
    """CPU milliseconds of one call, over `repeat` of them."""
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat * 1e3


def compare(
    name: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    bar: float,
    rounds: int = 41,
) -> Line:
    """The line of two ways to do the same work; small work is repeated until a sample takes about 5 ms."""
    repeat = max(1, int(5 / max(cpu_ms(peer, 3), 1e-3)))
    pairs = [(cpu_ms(ours, repeat), cpu_ms(peer, repeat)) for _ in range(rounds)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return line(name, mine, theirs, bar=bar)


def line(
    name: str,
    ours_ms: float,
    peer_ms: float,
    *,
    bar: float,
    ratio: float | None = None,
    note: str = "",
) -> Line:
    """Prints and returns a case; `bar` is the least ratio of peer to ours; `ratio` replaces the quotient."""
    ratio = peer_ms / ours_ms if ratio is None else ratio
    result: Line = {
        "name": name,
        "ours_ms": ours_ms,
        "peer_ms": peer_ms,
        "ratio": ratio,
        "bar": bar,
        "verdict": "ok" if ratio >= bar else "short",
    }
    if note:
        result["note"] = note
    print(
        f"{name:52} {ours_ms:9.4f} {peer_ms:9.4f} {ratio:7.1f} {bar:6.1f} {result['verdict']}"
        + (f"  {note}" if note else ""),
        flush=True,
    )
    return result


def machine() -> dict[str, str | float | None]:
    """What the numbers were measured on."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    models = [
        entry.partition(":")[2].strip()
        for entry in text.splitlines()
        if entry.startswith("model name")
    ]
    return {
        "cpus": os.cpu_count(),
        "cpu": models[0] if models else platform.processor(),
        "machine": platform.machine(),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def finish(lines: list[Line], path: Path | None, *, rounds: int = ROUNDS_UNTOLD) -> int:
    """Writes the JSON; the exit status is 1 where STRICT=1 and a bar is missed."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            json.dumps({"machine": machine(), "rounds": rounds, "lines": lines}, indent=1) + "\n"
        )
    short = [str(entry["name"]) for entry in lines if entry["verdict"] == "short"]
    if short and os.environ.get("STRICT") == "1":
        print(f"short: {', '.join(short)}", file=sys.stderr)
        return 1
    return 0
