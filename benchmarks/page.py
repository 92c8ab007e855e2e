"""docs/benchmarks.md, from the JSON of a run."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

_START, _END = "<!-- table -->", "<!-- end of table -->"


def write_page(run: dict[str, Any], page: Path) -> None:
    """Replaces the table of the page, between its two marks."""
    text = page.read_text()
    before, rest = text.split(_START)
    after = rest.split(_END)[1]
    page.write_text(f"{before}{_START}\n{table(run)}\n{_END}{after}")


def table(run: dict[str, Any]) -> str:
    """The lines of a run and the machine it ran on, in Markdown."""
    machine = run["machine"]
    today = datetime.datetime.now(datetime.UTC).date()
    rows = [
        f"Measured {today} on {machine['cpus']} cores of {machine['cpu']} ({machine['system']}), "
        f"Python {machine['python']}, {run['rounds']} rounds; load average at the end {machine['load']}.",
        "",
        "| case | ours | peer | ratio | bar | | beside it |",
        "|---|--:|--:|--:|--:|---|---|",
    ]
    for entry in run["lines"]:
        bar = f"{entry['bar']:.2g}" if entry["bar"] else ""
        verdict = entry["verdict"] if entry["bar"] else ""
        rows.append(
            f"| {entry['name']} | {_number(entry['ours_ms'])} | {_number(entry['peer_ms'])} "
            f"| {entry['ratio']:.2f} | {bar} | {verdict} | {entry.get('note', '')} |"
        )
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
