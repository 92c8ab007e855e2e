"""kill -9 while products are ingested: no item that was stored is lost, none is partial, and the next run finishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests import products
from tests.kills import Victim
from tests.products import Landsat, Sentinel1, Sentinel2

pytestmark = pytest.mark.integration

PROGRAM = """
from pathlib import Path
from eotiles.ingest.products.kinds import product_kind
from eotiles.ingest.products.metadata import explained
from eotiles.ingest.products.walk import ProductOptions, Workplace, ingest_products

with explained(Path("/")):
    import stactools.sentinel2.stac, stactools.naip.stac, stactools.landsat.mtl_metadata
    import stactools.sentinel1.grd.properties

def run(conninfo, archive, assets):
    summary = ingest_products(
        [Path(archive)], product_kind({kind!r}), ProductOptions(collection="killed-products", copy=True),
        to=Workplace(conninfo, Path(assets), (assets,)),
    )
    assert not summary.refused, summary.refused
    print(summary.count("ingested"), summary.count("updated"), summary.count("unchanged"), summary.counts[0].found)
"""

DATES = ("20200701", "20200702", "20200703")


def _sentinel2(archive: Path) -> list[str]:
    made = [Sentinel2(sensing=f"{date}T101559") for date in DATES]
    for product in made:
        product.write(archive)
    return [product.item for product in made]


def _landsat(archive: Path) -> list[str]:
    made = [Landsat(date=date) for date in DATES]
    for product in made:
        product.write(archive, mtl=("txt",))
    return [product.item for product in made]


def _naip(archive: Path) -> list[str]:
    names = [f"m_470996{number}_se_14_1_20170827.tif" for number in (1, 2, 3)]
    return [products.naip(archive, name=name).stem for name in names]


def _sentinel1(archive: Path) -> list[str]:
    made = [Sentinel1(start=f"{date}T053447") for date in DATES]
    for product in made:
        product.write(archive)
    return [product.item for product in made]


ARCHIVES: dict[str, Callable[[Path], list[str]]] = {
    "sentinel2": _sentinel2,
    "landsat": _landsat,
    "naip": _naip,
    "sentinel1": _sentinel1,
}


class Kills(Victim):
    """An archive of three products of a kind, and processes that ingest it."""

    def __init__(self, kind: str, conninfo: str, folder: Path) -> None:
        super().__init__(
            PROGRAM.replace("{kind!r}", repr(kind)),
            conninfo,
            folder,
            collection="killed-products",
        )
        self.archive.mkdir()
        self.expected = ARCHIVES[kind](self.archive)

    def assert_whole(self) -> None:
        """Every item that is there is there entirely."""
        for identifier in self.items():
            assert self.damaged(identifier) == []

    def assert_finishes(self) -> None:
        done = len(self.items())
        assert self.finish() == f"{3 - done} 0 {done} 3"
        assert self.items() == self.expected
        self.assert_whole()
        assert self.leftovers() == []


@pytest.fixture(params=list(ARCHIVES))
def kills(request: pytest.FixtureRequest, ingest_conninfo: str, tmp_path: Path) -> Iterator[Kills]:
    made = Kills(request.param, ingest_conninfo, tmp_path)
    yield made
    made.close()


def test_killed_three_times(kills: Kills, admin_conninfo: str) -> None:
    """While it copies, in its transaction, and between two products; then it finishes."""
    first, second, _ = kills.expected
    kills.kill_when(lambda: len(kills.stored(first)) >= 1)
    assert kills.items() == []
    with psycopg.connect(admin_conninfo) as blocker:
        blocker.execute("LOCK TABLE pgstac.collections IN EXCLUSIVE MODE")
        kills.kill_when(kills.waiting)
    assert kills.items() == []
    kills.kill_when(lambda: first in kills.items() and len(kills.stored(second)) >= 1)
    assert first in kills.items()
    kills.assert_whole()
    kills.assert_finishes()


@pytest.mark.soak
def test_killed_twenty_times(kills: Kills) -> None:
    kills.kill_often(20, scenes=len(kills.expected), check=kills.assert_whole)
    kills.assert_finishes()
