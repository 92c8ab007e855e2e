"""A static catalogue is crawled: everything in it, once, whatever its links and its server do."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from eotiles.core.errors import BadParameter
from eotiles.ingest.records.source import Wanted
from eotiles.settings import Settings
from tests import builders
from tests.integration.catalogues import ROOT, Here, item, link, tree
from tests.unit.web_server import Server, serving

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c")


@pytest.fixture
def here(ingest_conninfo: str, tmp_path: Path) -> Iterator[Here]:
    made = Here(ingest_conninfo, tmp_path / "data")
    yield made
    made.forget("foreign", "other")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def crawl(here: Here, server: Server, **catalogue: Any) -> Any:
    roots = (ROOT, f"http://{server.host}/foreign/", f"http://{server.host}/other/")
    return Here(here.conninfo, here.data, roots).crawl(
        f"http://{server.host}/catalog.json", **catalogue
    )


def reasons(report: Any) -> list[str]:
    return sorted(refusal.reason for refusal in report.refused)


def test_items_come_in_with_absolute_hrefs_and_their_own_stamps(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    report = crawl(here, server)
    assert report.sentence() == (
        "3 ingested, 0 updated, 0 unchanged, 0 refused; 3 items, checked against the database"
    )
    assert here.items() == ["a", "b", "c"]
    stored = here.item("b")
    origin = f"http://{server.host}"
    assert stored["assets"]["red"]["href"] == f"{origin}/foreign/b/red.tif"
    assert stored["properties"]["created"] == "2021-04-01T00:00:00Z"
    assert stored["properties"]["updated"] == "2021-05-01T00:00:00Z"
    assert sorted((one["rel"], one["href"]) for one in stored["links"]) == [
        ("derived_from", f"{origin}/foreign/raw/raw.json"),
        ("license", "https://example.org/licence"),
        ("via", f"{origin}/foreign/b/b.json"),
    ]
    collection = here.collection()
    assert collection["title"] == "Somebody's scenes"
    assert sorted((one["rel"], one["href"]) for one in collection["links"]) == [
        ("license", f"{origin}/foreign/licence.html"),
        ("via", f"{origin}/foreign/collection.json"),
    ]
    assert collection["extent"]["temporal"]["interval"] == [
        ["2019-09-18T10:50:31Z", "2021-03-03T10:00:00Z"]
    ]


def test_again_changes_nothing_and_what_changed_is_updated(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    crawl(here, server)
    collection = here.collection()
    assert crawl(here, server).items.unchanged == 3
    assert here.collection() == collection
    path = "/foreign/b/b.json"
    server.files[path] = server.files[path].replace(b"2021-05-01", b"2021-06-01")
    report = crawl(here, server)
    assert (report.items.updated, report.items.unchanged) == (1, 2)
    assert here.item("b")["properties"]["updated"] == "2021-06-01T00:00:00Z"


def test_what_people_wrote_into_the_collection_stays(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    mine = {**builders.collection("foreign"), "title": "Mine", "summaries": {"gsd": [10]}}
    here.one("SELECT upsert_collection(%s::jsonb)", json.dumps(mine))
    assert crawl(here, server).collections == {"foreign": "kept"}
    collection = here.collection()
    assert collection["title"] == "Mine"
    assert collection["summaries"] == {"gsd": [10]}
    assert collection["extent"]["temporal"]["interval"][0][1] == "2021-03-03T10:00:00Z"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(datetime="2021-03-02/2021-03-02"), ["b"]),
        (Wanted(datetime="2021-03-02/.."), ["b", "c"]),
        (Wanted(datetime="2021-02"), []),
        (Wanted(bbox=(0.5, 0.5, 2.0, 2.0)), ["a", "b", "c"]),
        (Wanted(bbox=(1.5, 0.5, 2.0, 2.0)), []),
        (Wanted(collections=("other",)), []),
        (Wanted(collections=("foreign",)), ["a", "b", "c"]),
    ],
)
def test_only_what_is_wanted(here: Here, server: Server, wanted: Wanted, found: list[str]) -> None:
    server.files |= tree(NAMES)
    assert crawl(here, server, wanted=wanted).complete
    assert here.items() == found


def test_at_most_so_many(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    assert crawl(here, server, wanted=Wanted(limit=2)).items.created == 2


def test_a_search_is_not_for_a_static_catalogue(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    with pytest.raises(BadParameter, match="STAC API"):
        crawl(here, server, wanted=Wanted(filter="eo:cloud_cover < 10"))


def test_all_into_one_collection(here: Here, server: Server) -> None:
    server.files |= tree(NAMES)
    assert crawl(here, server, into="other", wanted=Wanted(collections=("foreign",))).complete
    assert here.items("other") == ["a", "b", "c"]
    assert here.collection() is None


def test_a_catalogue_in_a_folder(here: Here, tmp_path: Path) -> None:
    for path, content in tree(NAMES).items():
        file = tmp_path / "archive" / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "secret.json").write_text(json.dumps(item("secret")))
    root = tmp_path / "archive" / "catalog.json"
    document = json.loads(root.read_text())
    document["links"] += [
        link("item", "../secret.json"),
        link("item", "file:///etc/passwd"),
        link("item", "http://127.0.0.1:1/x.json"),
    ]
    root.write_text(json.dumps(document))
    within = Here(here.conninfo, here.data, (str(tmp_path / "archive"),))
    report = within.crawl(str(root))
    assert here.items() == ["a", "b", "c"]
    stored = here.item("a")
    assert stored["assets"]["red"]["href"] == str(tmp_path / "archive/foreign/a/red.tif")
    # A path of this machine is nobody's business: there is no link back, and one that would hold a path is left out.
    assert [one["rel"] for one in stored["links"]] == ["license"]
    assert (
        reasons(report) == ["leads out of the folder of the catalogue, which is not followed"] * 3
    )


class TestLoops:
    def test_a_catalogue_that_links_to_itself(self, here: Here, server: Server) -> None:
        server.files |= tree(NAMES)
        root = json.loads(server.files["/catalog.json"])
        root["links"] += [link("child", "/catalog.json"), link("child", "./catalog.json#x")]
        server.files["/catalog.json"] = json.dumps(root).encode()
        collection = json.loads(server.files["/foreign/collection.json"])
        collection["links"] += [link("child", "../catalog.json"), link("item", "./a/a.json")]
        server.files["/foreign/collection.json"] = json.dumps(collection).encode()
        assert crawl(here, server).complete
        assert len(server.asked) == 5

    def test_a_chain_without_an_end(self, here: Here, server: Server) -> None:
        server.files |= tree(NAMES)

        def endless(handler: BaseHTTPRequestHandler) -> bool:
            if not handler.path.startswith("/deep/"):
                return False
            number = int(handler.path.rpartition("/")[2])
            deeper = {
                "type": "Catalog",
                "id": f"deep-{number}",
                "links": [link("child", f"/deep/{number + 1}")],
            }
            handler.answer(200, json.dumps(deeper).encode())  # type: ignore[attr-defined]
            return True

        root = json.loads(server.files["/catalog.json"])
        root["links"].append(link("child", "/deep/1"))
        server.files["/catalog.json"] = json.dumps(root).encode()
        server.misbehave = endless
        report = crawl(here, server)
        assert here.items() == ["a", "b", "c"]
        assert [refusal.reason for refusal in report.refused] == [
            "lies 32 links away from the beginning; what it leads to is not followed"
        ]
        assert report.refused[0].file.endswith("/deep/32")

    def test_the_same_item_from_two_collections(self, here: Here, server: Server) -> None:
        server.files |= tree(NAMES) | tree(["d"], collection="other")
        root = json.loads(server.files["/catalog.json"])
        root["links"] += [
            link("child", "./other/collection.json"),
            link("child", "./foreign/collection.json"),
        ]
        server.files["/catalog.json"] = json.dumps(root).encode()
        assert crawl(here, server).items.created == 4


class TestServers:
    """Each misbehaves at one item; the others come in, and it is named."""

    def take(self, here: Here, server: Server, **catalogue: Any) -> Any:
        server.files |= tree(NAMES)
        report = crawl(here, server, **catalogue)
        assert here.items() == ["a", "c"]
        assert [refusal.file for refusal in report.refused] == [
            f"http://{server.host}/foreign/b/b.json"
        ]
        assert not report.complete
        assert report.gaps == 1
        return report.refused[0].reason

    def misbehave(self, server: Server, answer: Any) -> None:
        def wrong(handler: BaseHTTPRequestHandler) -> bool:
            if handler.path != "/foreign/b/b.json":
                return False
            answer(handler)
            return True

        server.misbehave = wrong

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (404, "answers 404"),
            (403, "answers 403"),
            (503, "answers 503, 5 times"),
            (500, "answers 500, 5 times"),
        ],
    )
    def test_errors(self, here: Here, server: Server, status: int, reason: str) -> None:
        self.misbehave(server, lambda handler: handler.answer(status))
        assert self.take(here, server) == reason

    @pytest.mark.parametrize(
        ("body", "headers", "reason"),
        [
            (b"<html>sorry</html>", {}, "is not JSON"),
            (b"", {}, "is not JSON"),
            (b'{"type": "Feature", "id": ', {}, "is not JSON"),
            (b"[1, 2]", {}, "no STAC"),
            (b"[" * 100_000, {}, "is not JSON"),
            (b'{"a":' * 100_000, {}, "is not JSON"),
            (
                gzip.compress(b"{}" * 99)[:20],
                {"Content-Encoding": "gzip"},
                "breaks off|is not JSON",
            ),
            (b"garbage", {"Content-Encoding": "gzip"}, "breaks off"),
            (gzip.compress(b"0" * 80_000_000), {"Content-Encoding": "gzip"}, "larger than 64 MiB"),
        ],
    )
    def test_garbage(
        self, here: Here, server: Server, body: bytes, headers: dict[str, str], reason: str
    ) -> None:
        self.misbehave(server, lambda handler: handler.answer(200, body, headers))
        found = self.take(here, server)
        assert any(part in found for part in reason.split("|")), found

    def test_an_answer_without_an_end(self, here: Here, server: Server) -> None:
        def forever(handler: Any) -> None:
            handler.send_response(200)
            handler.end_headers()
            end = time.monotonic() + 20
            while time.monotonic() < end:
                handler.wfile.write(b" " * 2**20)

        self.misbehave(server, forever)
        assert self.take(here, server) in (
            "is larger than 64 MiB",
            "breaks off its answer, or takes too long for it, 5 times",
        )

    def test_an_answer_that_drips(self, here: Here, server: Server) -> None:
        def drips(handler: Any) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                time.sleep(0.1)

        self.misbehave(server, drips)
        assert "takes too long" in self.take(here, server)

    def test_no_answer(self, here: Here, server: Server) -> None:
        self.misbehave(server, lambda handler: time.sleep(3))
        assert "does not answer in time" in self.take(here, server)

    def test_a_pause_that_is_asked_for_is_made(self, here: Here, server: Server) -> None:
        times: list[float] = []

        def busy(handler: BaseHTTPRequestHandler) -> bool:
            if handler.path != "/foreign/b/b.json":
                return False
            times.append(time.monotonic())
            if len(times) > 1:
                return False
            handler.answer(429, b"", {"Retry-After": "1"})  # type: ignore[attr-defined]
            return True

        server.misbehave = busy
        server.files |= tree(NAMES)
        assert crawl(here, server).complete
        assert times[1] - times[0] >= 1.0

    def test_a_pause_of_an_hour_is_not_waited_for(self, here: Here, server: Server) -> None:
        self.misbehave(server, lambda handler: handler.answer(429, b"", {"Retry-After": "3600"}))
        assert self.take(here, server) == "answers 429, and asks to come again in 3600 s only"

    def test_a_date_to_come_again(self, here: Here, server: Server) -> None:
        later = {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}
        self.misbehave(server, lambda handler: handler.answer(503, b"", later))
        assert "asks to come again" in self.take(here, server)


class TestRedirects:
    def test_on_the_same_server_are_followed(self, here: Here, server: Server) -> None:
        server.files |= tree(NAMES)
        server.files["/moved/b.json"] = server.files.pop("/foreign/b/b.json")
        moved = {"Location": "/moved/b.json"}
        TestServers().misbehave(server, lambda handler: handler.answer(302, b"", moved))
        assert crawl(here, server).complete
        assert here.items() == ["a", "b", "c"]

    def test_in_a_circle_end(self, here: Here, server: Server) -> None:
        round_ = {"Location": "/foreign/b/b.json"}
        tests = TestServers()
        tests.misbehave(server, lambda handler: handler.answer(302, b"", round_))
        assert tests.take(here, server) == "redirects more than 5 times"

    @pytest.mark.parametrize(
        "target",
        [
            "http://127.0.0.1:{port}/x.json",
            "http://localhost:{port}/x.json",
            "http://2130706433:{port}/x.json",
            "http://[::ffff:127.0.0.1]:{port}/x.json",
            "//127.0.0.1:{port}/x.json",
            "http://user@127.0.0.1:{port}/x.json",
            "file:///etc/passwd",
            "ftp://127.0.0.1:{port}/x.json",
            "http://[",
        ],
    )
    def test_and_links_to_other_servers_are_not(
        self, here: Here, server: Server, target: str
    ) -> None:
        with serving() as canary:
            canary.files["/x.json"] = json.dumps(item("x")).encode()
            address = target.format(port=canary.port)
            tests = TestServers()
            tests.misbehave(server, lambda handler: handler.answer(302, b"", {"Location": address}))
            assert "redirects to" in tests.take(here, server)
            root = json.loads(server.files["/catalog.json"])
            root["links"].append(link("item", address))
            server.files["/catalog.json"] = json.dumps(root).encode()
            server.misbehave = lambda handler: False
            report = crawl(here, server)
            assert report.refusals == 1
            assert canary.asked == []
            assert canary.connected == []

    def test_to_a_server_that_was_named_are_followed(self, here: Here, server: Server) -> None:
        server.files |= tree(NAMES)
        with serving() as other:
            other.files["/x.json"] = server.files.pop("/foreign/b/b.json")
            away = {"Location": f"http://{other.host}/x.json"}
            TestServers().misbehave(server, lambda handler: handler.answer(302, b"", away))
            assert crawl(here, server, hosts=(other.host,)).complete


def test_a_root_that_is_none_is_said_at_once(here: Here, server: Server) -> None:
    with pytest.raises(BadParameter, match="404"):
        crawl(here, server)
    server.files["/catalog.json"] = b'{"hello": "world"}'
    report = crawl(here, server)
    assert reasons(report) == ["is no STAC catalogue, collection or item"]


def test_a_crawl_that_was_cut_short_goes_on(here: Here, server: Server, settings: Settings) -> None:
    server.files |= tree(NAMES)
    TestServers().misbehave(server, lambda handler: handler.answer(404))
    assert not crawl(here, server).complete
    server.misbehave = lambda handler: False
    server.asked.clear()
    assert crawl(here, server).items.created == 1
    asked = [request.path for request in server.asked]
    assert "/foreign/a/a.json" not in asked
    assert "/foreign/b/b.json" in asked
    # It is finished now: the next one looks at everything again.
    assert crawl(here, server).items.unchanged == 3


def test_what_is_gone_from_the_catalogue_is_not_taken_for_stored(
    here: Here, server: Server
) -> None:
    server.files |= tree(NAMES)
    TestServers().misbehave(server, lambda handler: handler.answer(404))
    assert not crawl(here, server).complete
    here.forget("foreign")
    server.misbehave = lambda handler: False
    assert crawl(here, server).items.created == 3
    assert here.items() == ["a", "b", "c"]
