"""The usual searches, as HTTP requests. No two of a case are the same, so that no answer can be a remembered one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import archive

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request; `path` is below the API's root."""

    path: str
    body: Json | None = None
    """Of a POST; None: a GET."""

    @property
    def payload(self) -> bytes | None:
        """The body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Case:
    """A kind of search."""

    name: str
    ask: Callable[[random.Random, int], Asked]
    """From chance and the number of items in the archive to a request."""

    share: float = 1.0
    """Of a run's requests: what takes a second is asked less often."""

    sorts_numbers: bool = False
    """Whether a stock pgSTAC, which sorts what it does not know as text, may find others first."""

    def requests(self, count: int, *, items: int, seed: str = "") -> list[Asked]:
        """`count` requests, always the same ones for a seed."""
        chance = random.Random(f"{self.name}/{seed}")
        return [self.ask(chance, items) for _ in range(count)]


def _post(**search: Any) -> Asked:
    return Asked("/search", {name.replace("_", "-"): value for name, value in search.items()})


def _get(path: str, **query: Any) -> Asked:
    return Asked(
        f"{path}?{urlencode({name.replace('_', '-'): value for name, value in query.items()})}"
    )


def _kind(chance: random.Random) -> archive.Kind:
    """One of the three large collections."""
    return chance.choice(archive.KINDS[:3])


def _box(chance: random.Random, size: float) -> list[float]:
    """Around a place that the archive has."""
    longitude, latitude = archive.place(chance.randrange(archive.PLACES))
    west = round(longitude - chance.random() * size, 4)
    south = round(latitude - chance.random() * size, 4)
    return [max(west, -180.0), max(south, -90.0), min(west + size, 180.0), min(south + size, 90.0)]


def _moment(chance: random.Random, *, before: float = 1.0) -> str:
    second = chance.uniform(0.2, before) * archive.SPAN_S
    return archive.text(archive.BEGIN + archive.dt.timedelta(seconds=second))


def _period(chance: random.Random, days: float) -> str:
    begin = archive.BEGIN + archive.dt.timedelta(seconds=chance.uniform(0, 0.9) * archive.SPAN_S)
    return f"{archive.text(begin)}/{archive.text(begin + archive.dt.timedelta(days=days))}"


def _clouds(chance: random.Random, kind: archive.Kind) -> Json:
    """Few clouds, and one of the platforms."""
    return {
        "op": "and",
        "args": [
            {"op": "<=", "args": [{"property": "eo:cloud_cover"}, round(chance.uniform(5, 40), 3)]},
            {"op": "=", "args": [{"property": "platform"}, chance.choice(kind.platforms)]},
        ],
    }


def _filtered(chance: random.Random, items: int) -> Asked:
    kind = _kind(chance)
    return _post(
        collections=[kind.id], bbox=_box(chance, 10), datetime=_period(chance, 180), limit=10,
        filter=_clouds(chance, kind), filter_lang="cql2-json",
    )  # fmt: skip


def _filtered_everywhere(chance: random.Random, items: int) -> Asked:
    kind = _kind(chance)
    return _post(
        collections=[kind.id], datetime=f"../{_moment(chance)}", limit=10,
        filter={"op": "<", "args": [{"property": "eo:cloud_cover"}, round(chance.uniform(0.05, 2), 4)]},
        filter_lang="cql2-json",
    )  # fmt: skip


def _boxed(chance: random.Random, items: int) -> Asked:
    return _post(bbox=_box(chance, 2), limit=10)


def _latest(chance: random.Random, items: int) -> Asked:
    return _post(datetime=f"../{_moment(chance)}", limit=10)


def _latest_of_one(chance: random.Random, items: int) -> Asked:
    return _post(collections=[_kind(chance).id], datetime=f"../{_moment(chance)}", limit=10)


def _page(limit: int) -> Callable[[random.Random, int], Asked]:
    def ask(chance: random.Random, items: int) -> Asked:
        kind = _kind(chance)
        return _post(collections=[kind.id], datetime=f"../{_moment(chance)}", limit=limit)

    return ask


def _clearest(chance: random.Random, items: int) -> Asked:
    return _post(
        collections=[_kind(chance).id], bbox=_box(chance, 5), datetime=_period(chance, 365), limit=10,
        sortby=[{"field": "properties.eo:cloud_cover", "direction": "asc"}],
    )  # fmt: skip


def _clearest_of_all(chance: random.Random, items: int) -> Asked:
    return _post(
        collections=[_kind(chance).id], datetime=f"{_moment(chance, before=0.4)}/..", limit=10,
        sortby=[{"field": "properties.eo:cloud_cover", "direction": "asc"}],
    )  # fmt: skip


def _square(chance: random.Random, items: int) -> Asked:
    kind = _kind(chance)
    count = archive.counts(items)[kind.id]
    code = archive.item(kind, chance.randrange(count), of=count)["properties"]["grid:code"]
    return _post(
        collections=[kind.id], limit=10, filter_lang="cql2-json",
        filter={"op": "=", "args": [{"property": "grid:code"}, code]},
    )  # fmt: skip


def _ids_only(chance: random.Random, items: int) -> Asked:
    return _post(
        collections=[_kind(chance).id], datetime=f"../{_moment(chance)}", limit=100,
        fields={"include": ["id"], "exclude": []},
    )  # fmt: skip


def _within(chance: random.Random, items: int) -> Asked:
    west, south, east, north = _box(chance, 3)
    middle = round((west + east) / 2, 4)
    ring = [
        [west, south],
        [east, south],
        [east, north],
        [middle, north - 0.5],
        [west, north],
        [west, south],
    ]
    return _post(
        collections=[_kind(chance).id], datetime=_period(chance, 365), limit=10,
        intersects={"type": "Polygon", "coordinates": [ring]},
    )  # fmt: skip


def _some_item(chance: random.Random, items: int) -> tuple[str, str]:
    kind = _kind(chance)
    count = archive.counts(items)[kind.id]
    return kind.id, archive.item(kind, chance.randrange(count), of=count)["id"]


def _one_item(chance: random.Random, items: int) -> Asked:
    collection, identifier = _some_item(chance, items)
    return Asked(f"/collections/{collection}/items/{identifier}")


def _ten_items(chance: random.Random, items: int) -> Asked:
    found = [_some_item(chance, items) for _ in range(10)]
    return _post(
        ids=[name for _, name in found], collections=sorted({each for each, _ in found}), limit=10
    )


def _second_page(chance: random.Random, items: int) -> Asked:
    """The page that follows an item: what the link `next` of a page asks for."""
    collection, identifier = _some_item(chance, items)
    token = f"next:{collection.encode().hex()}:{identifier.encode().hex()}"
    return _get(f"/collections/{collection}/items", limit=10, token=token)


def _collections(chance: random.Random, items: int) -> Asked:
    box = ",".join(str(side) for side in _box(chance, 5))
    return _get("/collections", bbox=box, datetime=_period(chance, 90), limit=10)


def _text_filter(chance: random.Random, items: int) -> Asked:
    kind = _kind(chance)
    clouds, platform = round(chance.uniform(5, 40), 3), chance.choice(kind.platforms)
    return _get(
        "/search", collections=kind.id, datetime=_period(chance, 180), limit=10, filter_lang="cql2-text",
        filter=f'"eo:cloud_cover" <= {clouds} AND platform = \'{platform}\'',
    )  # fmt: skip


CASES = (
    Case("box, period, clouds and platform", _filtered),
    Case("clouds, no box", _filtered_everywhere),
    Case("box", _boxed),
    Case("latest of all", _latest),
    Case("latest of a collection", _latest_of_one),
    Case("page of 100", _page(100), share=0.5),
    Case("page of 1000", _page(1000), share=0.1),
    Case("sorted by clouds, box and year", _clearest, sorts_numbers=True),
    Case("sorted by clouds, collection", _clearest_of_all, share=0.1, sorts_numbers=True),
    Case("square of a grid", _square, share=0.5),
    Case("ids only, page of 100", _ids_only, share=0.5),
    Case("polygon and year", _within),
    Case("item", _one_item),
    Case("ten items by id", _ten_items),
    Case("second page of a collection", _second_page),
    Case("collections of a box", _collections),
    Case("CQL2 text in the address", _text_filter),
)
