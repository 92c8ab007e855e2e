"""The recipes of docs/clients.md for web maps are what the tests in Chromium run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def recipe(section: str) -> list[str]:
    """Lines of code below a heading."""
    text = (ROOT / "docs" / "clients.md").read_text()
    found = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return [line.strip() for line in found[1].splitlines() if line.startswith("    ")]


@pytest.mark.parametrize(
    ("section", "page"),
    [("Leaflet", "leaflet.html"), ("OpenLayers", "openlayers.html")],
)
def test_every_line_of_a_recipe_is_tested(section: str, page: str) -> None:
    tested = (ROOT / "tests" / "browser" / "clients" / page).read_text()
    lines = recipe(section)
    assert len(lines) > 5
    for line in lines:
        assert line in tested, f"{section}: {line!r} is in no test"


def test_the_versions_are_those_tested() -> None:
    text = (ROOT / "docs" / "clients.md").read_text()
    package = (ROOT / "tests" / "browser" / "clients" / "package.json").read_text()
    leaflet, openlayers = (
        re.search(rf'"{name}": "([\d.]+)"', package)[1]  # type: ignore[index]
        for name in ("leaflet", "ol")
    )
    assert f"Tested with {leaflet}:" in text
    assert f"Tested with {openlayers.rpartition('.')[0]}," in text
