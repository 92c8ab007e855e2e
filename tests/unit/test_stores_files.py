"""Files of this machine and the arithmetic of ranges."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eotiles.read.hrefs import allow_list
from eotiles.read.location import Location
from eotiles.read.memory import MemoryFiles
from eotiles.read.objects import Changed, NotThere, Object, Outside
from eotiles.read.ranges import RANGE_BYTES_MAX, Range, coalesce, cut
from eotiles.read.stores import HEAD_BYTES, Stores, open_stores

CONTENT = random.Random(6).randbytes(60_000)


@pytest.fixture
def stores() -> Iterator[Stores]:
    with open_stores() as made:
        yield made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "ä b%20.tif"
    file.write_bytes(CONTENT)
    return file


def at(path: Path) -> Location:
    return Location("file", "", str(path))


def test_ranges_are_the_bytes_of_the_file(stores: Stores, path: Path) -> None:
    file, head = stores.open(at(path))
    assert (head, file.size_bytes, file.name) == (CONTENT[:HEAD_BYTES], 60_000, str(path))
    wanted = [Range(59_000, 60_000), Range(0, 1), Range(0, 60_000)]
    assert stores.get(file, wanted) == [CONTENT[each.start : each.stop] for each in wanted]
    with pytest.raises(Outside):
        stores.get(file, [Range(59_000, 60_001)])


def test_nothing_stays_open(stores: Stores, path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    file, _ = stores.open(at(path))
    for _ in range(10):
        stores.get(file, [Range(0, 5), Range(10, 20)])
        with pytest.raises(NotThere):
            stores.open(at(path.parent))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_changed_file_is_noticed(stores: Stores, path: Path) -> None:
    file, _ = stores.open(at(path))
    status = path.stat()
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(Changed):
        stores.get(file, [Range(0, 5)])
    again, head = stores.open(at(path))
    assert head[:5] == CONTENT[::-1][:5]
    # Another file of the same size and time takes its place.
    other = path.parent / "other"
    other.write_bytes(CONTENT)
    os.utime(other, ns=(status.st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    with pytest.raises(Changed):
        stores.get(again, [Range(0, 5)])


def test_a_file_that_shrinks_or_goes(stores: Stores, path: Path) -> None:
    file, _ = stores.open(at(path))
    os.truncate(path, 10)
    with pytest.raises(Changed):
        stores.get(file, [Range(0, 60_000)])
    now, _ = stores.open(at(path))
    wrong = Object(now.location, 60_000, now.version)
    for wanted in (Range(20, 30), Range(0, 60_000)):
        with pytest.raises(Changed):
            stores.get(wrong, [wanted])
    path.unlink()
    with pytest.raises(NotThere):
        stores.get(file, [Range(0, 5)])


def test_what_is_no_file_is_not_there(stores: Stores, path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    (tmp_path / "link.tif").symlink_to(path)
    (tmp_path / "nowhere.tif").symlink_to(tmp_path / "x")
    os.mkfifo(tmp_path / "pipe.tif")
    for name in ("empty.tif", "link.tif", "nowhere.tif", "pipe.tif", ".", "x.tif", "a/b.tif"):
        got: list[str] = []

        def look(path: Path = tmp_path / name, got: list[str] = got) -> None:
            with pytest.raises(NotThere) as error:
                stores.open(at(path))
            got.append(str(error.value))

        # A pipe that nobody writes to would be waited for without end.
        waiting = threading.Thread(target=look, daemon=True)
        waiting.start()
        waiting.join(5)
        assert len(got) == 1, name
        assert str(tmp_path) not in got[0]
    with pytest.raises(NotThere):
        stores.open(Location("file", "", "/dev/zero"))


def test_hrefs_become_locations(path: Path) -> None:
    roots = (str(path.parent), "https://x.org/", "s3://b/p", "gs://b/p/", "az://c/p")
    allowed = allow_list(roots)
    known = {
        f"file://{path.parent}/%C3%A4%20b%2520.tif": (str(path), str(path)),
        "https://X.org/a/b.tif?sig=1%2F&se=x": (
            "https://x.org/a/b.tif",
            "/vsicurl/https://x.org/a/b.tif?sig=1%2F&se=x",
        ),
        "s3://b/p/a%20b.tif": ("s3://b/p/a%20b.tif", "/vsis3/b/p/a%20b.tif"),
        "gs://b/p/a.tif": ("gs://b/p/a.tif", "/vsigs/b/p/a.tif"),
        "az://c/p/a.tif": ("az://c/p/a.tif", "/vsiaz/c/p/a.tif"),
    }
    for href, (name, gdal) in known.items():
        location = allowed.find(href, asset="red", item="i")
        assert (location.name, location.gdal) == (name, gdal)
        assert allowed.locate(href, asset="red", item="i") == gdal


@pytest.mark.parametrize(
    "parts",
    [
        ("file", "h", "/a", ""),
        ("https", "", "/a", ""),
        ("s3", "b", "a", ""),
        ("s3", "b", "/a", "q"),
    ],
)
def test_locations_that_are_none(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError, match=r"no place|query"):
        Location(*parts)  # type: ignore[arg-type]


def test_bounds_of_what_is_asked_for(stores: Stores, tmp_path: Path) -> None:
    large = tmp_path / "sparse.tif"
    with large.open("wb") as file:
        file.truncate(2**33)
    opened, _ = stores.open(at(large))
    with pytest.raises(Outside, match="one piece"):
        stores.get(opened, [Range(0, RANGE_BYTES_MAX + 1)])
    with pytest.raises(Outside, match="together"):
        stores.get(opened, [Range(n * 2**26, (n + 1) * 2**26) for n in range(9)])
    with pytest.raises(Outside, match="together"):
        stores.get_all([(opened, [Range(n * 2**26, (n + 1) * 2**26)]) for n in range(9)])


def test_files_in_memory_are_as_files_elsewhere() -> None:
    memory = MemoryFiles({"https://x.org/a.tif": CONTENT})
    with Stores({"https": memory}) as stores:
        file, head = stores.open(Location("https", "x.org", "/a.tif", "sig=x"))
        assert head == CONTENT[:HEAD_BYTES]
        wanted = [Range(40_000, 40_005), Range(7, 9), Range(0, 5)]
        assert stores.get(file, wanted) == [CONTENT[each.start : each.stop] for each in wanted]
        asked = {(each.start, each.stop) for _, each in memory.reads[1:]}
        assert asked == {(0, 9), (40_000, 40_005)}
        memory.files["https://x.org/a.tif"] = CONTENT[::-1]
        with pytest.raises(Changed):
            stores.get(file, wanted)
        with pytest.raises(NotThere):
            stores.open(Location("https", "x.org", "/b.tif"))


RANGE = st.tuples(st.integers(0, 5_000), st.integers(1, 2_000)).map(
    lambda pair: Range(pair[0], pair[0] + pair[1])
)


@given(st.lists(RANGE, max_size=30), st.integers(0, 500), st.integers(1, 4_000))
def test_coalesced_requests_hold_all_ranges(
    ranges: list[Range], gap_bytes: int, merged_bytes: int
) -> None:
    merged = coalesce(ranges, gap_bytes=gap_bytes, merged_bytes=merged_bytes)
    assert sorted(position for each in merged for position in each.members) == list(
        range(len(ranges))
    )
    for each in merged:
        data = CONTENT[each.whole.start : each.whole.stop]
        for position in each.members:
            wanted = ranges[position]
            assert cut(data, each.whole, wanted) == CONTENT[wanted.start : wanted.stop]
        covered = {
            byte
            for position in each.members
            for byte in range(ranges[position].start, ranges[position].stop)
        }
        assert {each.whole.start, each.whole.stop - 1} <= covered, "no byte at the ends for nothing"
        longest = max(ranges[position].size_bytes for position in each.members)
        assert each.whole.size_bytes <= max(merged_bytes, longest)
    for before, after in pairwise(merged):
        too_far = after.whole.start - before.whole.stop > gap_bytes
        too_long = max(after.whole.stop, before.whole.stop) - before.whole.start > merged_bytes
        assert too_far or too_long


@pytest.mark.parametrize("ends", [(0, 0), (5, 4), (-1, 3)])
def test_ranges_that_are_none(ends: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no range"):
        Range(*ends)


def test_a_name_has_what_is_no_signature() -> None:
    def name(query: str) -> str:
        return Location("https", "x.org", "/a.tif", query).name

    plain = name("")
    assert name("X-Amz-Signature=1&X-Amz-Date=2") == name("sig=a&se=b&sv=c") == plain
    assert len({plain, name("versionId=A"), name("versionId=B"), name("versionId=A&v=1")}) == 4
    assert name("versionId=A&sig=1") == name("versionId=A&sig=2") == name("versionId=A")
    assert "secret" not in name("token=secret")
