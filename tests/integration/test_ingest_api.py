"""Another STAC API is a source: our own service stands for it, and servers that misbehave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from eotiles.catalog.links import ALL_INDICES, LEGEND, ON_THE_MAP
from eotiles.core.errors import BadParameter
from eotiles.embedded.cluster import Cluster
from eotiles.ingest.records import source
from eotiles.ingest.records.catalogue import Catalogue
from eotiles.ingest.records.journal import Mark
from eotiles.ingest.records.source import Wanted
from eotiles.settings import Settings
from tests import builders
from tests.integration.catalogues import ROOT, Here, item, link
from tests.stac_server import load
from tests.stac_server import serving as serving_stac
from tests.unit.web_server import Server, serving

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE_ITEMS", 4)


@pytest.fixture(scope="module")
def api(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[str]:
    """Our own service with ten items of `origin`."""
    items = [item(f"day-{day:02}", collection="origin", day=day) for day in range(1, 11)]
    collection = {**builders.collection("origin"), "title": "Of another catalogue"}
    load(ingest_conninfo, collections=[collection], items=items)
    with serving_stac(settings, ["stac"]) as origin:
        yield f"{origin}/stac"


@pytest.fixture
def here(ingest_conninfo: str, tmp_path: Path) -> Iterator[Here]:
    made = Here(ingest_conninfo, tmp_path / "data", (ROOT,))
    yield made
    made.forget("mirror", "foreign")
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


ALL = [f"day-{day:02}" for day in range(1, 11)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(collections=("origin",)), ALL),
        (Wanted(collections=("origin",), limit=6), ALL[4:]),
        (Wanted(collections=("origin",), datetime="2021-03-02/2021-03-06"), ALL[1:6]),
        (Wanted(collections=("origin",), datetime="2021-03-09/.."), ALL[8:]),
        (Wanted(collections=("origin",), bbox=(5.0, 5.0, 6.0, 6.0)), []),
        (Wanted(collections=("origin",), bbox=(0.2, 0.2, 6.0, 6.0)), ALL),
        (Wanted(collections=("origin",), query={"eo:cloud_cover": {"lt": 3}}), ALL[:2]),
        (Wanted(collections=("origin",), filter="eo:cloud_cover > 8"), ALL[8:]),
        (
            Wanted(
                collections=("origin",),
                filter={"op": "<=", "args": [{"property": "eo:cloud_cover"}, 1]},
            ),
            ALL[:1],
        ),
    ],
)
def test_what_is_wanted_comes_in(here: Here, api: str, wanted: Wanted, found: list[str]) -> None:
    report = here.crawl(api, wanted=wanted, into="mirror")
    assert report.complete, report.refused
    assert here.items("mirror") == found
    assert report.checked == len(found)


def test_a_collection_of_an_api(here: Here, api: str) -> None:
    assert here.crawl(f"{api}/collections/origin", into="mirror").items.created == 10


def test_items_lose_what_the_other_service_added(here: Here, api: str) -> None:
    here.crawl(api, wanted=Wanted(collections=("origin",), limit=1), into="mirror")
    stored = here.item("day-10", "mirror")
    via = {
        "rel": "via",
        "href": f"{api}/collections/origin/items/day-10",
        "type": "application/geo+json",
    }
    assert via in stored["links"]
    relations = {one["rel"] for one in stored["links"]}
    assert relations.isdisjoint({"self", "root", "parent", "collection", "tilejson", LEGEND})
    titles = {one.get("title") for one in stored["links"]}
    served = httpx.get(via["href"]).json()["links"]
    added = {ALL_INDICES, ON_THE_MAP}
    assert added <= {one.get("title") for one in served}
    assert titles.isdisjoint(added), "this service adds its own"
    assert {"license", "derived_from"} <= relations
    assert stored["properties"]["updated"] == "2021-05-01T00:00:00Z"
    assert stored["assets"]["red"]["href"] == f"{ROOT}day-10/red.tif"
    assert not any("web-map-links" in name for name in stored["stac_extensions"])


def test_again_nothing_changes(here: Here, api: str) -> None:
    wanted = Wanted(collections=("origin",))
    here.crawl(api, wanted=wanted, into="mirror")
    report = here.crawl(api, wanted=wanted, into="mirror")
    assert report.sentence() == (
        "0 ingested, 0 updated, 10 unchanged, 0 refused; 10 items, checked against the database"
    )


def test_a_question_that_the_api_refuses_is_told(here: Here, api: str) -> None:
    with pytest.raises(BadParameter, match="cannot be made"):
        here.crawl(api, wanted=Wanted(filter="nonsense ("), into="mirror")
    report = here.crawl(api, wanted=Wanted(query={"eo:cloud_cover": {"odd": 1}}), into="mirror")
    assert report.refusals == 1
    assert "answers 400: " in report.refused[0].reason


class Pages:
    """A STAC API of our making: pages of items, and whatever is wrong with them."""

    def __init__(self, server: Server, pages: int = 4) -> None:
        self.server = server
        self.pages = pages
        self.asked: list[str] = []
        self.wrong: Callable[[BaseHTTPRequestHandler, int], bool] = lambda handler, page: False
        server.misbehave = self.answer
        server.files["/collections/foreign"] = json.dumps(builders.collection("foreign")).encode()
        server.files["/"] = json.dumps(
            {
                "type": "Catalog",
                "id": "api",
                "stac_version": "1.0.0",
                "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
                "links": [link("search", "/search")],
            }
        ).encode()

    @property
    def url(self) -> str:
        return f"http://{self.server.host}/"

    def names(self, page: int) -> list[str]:
        return [f"p{page}-{number}" for number in range(3)]

    def body(self, page: int) -> dict[str, Any]:
        following = [link("next", f"/search?page={page + 1}")] if page + 1 < self.pages else []
        return {
            "type": "FeatureCollection",
            "features": [item(name) for name in self.names(page)],
            "links": following,
        }

    def answer(self, handler: Any) -> bool:
        if not handler.path.startswith("/search"):
            return False
        self.asked.append(handler.path)
        page = int(handler.path.partition("page=")[2] or 0)
        if not self.wrong(handler, page):
            handler.answer(200, json.dumps(self.body(page)).encode())
        return True


@pytest.fixture
def pages() -> Iterator[Pages]:
    with serving() as server:
        yield Pages(server)


def test_a_page_that_cannot_be_had_ends_it_and_the_next_run_goes_on(
    here: Here, pages: Pages
) -> None:
    def fails(handler: Any, page: int) -> bool:
        if page == 2:
            handler.answer(503)
        return page == 2

    pages.wrong = fails
    report = here.crawl(pages.url)
    assert [refusal.reason for refusal in report.refused] == ["answers 503, 5 times"]
    assert report.refused[0].file == f"http://{pages.server.host}/search?page=2"
    assert here.items() == sorted(pages.names(0) + pages.names(1))
    pages.wrong = lambda handler, page: False
    pages.asked.clear()
    report = here.crawl(pages.url)
    assert pages.asked == ["/search?page=2", "/search?page=3"]
    assert report.items.created == 6
    assert len(here.items()) == 12


def test_a_page_that_is_gone_meanwhile_begins_it_anew(here: Here, pages: Pages) -> None:
    def fails(handler: Any, page: int) -> bool:
        if page == 2:
            handler.answer(503)
        return page == 2

    pages.wrong = fails
    here.crawl(pages.url)

    def expired(handler: Any, page: int) -> bool:
        first = page == 2 and len(pages.asked) == 1
        if first:
            handler.answer(400)
        return first

    pages.wrong = expired
    pages.asked.clear()
    assert here.crawl(pages.url).complete
    assert pages.asked == [
        "/search?page=2",
        pages.asked[1],
        "/search?page=1",
        "/search?page=2",
        "/search?page=3",
    ]
    assert len(here.items()) == 12


@pytest.mark.parametrize(
    "body",
    [
        b"<html>502</html>",
        b"{}",
        b"[]",
        b'{"features": {"a": 1}}',
        b'{"features": [',
        b'{"features": null}',
        b"\xff\xfe",
    ],
)
def test_garbage_for_a_page(here: Here, pages: Pages, body: bytes) -> None:
    def garbage(handler: Any, page: int) -> bool:
        if page == 1:
            handler.answer(200, body)
        return page == 1

    pages.wrong = garbage
    report = here.crawl(pages.url)
    assert report.refusals == 1
    assert here.items() == pages.names(0)


def test_pages_in_a_circle(here: Here, pages: Pages) -> None:
    body = pages.body
    pages.pages = 2
    pages.body = lambda page: {**body(page), "links": [link("next", f"/search?page={1 - page}")]}  # type: ignore[method-assign]
    report = here.crawl(pages.url)
    assert "circle" in report.refused[0].reason
    assert len(here.items()) == 6
    assert len(pages.asked) <= 3


def test_the_same_page_under_ever_new_addresses(here: Here, pages: Pages) -> None:
    body = pages.body
    pages.body = lambda page: {**body(0), "links": [link("next", f"/search?page={page + 1}")]}  # type: ignore[method-assign]
    report = here.crawl(pages.url)
    assert "again and again" in report.refused[0].reason
    assert len(pages.asked) == 2


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda made: made.pop("geometry"), "geometry"),
        (lambda made: made.update(id="../x"), "cannot stand in an address"),
        (lambda made: made.update(id=7), "text of 1 to 200"),
        (lambda made: made["properties"].update(datetime="yesterday"), "datetime"),
        (lambda made: made["properties"].update(note="a\0b"), "NUL"),
        (lambda made: made["properties"].update(note=float("nan")), "NaN"),
        (lambda made: made["bbox"].__setitem__(0, float("inf")), "NaN or Infinity"),
        (lambda made: made["geometry"]["coordinates"][0].pop(), "GeoJSON|valid STAC"),
        (
            lambda made: made["geometry"]["coordinates"][0][1].__setitem__(0, float("nan")),
            "NaN or Infinity",
        ),
        (lambda made: made.update(type="Cat"), "neither a STAC item"),
        (lambda made: made.update(collection={"a": 1}), "of a collection is not a text"),
        (lambda made: made.update(assets=[1]), "valid STAC"),
        (lambda made: made.update(links="no"), "valid STAC"),
        (lambda made: made["assets"]["red"].update(href="file:///etc/passwd"), "not opened"),
    ],
)
def test_a_bad_item_does_not_lose_its_page(
    here: Here, pages: Pages, spoil: Callable[[dict[str, Any]], Any], reason: str
) -> None:
    body = pages.body

    def spoilt(page: int) -> dict[str, Any]:
        made = body(page)
        if page == 1:
            spoil(made["features"][1])
        return made

    pages.body = spoilt  # type: ignore[method-assign]
    report = here.crawl(pages.url)
    assert [name for name in here.items() if name.startswith("p1")] == ["p1-0", "p1-2"]
    assert len(here.items()) == 11
    assert report.refusals == 1
    found = str(report.refused[0])
    assert any(part in found for part in reason.split("|")), found
    assert "number 2 of a page" in found


def test_something_that_is_no_item_among_items(here: Here, pages: Pages) -> None:
    body = pages.body
    pages.body = lambda page: {**body(page), "features": [None, 1, "x", *body(page)["features"]]}  # type: ignore[method-assign]
    report = here.crawl(pages.url)
    assert report.refusals == 12
    assert len(here.items()) == 12


def test_a_next_page_elsewhere_is_not_asked_for(here: Here, pages: Pages) -> None:
    with serving() as canary:
        body = pages.body
        pages.body = lambda page: {  # type: ignore[method-assign]
            **body(page),
            "links": [link("next", f"http://{canary.host}/search")],
        }
        report = here.crawl(pages.url)
        assert f"leads to {canary.host}" in report.refused[0].reason
        assert canary.connected == []
        assert here.items() == pages.names(0)


def test_a_collection_that_cannot_be_had_is_told_and_made(here: Here, pages: Pages) -> None:
    del pages.server.files["/collections/foreign"]
    report = here.crawl(pages.url)
    assert [refusal.reason for refusal in report.refused] == ["answers 404"]
    assert len(here.items()) == 12
    assert here.collection()["description"] == "Items of the collection foreign."
    # When it is there at last, it takes the place of what was made up.
    mine = {**builders.collection("foreign"), "title": "Theirs"}
    pages.server.files["/collections/foreign"] = json.dumps(mine).encode()
    assert here.crawl(pages.url).complete
    assert here.collection()["title"] == "Theirs"


def test_keys_are_sent_and_told_to_nobody(here: Here, pages: Pages) -> None:
    def refuses(handler: Any, page: int) -> bool:
        if handler.headers.get("X-Key") != "secret":
            handler.answer(401)
            return True
        return False

    pages.wrong = refuses
    assert here.crawl(pages.url).refused[0].reason == "answers 401"
    assert here.crawl(pages.url, headers={"X-Key": "secret"}).complete
    source_ = Catalogue(pages.url, headers={"X-Key": "secret"})
    journal = source_.journal(here.data)
    journal.write([Mark("x", ())])
    journal.close(finished=False)
    assert b"secret" not in b"".join(
        path.read_bytes() for path in here.data.rglob("*") if path.is_file()
    )
