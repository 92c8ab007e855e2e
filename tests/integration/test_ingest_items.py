"""Files of items: every form, everything that may be wrong in one, and what the database has at the end."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rustac

from eotiles.embedded.cluster import Cluster
from eotiles.ingest.records import walk as records
from eotiles.ingest.records.itemfiles import read_items
from eotiles.settings import Settings
from tests import builders
from tests.integration.catalogues import COG, ROOT, Here, item

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c")


@pytest.fixture
def here(ingest_conninfo: str, tmp_path: Path) -> Iterator[Here]:
    made = Here(ingest_conninfo, tmp_path / "data")
    yield made
    made.forget("foreign", "other")


def lines(*documents: Any) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def documents() -> list[dict[str, Any]]:
    return [item(name, day=day) for day, name in enumerate(NAMES, 1)]


def as_geoparquet(path: Path) -> None:
    rustac.write_sync(str(path), documents())


FORMS: dict[str, Callable[[Path], object]] = {
    "items.ndjson": lambda path: path.write_bytes(lines(*documents())),
    "items.jsonl.gz": lambda path: path.write_bytes(gzip.compress(lines(*documents()))),
    "items.json": lambda path: path.write_text(
        json.dumps({"type": "FeatureCollection", "features": documents(), "links": []})
    ),
    "late.json": lambda path: path.write_text(
        json.dumps(
            {"numberMatched": 3, "features": documents(), "type": "FeatureCollection"}, indent=2
        )
    ),
    "items.json.gz": lambda path: path.write_bytes(
        gzip.compress(json.dumps({"type": "FeatureCollection", "features": documents()}).encode())
    ),
    "list.json": lambda path: path.write_text(json.dumps(documents())),
    "several.json": lambda path: path.write_bytes(lines(*documents())),
    "sequence.geojsonseq": lambda path: path.write_bytes(
        b"".join(b"\x1e" + lines(document) for document in documents())
    ),
    "items.parquet": as_geoparquet,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form(here: Here, tmp_path: Path, name: str) -> None:
    FORMS[name](tmp_path / name)
    report = here.take(read_items([tmp_path / name]))
    assert report.refused == []
    assert report.sentence() == (
        "3 ingested, 0 updated, 0 unchanged, 0 refused; 3 items, checked against the database"
    )
    assert here.items() == list(NAMES)
    assert here.item("b")["assets"]["red"]["href"] == f"{ROOT}b/red.tif"
    assert here.take(read_items([tmp_path / name])).items.unchanged == 3


def test_single_items_and_their_collection_in_a_folder(here: Here, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / "f" / name).mkdir(parents=True)
        (tmp_path / "f" / name / f"{name}.json").write_text(json.dumps(item(name)))
    mine = {**builders.collection("foreign"), "title": "Theirs"}
    (tmp_path / "f" / "z-collection.json").write_text(json.dumps(mine))
    report = here.take(read_items([tmp_path / "f"]))
    assert (report.items.created, report.refusals) == (3, 0)
    assert here.collection()["title"] == "Theirs"


def test_collections_as_an_api_lists_them(here: Here, tmp_path: Path) -> None:
    (tmp_path / "collections.json").write_text(
        json.dumps({"collections": [builders.collection("foreign"), builders.collection("other")]})
    )
    report = here.take(read_items([tmp_path / "collections.json"]))
    assert report.collections == {"foreign": "made", "other": "made"}


def test_a_collection_replaces_only_where_that_is_wanted(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text(
        json.dumps({**builders.collection("foreign"), "title": "Mine", "keywords": ["a"]})
    )
    here.take(read_items([file]))
    file.write_text(
        json.dumps({**builders.collection("foreign"), "title": "Theirs", "license": "CC0-1.0"})
    )
    assert here.take(read_items([file])).collections == {"foreign": "kept"}
    assert here.collection()["title"] == "Mine"
    assert here.take(read_items([file]), replace_collections=True).collections == {
        "foreign": "changed"
    }
    assert here.collection()["title"] == "Theirs"
    assert here.collection()["keywords"] == ["a"]


def test_relative_hrefs_of_a_file_are_of_its_folder(here: Here, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.json").write_text(json.dumps(item("a", href="../pixels/red.tif")))
    inside = Here(here.conninfo, here.data, (str(tmp_path / "pixels"),))
    assert inside.take(read_items([tmp_path / "x"])).complete
    assert here.item("a")["assets"]["red"]["href"] == str(tmp_path / "pixels" / "red.tif")


@pytest.mark.parametrize(
    ("content", "number", "reason"),
    [
        (b'{"type": "Feature", ', 2, "not JSON"),
        (b"[1]", 2, "no JSON object"),
        (b'{"a": NaN}', 2, "not JSON"),
        (b'{"a": 1e999}', 2, "not JSON"),
        (b'{"a": "\\ud800"}', 2, "not JSON"),
        (b"\xff\xff", 2, "not JSON"),
        (b'{"a":' * 5000, 2, "not JSON"),
        (b"[" * 100_000, 2, "not JSON"),
        (b'{"type": "Feature"}', 2, "belongs to no collection"),
        (b'{"type": "Catalog", "links": []}', 2, "neither"),
        (b'"' + b"x" * (17 << 20) + b'"', 2, "larger than 16 MiB"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_the_others_come_in(
    here: Here, tmp_path: Path, content: bytes, number: int, reason: str
) -> None:
    first, second, third = (lines(document) for document in documents())
    file = tmp_path / "items.ndjson"
    file.write_bytes(first + content + b"\n" + second + b"\n" + third)
    report = here.take(read_items([file]))
    assert here.items() == list(NAMES)
    assert [refusal.file for refusal in report.refused] == [f"{file}:{number}"]
    assert reason in report.refused[0].reason


@pytest.mark.parametrize(
    ("name", "content", "stored", "reason"),
    [
        ("half.json", lambda whole: whole[: len(whole) // 2], 1, "ends early"),
        ("cut.json", lambda whole: whole[:-2], 3, "ends early"),
        ("nan.json", lambda whole: whole.replace(b"2.0", b"NaN", 1), 2, "NaN"),
        ("inf.json", lambda whole: whole.replace(b"2.0", b"1e999", 1), 2, "NaN or Infinity"),
        ("odd.json", lambda whole: whole.replace(b'"id": "b"', b'"id" "b"', 1), 1, "not JSON"),
        ("utf16.json", lambda whole: whole.decode().encode("utf-16"), 0, "UTF-8"),
        ("empty.json", lambda whole: b"", 0, ""),
        ("text.json", lambda whole: b"hello", 0, "not JSON"),
        ("deep.json", lambda whole: b"[" * 100_000, 0, "nested|object"),
        ("gz.json.gz", lambda whole: gzip.compress(whole)[:-40], 0, "cannot be read"),
        ("none.json.gz", lambda whole: whole, 0, "cannot be read"),
        ("html.parquet", lambda whole: b"<html></html>", 0, "no Parquet"),
        ("cut.parquet", lambda whole: b"PAR1" + b"x" * 500, 0, "no Parquet"),
        ("bad.parquet", lambda whole: b"PAR1" + b"x" * 500 + b"PAR1", 0, "no geoparquet"),
    ],
)
def test_a_damaged_file_stops_no_other(
    here: Here,
    tmp_path: Path,
    name: str,
    content: Callable[[bytes], bytes],
    stored: int,
    reason: str,
) -> None:
    whole = json.dumps({"type": "FeatureCollection", "features": documents()}).encode()
    (tmp_path / name).write_bytes(content(whole))
    (tmp_path / "z.ndjson").write_bytes(lines(item("z")))
    report = here.take(read_items([tmp_path / name, tmp_path / "missing", tmp_path / "z.ndjson"]))
    assert "z" in here.items()
    assert len(here.items()) == stored + 1
    wrong = [refusal for refusal in report.refused if "missing" not in refusal.file]
    if name != "empty.json":
        assert len(wrong) == 1
        assert name in wrong[0].file
        assert any(part in wrong[0].reason for part in reason.split("|")), wrong[0]
    assert not report.complete


class TestDuplicates:
    def test_in_one_batch_the_first_counts(self, here: Here, tmp_path: Path) -> None:
        file = tmp_path / "items.ndjson"
        other = item("a", day=9)
        file.write_bytes(lines(item("a"), item("b"), other, item("b")))
        report = here.take(read_items([file]))
        assert (report.items.created, report.items.repeated, report.refusals) == (2, 1, 1)
        assert f"{file}:3" == report.refused[0].file
        assert f"{file}:1" in report.refused[0].reason
        assert here.item("a")["properties"]["datetime"] == "2021-03-01T10:00:00Z"
        assert report.checked == 2

    def test_across_files_and_batches(
        self, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(records, "BATCH_ITEMS", 2)
        (tmp_path / "1.ndjson").write_bytes(lines(item("a"), item("b")))
        (tmp_path / "2.ndjson").write_bytes(lines(item("b"), item("a", day=9), item("c")))
        report = here.take(read_items([tmp_path / "1.ndjson", tmp_path / "2.ndjson"]))
        assert (report.items.created, report.items.repeated, report.refusals) == (3, 1, 1)
        assert f"{tmp_path}/1.ndjson:1" in report.refused[0].reason
        assert report.checked == 3

    def test_of_two_collections_are_none(self, here: Here, tmp_path: Path) -> None:
        file = tmp_path / "items.ndjson"
        file.write_bytes(lines(item("a"), item("a", collection="other")))
        assert here.take(read_items([file])).items.created == 2


def test_an_item_may_move_in_time_where_months_are_tables(
    here: Here, tmp_path: Path, admin_conninfo: str
) -> None:
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(*documents()))
    here.take(read_items([file]))
    with psycopg.connect(admin_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("UPDATE collections SET partition_trunc = 'month' WHERE id = 'foreign'")
    moved = item("b")
    moved["properties"]["datetime"] = "2022-07-01T00:00:00Z"
    file.write_bytes(lines(item("a", day=1), moved, item("d", day=30)))
    report = here.take(read_items([file]))
    assert (report.items.created, report.items.updated, report.items.unchanged) == (1, 1, 1)
    assert here.items() == ["a", "b", "c", "d"]
    assert here.item("b")["properties"]["datetime"] == "2022-07-01T00:00:00Z"


def test_what_the_database_refuses_loses_none_of_its_batch(
    here: Here, tmp_path: Path, admin_conninfo: str
) -> None:
    """An index on a number, as operators make them, refuses a text: pgSTAC's error, of one item among seven."""
    file = tmp_path / "items.ndjson"
    many = [item(f"i{number}") for number in range(7)]
    many[4]["properties"]["test:height"] = "high"
    file.write_bytes(lines(*many))
    here.take(read_items([file]), collection="foreign")
    here.forget("foreign")
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        connection.execute(
            "CREATE INDEX test_height ON pgstac.items "
            "(((content->'properties'->>'test:height')::float))"
        )
        try:
            report = here.take(read_items([file]))
        finally:
            connection.execute("DROP INDEX pgstac.test_height")
    assert [refusal.file for refusal in report.refused] == [f"{file}:5"]
    assert "the database refused it" in report.refused[0].reason
    assert here.items() == [f"i{number}" for number in (0, 1, 2, 3, 5, 6)]
    assert report.checked == 6


def test_a_collection_may_come_after_its_items(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items are made into rows a few at a time, and wait where nobody knows their collection yet."""
    monkeypatch.setattr(records, "CHUNK_ITEMS", 2)
    file = tmp_path / "items.ndjson"
    many = [item(f"i{number}", day=number + 1) for number in range(7)]
    many[2]["assets"]["red"]["href"] = "file:///etc/passwd"
    mine = {**builders.collection("foreign"), "title": "Theirs"}
    file.write_bytes(lines(*many[:5], mine, *many[5:]))
    report = here.take(read_items([file]))
    assert report.collections == {"foreign": "made"}
    assert here.collection()["title"] == "Theirs"
    assert here.items() == [f"i{number}" for number in (0, 1, 3, 4, 5, 6)]
    assert [refusal.file for refusal in report.refused] == [f"{file}:3"]
    assert here.take(read_items([file])).items.unchanged == 6


def test_a_number_written_otherwise_is_no_change(
    here: Here, tmp_path: Path, admin_conninfo: str
) -> None:
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(*documents()))
    here.take(read_items([file]))
    with psycopg.connect(admin_conninfo) as connection:
        connection.execute(
            "UPDATE pgstac.items SET content = jsonb_set(content, '{properties,eo:cloud_cover}', '2.000') "
            "WHERE id = 'b'"
        )
    assert here.take(read_items([file])).items.unchanged == 3
    changed = documents()
    changed[2]["properties"]["eo:cloud_cover"] = 3.0000000001
    file.write_bytes(lines(*changed))
    report = here.take(read_items([file]))
    assert (report.items.unchanged, report.items.updated) == (2, 1)


def _with(place: str, value: Any) -> dict[str, Any]:
    made = item("wrong")
    (made if place == "bbox" else made["properties"])[place] = value
    return made


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (_with("bbox", [0, 0, 1, 91]), "bbox"),
        (_with("bbox", [0, 5, 1, 4]), "bbox"),
        (_with("bbox", [-400, 0, 1, 1]), "bbox"),
        (_with("bbox", ["1", "2", "3", "4"]), "bbox"),
        (_with("bbox", [True, 0, 1, 1]), "bbox"),
        (_with("datetime", 1614592800), "datetime"),
        (_with("created", 1614592800), "created"),
        (_with("updated", "1614592800"), "updated"),
        (
            item("wrong")
            | {
                "properties": {
                    "datetime": None,
                    "start_datetime": "2021-03-02T00:00:00Z",
                    "end_datetime": "2021-03-01T00:00:00Z",
                }
            },
            "before",
        ),
    ],
)
def test_boxes_and_times_are_checked(
    here: Here, tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    """As for writing over HTTP; none costs another of its batch."""
    file = tmp_path / "items.ndjson"
    first, *others = documents()
    file.write_bytes(lines(first, wrong, *others))
    report = here.take(read_items([file]))
    assert here.items() == list(NAMES)
    assert [refusal.file for refusal in report.refused] == [f"{file}:2"]
    assert reason in report.refused[0].reason


def test_a_footprint_across_the_antimeridian_may_go_on(here: Here, tmp_path: Path) -> None:
    beyond = item("a")
    beyond["geometry"]["coordinates"] = [[[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]]
    beyond["bbox"] = [179, 0, 181, 1]
    (tmp_path / "a.json").write_text(json.dumps(beyond))
    assert here.take(read_items([tmp_path / "a.json"])).complete
    assert here.item("a")["bbox"] == [179, 0, 181, 1]


def test_what_is_gone_at_the_end_is_noticed(here: Here, tmp_path: Path) -> None:
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(*documents()))

    def meanwhile() -> Iterator[Any]:
        yield from read_items([file])
        yield from read_items([tmp_path / "more.ndjson"])

    (tmp_path / "more.ndjson").write_bytes(lines(item("d")))
    found = meanwhile()

    def with_a_thief() -> Iterator[Any]:
        for number, record in enumerate(found):
            if number == 3:
                here.one("SELECT delete_item('a', 'foreign')")
            yield record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BATCH_ITEMS", 3)
        report = here.take(with_a_thief())
    assert (report.checked, report.missing) == (3, 1)
    assert not report.complete


HOSTILE = [
    "/etc/passwd",
    "file:///etc/passwd",
    "/vsicurl/http://{canary}/x.tif",
    "/vsizip//vsicurl/http://{canary}/x.zip/x.tif",
    "/vsimem/x.tif",
    "http://{canary}/x.tif",
    "http://127.0.0.1/x.tif",
    "http://2130706433/x.tif",
    "http://0x7f000001/x.tif",
    "http://[::ffff:127.0.0.1]/x.tif",
    "http://localhost/x.tif",
    "http://169.254.169.254/latest/x.tif",
    "https://data.example.org@127.0.0.1/x.tif",
    "https://data.example.org/other/x.tif",
    "https://data.example.org/cogs/../x.tif",
    "https://data.example.org/cogs/%2e%2e/x.tif",
    "https://data.example.org/cogs/x.vrt",
    "vrt:///etc/passwd",
    "<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>",
    "GTIFF_RAW:/etc/passwd",
    "../../../../etc/passwd",
    "s3://bucket/x.tif",
    "javascript:alert(1)",
    "",
    "  ",
]


@pytest.mark.parametrize("kind", [COG, "text/plain"])
def test_hrefs_outside_the_roots_are_refused_and_nobody_is_asked(
    here: Here, tmp_path: Path, kind: str
) -> None:
    from tests.unit.web_server import serving  # noqa: PLC0415

    with serving() as canary:
        made = [item("good")]
        for number, href in enumerate(HOSTILE):
            made.append(item(f"bad{number}", href=href.format(canary=canary.host) or " "))
            made[-1]["assets"]["red"]["type"] = kind
        file = tmp_path / "items.ndjson"
        file.write_bytes(lines(*made))
        report = here.take(read_items([file]))
        assert canary.connected == []
    elsewhere = sum(href.startswith(("http", "s3")) for href in HOSTILE) if kind != COG else 0
    assert report.refusals == len(HOSTILE) - elsewhere
    assert len(here.items()) == 1 + elsewhere
    assert "good" in here.items()
    for refusal in report.refused:
        assert "'red'" in refusal.reason
        assert str(tmp_path) not in refusal.reason


def test_links_that_are_no_addresses_are_refused(here: Here, tmp_path: Path) -> None:
    bad = item("bad")
    bad["links"] = [{"rel": "alternate", "href": "javascript:alert(1)"}]
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(bad, item("good")))
    report = here.take(read_items([file]))
    assert here.items() == ["good"]
    assert "'alternate'" in report.refused[0].reason


def test_radiometry_that_cannot_be_meant_is_refused(here: Here, tmp_path: Path) -> None:
    bad = item("bad")
    bad["properties"]["eotiles:radiometry"] = {"red": {"scale": 0}}
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(bad, item("good")))
    report = here.take(read_items([file]))
    assert here.items() == ["good"]
    assert "eotiles:radiometry" in report.refused[0].reason


def test_the_command(here: Here, tmp_path: Path, settings: Settings, cluster: Cluster) -> None:
    file = tmp_path / "items.ndjson"
    file.write_bytes(lines(*documents(), item("bad", href="/etc/passwd")))
    environment = {
        "PATH": "/usr/bin:/bin",
        "EOTILES_DATA": str(settings.data),
        "EOTILES_ASSET_ROOTS": ROOT,
        "PYTHONPATH": ":".join(sys.path),
    }
    elsewhere = item("elsewhere", href="https://pixels.example.org/a/x.tif")
    file.write_bytes(file.read_bytes() + lines(elsewhere))
    done = subprocess.run(
        [sys.executable, "-m", "eotiles", "ingest", "items", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "collection foreign: made",
        "3 ingested, 0 updated, 0 unchanged, 2 refused; 3 items, checked against the database",
    ]
    assert (
        "note: there are files below https://pixels.example.org/: EOTILES_ASSET_ROOTS"
        in done.stderr
    )
    assert done.stderr.startswith(
        f"refused: {file}:4 asset 'red' of item foreign/bad is not opened"
    )


def test_that_nothing_was_found_is_said(
    ingest_conninfo: str, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "empty.json"
    file.write_text('{"type": "FeatureCollection", "features": []}')
    done = subprocess.run(
        [sys.executable, "-m", "eotiles", "ingest", "items", str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            "PATH": "/usr/bin:/bin",
            "EOTILES_DATA": str(settings.data),
            "PYTHONPATH": ":".join(sys.path),
        },
    )
    assert done.returncode == 0
    assert done.stderr == "note: nothing was found there: neither an item nor a collection\n"
