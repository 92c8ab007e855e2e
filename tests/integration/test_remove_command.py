"""`eotiles remove`: what is asked, what is gone, and which files stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from typer.testing import CliRunner

from eotiles.cli import remove
from eotiles.core.errors import EotilesError, SetupError, UnknownCollection
from eotiles.core.role import login
from eotiles.embedded.cluster import Cluster
from eotiles.settings import Settings
from tests import builders
from tests.stac_server import load, scene

pytestmark = pytest.mark.integration

NAME, OTHER = "remove", "remove-other"


@pytest.fixture(autouse=True)
def _catalogue(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> Iterator[None]:
    """Three items with files in the data folder; one of another collection names a file of the first."""
    items = [scene(name, folder=settings.assets, collection=NAME) for name in ("a", "b", "c")]
    borrowed = builders.item("x", collection=OTHER, assets={"B04": items[0]["assets"]["B04"]})
    borrowed["assets"]["B04"] = {**borrowed["assets"]["B04"]}
    borrowed["assets"]["url"] = {"href": f"file://{items[0]['assets']['B03']['href']}"}
    load(
        ingest_conninfo,
        collections=[builders.collection(NAME), builders.collection(OTHER)],
        items=[*items, borrowed],
    )
    for item in items:
        for asset in item["assets"].values():
            path = Path(asset["href"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    yield
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        connection.execute("SELECT delete_collection(id) FROM collections WHERE id LIKE 'remove%'")
    for path in sorted((settings.assets / NAME).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def run(
    settings: Settings, *arguments: str, typed: str = "", code: int = 0, **environment: str
) -> str:
    variables = {"EOTILES_DATA": str(settings.data), **environment}
    result = CliRunner().invoke(remove.app, list(arguments), input=typed, env=variables)
    if isinstance(result.exception, EotilesError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def left(conninfo: str, collection: str = NAME) -> list[str]:
    with psycopg.connect(conninfo) as connection:
        query = "SELECT id FROM pgstac.items WHERE collection = %s ORDER BY 1"
        return [name for (name,) in connection.execute(query, [collection])]


def files(settings: Settings) -> list[str]:
    folder = settings.assets / NAME
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.tif"))


def test_it_tells_and_asks(settings: Settings, read_conninfo: str) -> None:
    said = run(settings, "item", NAME, "a", "b", typed="n\n", code=1)
    assert f"Remove 2 items of collection '{NAME}'?" in said
    assert left(read_conninfo) == ["a", "b", "c"]
    said = run(settings, "item", NAME, "a", typed="y\n")
    assert "1 item removed" in said
    assert left(read_conninfo) == ["b", "c"]
    assert len(files(settings)) == 15, "files stay unless --files says otherwise"
    said = run(settings, "collection", NAME, "--files", typed="n\n", code=1)
    assert f"Remove collection '{NAME}' with 2 items, and up to 15 converted files?" in said
    assert left(read_conninfo) == ["b", "c"]


def test_what_is_not_there(settings: Settings, read_conninfo: str) -> None:
    said = run(settings, "item", NAME, "none", "c", "--yes", code=1)
    assert f"there is no item 'none' in collection '{NAME}'" in said
    assert "1 item removed" in said
    assert left(read_conninfo) == ["a", "b"]
    assert "removed" not in run(settings, "item", NAME, "c", "--yes", code=1)
    for verb in (["item", "remove-none", "a"], ["collection", "remove-none"]):
        with pytest.raises(UnknownCollection, match="no collection 'remove-none'"):
            run(settings, *verb, "--yes")


def test_files_that_nothing_names_go_with_their_items(
    settings: Settings, read_conninfo: str
) -> None:
    said = run(settings, "item", NAME, "a", "--yes", "--files")
    assert "3 converted files removed" in said
    assert files(settings)[:2] == ["a/B03.tif", "a/B04.tif"], "the other collection names these"
    assert len(files(settings)) == 12
    run(settings, "item", OTHER, "x", "--yes")
    # Whatever an earlier removal left goes when it is asked for again.
    said = run(settings, "item", NAME, "a", "--yes", "--files", code=1)
    assert "2 converted files removed" in said
    assert not (settings.assets / NAME / "a").exists()
    assert left(read_conninfo) == ["b", "c"]
    assert len(files(settings)) == 10


def test_a_file_stays_that_is_named_in_another_spelling(
    settings: Settings, ingest_conninfo: str, tmp_path: Path
) -> None:
    folder = settings.assets / NAME / "a"
    for name in ("percent", "slash", "dots", "host", "link"):
        (folder / f"{name}-é.tif").touch()
    (tmp_path / "alias").symlink_to(settings.assets)
    hrefs = {
        "percent": f"file://{quote(f'{folder}/percent-é.tif')}",
        "slash": f"file:{folder}/slash-é.tif",
        "dots": f"{folder}/../a/./dots-é.tif",
        "host": f"file://localhost{folder}/host-é.tif",
        "link": f"{tmp_path}/alias/{NAME}/a/link-é.tif",
    }
    item = builders.item(
        "y", collection=OTHER, assets={key: {"href": href} for key, href in hrefs.items()}
    )
    load(ingest_conninfo, items=[item])
    run(settings, "item", NAME, "a", "--yes", "--files")
    assert [name for name in files(settings) if "é" in name] == [
        f"a/{name}-é.tif" for name in sorted(hrefs)
    ]


def test_a_collection_with_its_files(settings: Settings, read_conninfo: str) -> None:
    said = run(settings, "collection", NAME, "--yes", "--files")
    assert f"collection '{NAME}' with 3 items removed" in said
    assert "13 converted files removed" in said
    assert files(settings) == ["a/B03.tif", "a/B04.tif"]
    assert left(read_conninfo) == []
    assert left(read_conninfo, OTHER) == ["x"]
    run(settings, "item", OTHER, "x", "--yes")
    said = run(settings, "collection", NAME, "--yes", "--files")
    assert "any more" in said
    assert "2 converted files removed" in said
    assert not (settings.assets / NAME).exists()
    with pytest.raises(UnknownCollection):
        run(settings, "collection", NAME, "--yes", "--files")


def test_nothing_outside_the_data_folder_is_touched(
    settings: Settings, ingest_conninfo: str, tmp_path: Path
) -> None:
    outside = tmp_path / "archive.tif"
    outside.touch()
    item = builders.item("linked", collection=NAME, assets={"a": {"href": str(outside)}})
    load(ingest_conninfo, items=[item])
    (settings.assets / NAME / "linked").symlink_to(tmp_path)
    (settings.assets / NAME / "b" / "link.tif").symlink_to(outside)
    run(settings, "collection", NAME, "--yes", "--files")
    assert outside.exists()
    assert not (settings.assets / NAME / "b").exists(), "the link itself is gone"
    for name in ("..", ".", "../..", "a/b"):
        with pytest.raises(UnknownCollection):
            run(settings, "collection", name, "--yes", "--files")


def test_a_login_that_only_reads_may_not(
    settings: Settings, read_conninfo: str, cluster: Cluster
) -> None:
    with pytest.raises(SetupError, match=f"login {login('read')} may not write"):
        run(settings, "collection", NAME, "--yes", EOTILES_DATABASE_URL=read_conninfo)
    nowhere = f"postgresql://{quote('nobody')}@127.0.0.1:9/none"
    with pytest.raises(EotilesError, match="cannot be reached"):
        run(settings, "item", NAME, "a", "--yes", EOTILES_DATABASE_URL=nowhere)
    assert left(read_conninfo) == ["a", "b", "c"]
