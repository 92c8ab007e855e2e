"""Catalogues and files of strangers: an address, a name or a text that is none is refused, and the rest comes in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eotiles.core.errors import IngestRefused
from eotiles.ingest.products.mtl import read_mtl
from eotiles.ingest.records.fetch import Fetcher
from eotiles.ingest.records.itemfiles import read_items
from tests import builders
from tests.integration.catalogues import ROOT, Here, item, link, tree
from tests.unit.web_server import Server, serving

HALF = "\ud800"
"""Half of a surrogate pair: JSON can name it, UTF-8 cannot write it."""

NO_ADDRESSES = (
    "http://[#a",
    "http://[x",
    "//[#",
    "http://h:99999999/x#y",
    "http://[::1",
    "http://\udcff/",
)


@pytest.fixture
def here(ingest_conninfo: str, tmp_path: Path) -> Iterator[Here]:
    made = Here(ingest_conninfo, tmp_path / "data")
    yield made
    made.forget("foreign")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def reasons(report: Any) -> str:
    return "; ".join(f"{refusal.file}: {refusal.reason}" for refusal in report.refused)


@pytest.mark.integration
@pytest.mark.parametrize("href", NO_ADDRESSES)
def test_a_link_that_is_no_address_stops_no_crawl(here: Here, server: Server, href: str) -> None:
    server.files |= tree(("a",), hrefs=lambda name: f"{ROOT}{name}/red.tif")
    root = json.loads(server.files["/catalog.json"])
    root["links"][1:1] = [link("child", href), link("item", href)]
    server.files["/catalog.json"] = json.dumps(root).encode("utf-8", "surrogatepass")
    if "\udcff" in href:
        root["links"][1:3] = []
        server.files["/catalog.json"] = json.dumps(root).encode()
    report = here.crawl(f"http://{server.host}/catalog.json")
    assert here.items() == ["a"], reasons(report)


@pytest.mark.integration
@pytest.mark.parametrize("href", ["http://[", "//[/x", "http://[#a"])
@pytest.mark.parametrize("relation", ["search", "next", "root"])
def test_a_page_or_a_search_that_is_no_address(
    here: Here, server: Server, relation: str, href: str
) -> None:
    origin = f"http://{server.host}"
    page = {
        "type": "FeatureCollection",
        "features": [item("a")],
        "links": [link("next", href)] if relation == "next" else [],
    }
    landing: dict[str, Any] = {
        "type": "Catalog",
        "id": "api",
        "description": "An API.",
        "stac_version": "1.0.0",
        "conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"],
        "links": [link("search", href if relation == "search" else f"{origin}/search")],
    }
    if relation == "root":
        landing = {
            **builders.collection("foreign"),
            "links": [link("items", "x"), link("root", href)],
        }
    server.files |= {
        "/": json.dumps(landing).encode(),
        "/search": json.dumps(page).encode(),
        "/collections/foreign": json.dumps(builders.collection("foreign")).encode(),
    }
    report = here.crawl(f"{origin}/")
    if relation == "next":
        assert here.items() == ["a"]
    if relation != "root":
        assert "address" in reasons(report)
        assert report.gaps or report.refusals


@pytest.mark.integration
def test_half_a_character_in_a_name_is_refused(here: Here, server: Server, tmp_path: Path) -> None:
    for name, odd in {
        "id": item(f"x{HALF}"),
        "collection": item("x", collection=f"x{HALF}"),
        "asset": {**item("x"), "assets": {HALF: {"href": f"{ROOT}x.tif"}}},
        "title": {**item("x"), "properties": {"datetime": "2020-01-01T00:00:00Z", "title": HALF}},
        "its collection": {**builders.collection(f"c{HALF}")},
    }.items():
        file = tmp_path / "items.json"
        file.write_text(json.dumps([odd, item("a")]))
        report = here.take(read_items([file]))
        assert report.refusals == 1, name
        assert here.items() == ["a"], name
    origin = f"http://{server.host}"
    page = {"type": "FeatureCollection", "features": [item("x", collection=HALF), item("b")]}
    landing = {
        "type": "Catalog",
        "conformsTo": ["item-search"],
        "links": [link("search", f"{origin}/search")],
    }
    server.files |= {"/": json.dumps(landing).encode(), "/search": json.dumps(page).encode()}
    here.crawl(f"{origin}/")
    assert here.items() == ["a", "b"]


@pytest.mark.integration
def test_a_file_whose_name_is_no_text(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    path = os.fsencode(folder) + b"/\xff\xfe\t\\N.json"
    Path(os.fsdecode(path)).write_text(json.dumps(item("a")))
    report = here.take(read_items([folder]))
    assert here.items() == ["a"], reasons(report)


@pytest.mark.integration
def test_a_pipe_among_the_files_is_not_waited_for(here: Here, tmp_path: Path) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    os.mkfifo(folder / "a.json")
    (folder / "b.json").write_text(json.dumps(item("b")))
    here.take(read_items([folder]))
    assert here.items() == ["b"]


def test_a_group_of_an_mtl_that_is_a_value_already(tmp_path: Path) -> None:
    file = tmp_path / "x_MTL.txt"
    file.write_text(
        "GROUP = LANDSAT_METADATA_FILE\nA = 1\nGROUP = A\nB = 2\nEND_GROUP = A\nEND_GROUP = X\nEND\n"
    )
    with pytest.raises(IngestRefused, match="x_MTL"):
        read_mtl(file)


class Asked(Fetcher):
    """Notes what would be asked."""

    def _once(self, url: str, body: Any) -> tuple[bytes, str | None]:
        return url.encode(), None


def test_a_key_is_not_sent_in_clear_text_where_it_went_encrypted() -> None:
    """Behind many a proxy an API writes its links with http."""
    for headers, is_asked in (({"x-api-key": "secret"}, False), ({}, True)):
        fetcher = Asked(["api.example.org", "plain.example.org"], headers=headers)
        assert fetcher.read("https://api.example.org/search")
        assert fetcher.read("http://plain.example.org/")
        if is_asked:
            assert fetcher.read("http://api.example.org/search?page=2")
        else:
            for port in ("", ":80", ":8080"):
                with pytest.raises(IngestRefused, match=r"https|not followed"):
                    fetcher.read(f"http://API.example.org{port}/search?page=2")
