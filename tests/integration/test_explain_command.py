"""`eotiles explain URL` against a real server."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from eotiles.cli import app
from eotiles.cli.explain import explained
from eotiles.core.errors import BadParameter
from tests.integration.conftest import Raster
from tests.integration.raster_expected import path_of, tile_at

pytestmark = pytest.mark.integration

TILE = path_of(tile_at(501_600, 4_998_600, 15))


def test_it_prints_the_plan_of_a_tile(raster: Raster) -> None:
    url = f"{raster.http.base_url}{raster.item('mixed').lstrip('/')}/{TILE}.png?index=ndvi"
    result = CliRunner().invoke(app, ["explain", url])
    assert result.exit_code == 0, result.output
    # The server of this test logs to the same place.
    (item,) = json.loads(result.stdout[result.stdout.index("{\n") :])["items"]
    assert {read["reader"] for read in item["reads"]} == {"native"}


def test_what_the_server_refuses_is_said(raster: Raster) -> None:
    url = f"{raster.http.base_url}{raster.item('nothing').lstrip('/')}/{TILE}.png?index=ndvi"
    result = CliRunner().invoke(app, ["explain", url])
    assert isinstance(result.exception, BadParameter)
    assert "404: collection 'raster-scenes' has no item 'nothing'" in str(result.exception)


@pytest.mark.parametrize(
    "url", ["/tiles/a/1/2/3.png", "ftp://x/tiles/a/1/2/3", "http://x/preview.png"]
)
def test_only_tiles_can_be_explained(url: str) -> None:
    with pytest.raises(BadParameter, match="address of a tile"):
        explained(url)


def test_nobody_there() -> None:
    result = CliRunner().invoke(
        app, ["explain", "http://127.0.0.1:9/tiles/WebMercatorQuad/1/0/0.png"]
    )
    assert isinstance(result.exception, BadParameter)
    assert "127.0.0.1:9 does not answer" in str(result.exception)
