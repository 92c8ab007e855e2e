"""`eotiles renders`: shown, guessed from pixels, written from a file, taken out; and what ingest leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from eotiles.cli import app
from eotiles.core.errors import BadParameter, UnknownCollection
from eotiles.embedded.cluster import Cluster
from eotiles.ingest.collection import with_item
from eotiles.ingest.options import IngestOptions
from eotiles.settings import Settings
from tests.integration.render_scenes import everything
from tests.stac_server import load

pytestmark = pytest.mark.integration

PREFIX = "cli-"


@pytest.fixture(scope="module", autouse=True)
def _loaded(cluster: Cluster, settings: Settings, ingest_conninfo: str) -> None:
    collections, items = everything(settings.assets / "renders-command")
    for each in collections:
        each["id"] = PREFIX + each["id"]
        each.pop("renders", None)
    for each in items:
        each["collection"] = PREFIX + each["collection"]
    load(ingest_conninfo, collections=collections, items=items)


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("EOTILES_DATA", str(settings.data))

    def renders(name: str, *arguments: str, text: str | None = None) -> Result:
        done = CliRunner().invoke(app, ["renders", PREFIX + name, *arguments], input=text)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return renders


def stored(conninfo: str, name: str) -> dict[str, Any]:
    with psycopg.connect(conninfo, options="-c search_path=pgstac,public") as connection:
        row = connection.execute("SELECT get_collection(%s)", [PREFIX + name]).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("optical", {"true-colour": [[0.0, 0.3]] * 3, "ndvi": [[-0.2, 0.9]], "ndwi": [[-0.8, 0.8]]}),
        ("radar", {"vv": [[-24, -2]]}),
        ("elevation", {"height": [[100, 2100]]}),
        ("labels", {"class": None}),
        ("bare", {"grey": [[0.6, 7.4]]}),
        ("photo", {"grey": None}),
    ],
)  # fmt: skip
def test_every_kind_is_guessed(
    run: Any, ingest_conninfo: str, name: str, expected: dict[str, Any]
) -> None:
    done = run(name, "--guess")
    assert done.exit_code == 0, done.output
    document = stored(ingest_conninfo, name)
    found = document["renders"]
    assert found.keys() == expected.keys()
    for key, ranges in expected.items():
        given = found[key].get("rescale")
        assert (given is None) == (ranges is None)
        for pair, wanted in zip(given or (), ranges or (), strict=True):
            assert pair == pytest.approx(wanted, abs=0.04 * (wanted[1] - wanted[0]))
    assert any("/render/" in each for each in document["stac_extensions"])
    assert all(f"{key}  (guessed)" in done.output for key in expected)
    assert run(name, "--guess").output == done.output
    assert stored(ingest_conninfo, name) == document, "guessing again changes nothing"


def test_what_a_person_writes_stays(run: Any, ingest_conninfo: str, tmp_path: Path) -> None:
    run("radar", "--guess")
    mine = {"vv": {"title": "Mine", "assets": ["data"], "rescale": [[-30, 0]]}}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(mine))
    assert "vv  (written)" in run("radar", "--set", str(file)).output
    run("radar", "--guess")
    assert stored(ingest_conninfo, "radar")["renders"] == mine
    shown = run("radar", "--show").output
    assert json.loads(shown) == mine
    run("radar", "--remove", "vv")
    assert run("radar", "--guess").stdout == ""
    assert not stored(ingest_conninfo, "radar").get("renders")
    assert "vv  (guessed)" in run("radar", "--guess", "--force").output
    run("radar", "--set", "-", text=shown)
    assert stored(ingest_conninfo, "radar")["renders"] == mine
    run("radar", "--guess", "--force")


def test_ingest_leaves_it_alone_too(run: Any, ingest_conninfo: str) -> None:
    mine = {"height": {"title": "Mine", "assets": ["data"], "rescale": [[0, 9]]}}
    run("elevation", "--set", "-", text=json.dumps(mine))
    document = stored(ingest_conninfo, "elevation")
    with psycopg.connect(ingest_conninfo, options="-c search_path=pgstac,public") as connection:
        row = connection.execute("SELECT get_item('one', %s)", [f"{PREFIX}elevation"]).fetchone()
    assert row is not None
    item = {**row[0], "id": "two"}
    made = with_item(document, item, IngestOptions(collection=f"{PREFIX}elevation"))
    assert made["renders"] == mine
    run("elevation", "--guess", "--force")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "cannot be read"),
        ("5", "no object"),
        ("{}", "no object"),
        ('{"a": 5}', "names nothing to draw"),
        ('{"a": {"assets": []}}', "names nothing to draw"),
        ('{"a": {"assets": ["data"], "colormap_name": "nothing"}}', "cannot be drawn"),
        ('{"a": {"assets": ["data"], "rescale": [[5, 1]]}}', "cannot be drawn"),
        ('{"": {"assets": ["data"]}}', "1 to 100"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    run: Any, ingest_conninfo: str, text: str, sentence: str
) -> None:
    before = stored(ingest_conninfo, "photo")
    with pytest.raises(BadParameter, match=sentence):
        run("photo", "--set", "-", text=text)
    assert stored(ingest_conninfo, "photo") == before


def test_what_is_not_there(run: Any) -> None:
    with pytest.raises(UnknownCollection):
        run("nothing")
    with pytest.raises(BadParameter, match="no items to guess from"):
        run("empty", "--guess")
    with pytest.raises(BadParameter, match="has no render"):
        run("photo", "--remove", "nothing")
    with pytest.raises(BadParameter, match="--force goes with"):
        run("photo", "--force")


def test_files_that_cannot_be_read_are_told(
    run: Any, ingest_conninfo: str, settings: Settings
) -> None:
    file = settings.assets / "renders-command" / "bare" / "one" / "data.tif"
    hidden = file.with_suffix(".away")
    file.rename(hidden)
    try:
        done = run("bare", "--guess")
        assert done.exit_code == 0
        assert "note: asset 'data'" in done.stderr
        assert str(settings.assets) not in done.stdout
    finally:
        hidden.rename(file)
