"""What can be counted of a search: names, how each is asked of PostgreSQL, and the answers' shape. Pure.

Standard: https://github.com/stac-api-extensions/aggregation 0.3; names of the frequencies as stac-server and
stac-fastapi-elasticsearch have them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from eotiles.core.errors import BadParameter

Json = dict[str, Any]

MOST_BUCKETS = 10_000
"""Buckets of one aggregation; items of rarer ones are counted as overflow."""

MOST_AUTOMATIC = 120
"""Buckets of datetime_frequency at most, where nobody names the interval and years are not needed."""

Interval = Literal["day", "week", "month", "quarter", "year"]
_INTERVALS: Mapping[Interval, Callable[[dt.date], dt.date]] = {
    "day": lambda day: day,
    "week": lambda day: day - dt.timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
"""Interval → from a day to the first day of the interval that it lies in."""

_AUTOMATIC: tuple[Interval, ...] = ("day", "month", "year")


@dataclass(frozen=True)
class Aggregation:
    """Something that can be asked for by name."""

    data_type: str
    key: str | None
    """Column of db/aggregate.sql; None: one value of all items."""

    title: str


AGGREGATIONS: Mapping[str, Aggregation] = {
    "total_count": Aggregation("integer", None, "Number of items"),
    "datetime_min": Aggregation("datetime", None, "Earliest time"),
    "datetime_max": Aggregation("datetime", None, "Latest time"),
    "datetime_frequency": Aggregation("datetime", "day", "Items by time"),
    "collection_frequency": Aggregation("string", "collection", "Items by collection"),
    "cloud_cover_frequency": Aggregation("numeric", "cloud_tenth", "Items by cloud cover"),
    "platform_frequency": Aggregation("string", "platform", "Items by platform"),
    "grid_code_frequency": Aggregation("string", "grid_code", "Items by cell of a grid"),
    "centroid_geohash_grid_frequency": Aggregation("string", "geohash", "Items by geohash"),
    "centroid_geotile_grid_frequency": Aggregation("string", "geotile", "Items by map tile"),
}


@dataclass(frozen=True)
class Asked:
    """Which aggregations of which search."""

    names: tuple[str, ...]
    interval: Interval | None = None
    """Of datetime_frequency; None: the finest of day, month and year that gives few buckets."""

    geohash_precision: int = 4
    """Characters."""

    geotile_zoom: int = 7
    keys: tuple[str, ...] = field(init=False)
    """Columns to count by; at least one, because SQL wants it so."""

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in AGGREGATIONS:
                raise BadParameter(
                    f"aggregations: there is no {name[:60]!r}; there are {', '.join(AGGREGATIONS)}"
                )
        keys = {AGGREGATIONS[name].key: None for name in self.names}
        object.__setattr__(self, "keys", tuple(key for key in keys if key) or ("collection",))


def described() -> list[Json]:
    """Every aggregation that can be asked for."""
    return [
        {"name": name, "data_type": each.data_type, "description": each.title}
        for name, each in AGGREGATIONS.items()
    ]


def counted(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> list[Json]:
    """The aggregations that were asked for, from the rows of db/aggregate.sql."""
    everything = 2 ** len(asked.keys) - 1
    total = next((row for row in rows if row["key_set"] == everything), None)
    count = 0 if total is None else int(total["frequency"])
    values: dict[str, Any] = {
        "total_count": count,
        "datetime_min": None if total is None else _instant(total["earliest"]),
        "datetime_max": None if total is None else _instant(total["latest"]),
    }
    answers = []
    for name in dict.fromkeys(asked.names):
        each = AGGREGATIONS[name]
        answer: Json = {"name": name, "data_type": each.data_type}
        if each.key is None:
            answers.append({**answer, "value": values[name]})
            continue
        # grouping() has a bit for each key, the last the lowest, that is set where the key is not grouped by.
        key_set = everything & ~(1 << (len(asked.keys) - 1 - asked.keys.index(each.key)))
        found = {
            row[each.key]: int(row["frequency"])
            for row in rows
            if row["key_set"] == key_set and row[each.key] is not None
        }
        answer["overflow"] = count - sum(found.values())
        if each.key == "day":
            answer |= _by_time(found, asked.interval)
        elif each.key == "cloud_tenth":
            answer["buckets"] = [_tenth(tenth, found.get(tenth, 0)) for tenth in range(10)]
        else:
            answer["buckets"] = [
                {"key": key, "data_type": "string", "frequency": frequency}
                for key, frequency in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
            ]
        answers.append(answer)
    return answers


def _by_time(days: Mapping[dt.date, int], interval: Interval | None) -> Json:
    """Buckets of an interval that hold items, in order."""
    for chosen in _AUTOMATIC if interval is None else (interval,):
        buckets = _sum((_INTERVALS[chosen](day), frequency) for day, frequency in days.items())
        if len(buckets) <= MOST_AUTOMATIC:
            break
    return {
        "interval": chosen,
        "buckets": [
            {"key": f"{day.isoformat()}T00:00:00Z", "data_type": "datetime", "frequency": frequency}
            for day, frequency in sorted(buckets.items())
        ],
    }


def _sum(pairs: Iterable[tuple[dt.date, int]]) -> Counter[dt.date]:
    sums: Counter[dt.date] = Counter()
    for day, frequency in pairs:
        sums[day] += frequency
    return sums


def _tenth(tenth: int, frequency: int) -> Json:
    low, high = 10 * tenth, 10 * tenth + 10
    return {
        "key": f"{low}-{high}",
        "data_type": "numeric",
        "from": low,
        "to": high,
        "frequency": frequency,
    }


def _instant(time: dt.datetime | None) -> str | None:
    return None if time is None else time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
