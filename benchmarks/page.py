"""docs/benchmarks.md, from the JSON of a run."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any


def write_page(run: dict[str, Any], page: Path, *, name: str = "table") -> None:
    """Replaces a table of the page, between its two marks."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = page.read_text()
    before, rest = text.split(start)
    after = rest.split(end)[1]
    page.write_text(f"{before}{start}\n{table(run)}\n{end}{after}")


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
