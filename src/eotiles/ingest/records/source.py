"""What is wanted of another catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pystac_client.item_search import ItemSearch

from eotiles.core.errors import BadParameter
from eotiles.ingest.records.rows import Json

PAGE_ITEMS = 250
"""Most that some public catalogues give at a time."""


@dataclass(frozen=True)
class Wanted:
    """Which items. Without anything, all of them."""

    bbox: tuple[float, ...] | None = None
    """West, south, east, north in degrees."""

    datetime: str | None = None
    """RFC 3339 time or interval, or a shorter date (2019-09, 2019-09-18/2019-09-20)."""

    collections: tuple[str, ...] = ()
    limit: int | None = None
    """Most items."""

    query: Json | None = None
    """Of an API with the query extension."""

    filter: str | Json | None = None
    """CQL2 of an API with the filter extension: text, or JSON."""

    def parameters(self, url: str, method: str) -> Json:
        """Parameters of a search, as an API takes them.

        Raises:
            BadParameter: one of them is none.
        """
        try:
            search = ItemSearch(
                url,
                method=method,
                limit=PAGE_ITEMS if self.limit is None else max(1, min(self.limit, PAGE_ITEMS)),
                bbox=self.bbox,
                datetime=self.datetime,
                collections=list(self.collections) or None,
                query=self.query,
                filter=self.filter,
            )
            parameters: Json = search.get_parameters()
        except Exception as error:  # pystac-client raises what its parsers raise
            said = " ".join(str(error).split())
            raise BadParameter(f"the search cannot be made: {said}"[:300]) from error
        return parameters


@dataclass(frozen=True)
class Sieve:
    """The same for a catalogue that cannot search: tells which of its items are wanted."""

    wanted: Wanted
    interval: tuple[datetime | None, datetime | None] = field(default=(None, None))

    @staticmethod
    def of(wanted: Wanted) -> Sieve:
        """The sieve of what is wanted.

        Raises:
            BadParameter: a time is none, or what is wanted takes an API to find.
        """
        if wanted.query is not None or wanted.filter is not None:
            raise BadParameter("--query and --filter need a STAC API; this is a static catalogue")
        text = wanted.parameters("http://localhost", "POST").get("datetime")
        if text is None:
            return Sieve(wanted)
        start, _, end = text.partition("/")
        return Sieve(wanted, (_time(start), _time(end or start)))

    def takes_collection(self, name: Any) -> bool:
        """Whether items of a collection are wanted."""
        return not self.wanted.collections or name in self.wanted.collections

    def takes(self, item: Mapping[str, Any]) -> bool:
        """Whether an item is wanted. One whose place or time cannot be read is: what is wrong with it is told then."""
        try:
            return self._is_near(item) and self._is_then(item["properties"])
        except (TypeError, ValueError, KeyError, AttributeError):
            return True

    def _is_near(self, item: Mapping[str, Any]) -> bool:
        if self.wanted.bbox is None or item.get("bbox") is None:
            return True
        west, south, east, north = _flat(self.wanted.bbox)
        its_west, its_south, its_east, its_north = _flat(item["bbox"])
        across = its_west > its_east  # the antimeridian
        beside = (
            its_west > east and west > its_east if across else its_west > east or its_east < west
        )
        return not beside and its_south <= north and its_north >= south

    def _is_then(self, properties: Mapping[str, Any]) -> bool:
        first, last = properties.get("start_datetime"), properties.get("end_datetime")
        if first is None or last is None:
            first = last = properties.get("datetime")
        start, end = self.interval
        begun = end is None or (found := _time(first)) is None or found <= end
        return begun and (start is None or (found := _time(last)) is None or found >= start)


def _flat(box: Any) -> tuple[float, float, float, float]:
    numbers = [float(number) for number in box]
    west, south, east, north = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    return west, south, east, north


def _time(text: str | None) -> datetime | None:
    if text in (None, "", ".."):
        return None
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
