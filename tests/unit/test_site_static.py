"""The files of the page: nothing inline, nothing from elsewhere, every name they use exists."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eotiles.http.site import STATIC

ROOT = STATIC.parents[3]
MODULES = sorted((STATIC / "app").glob("*.js"))
SHEETS = sorted((STATIC / "style").glob("*.css"))
OURS = [STATIC / "index.html", STATIC / "icon.svg", *MODULES, *SHEETS]
IMPORT = re.compile(r"""^(?:import|export)\b([^;"']*?)\bfrom\s*"([^"]+)";""", re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) ([$\w]+)", re.MULTILINE)
LINES_MAX = 150


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href"):
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


@pytest.fixture(scope="module")
def page() -> _Page:
    parsed = _Page()
    parsed.feed((STATIC / "index.html").read_text())
    return parsed


def _versions() -> dict[str, str]:
    return json.loads((ROOT / "package.json").read_text())["dependencies"]  # type: ignore[no-any-return]


def test_nothing_is_inline(page: _Page) -> None:
    assert page.inline == []


def test_what_the_page_names_exists(page: _Page) -> None:
    own = [link for link in page.links if link.startswith("static/") and "/vendor/" not in link]
    assert len(own) >= 5
    for link in own:
        assert (STATIC / link.removeprefix("static/")).is_file(), link
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    known = {"http://www.w3.org/2000/svg"}  # a name, never fetched
    assert set(re.findall(r"https?://[^\s\"'<>)`]+", text)) <= known
    assert not re.search(r"[\"'(]//\w", text)
    assert "@import" not in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_are_small_and_turn_no_text_into_markup_or_code(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "setHTML",
    ):
        assert sink not in text
    assert "Function(" not in text


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_import_and_element_exists(path: Path, page: _Page) -> None:
    text = path.read_text()
    assert text.count("import(") == 0
    for _, name in IMPORT.findall(text):
        assert name.startswith(("./", "../vendor/")), name
        if name.startswith("./"):
            assert (path.parent / name).is_file(), name
    for element in re.findall(r"\$\(\"([^\"]+)\"\)", text):
        assert element in page.ids, element


def test_names_that_are_imported_are_exported() -> None:
    exports = {path.name: set(EXPORT.findall(path.read_text())) for path in MODULES}
    # What it hands on from MapLibre.
    exports["maplibre.js"] |= {
        "AttributionControl",
        "Map",
        "NavigationControl",
        "Popup",
        "ScaleControl",
    }
    for path in MODULES:
        for names, source in IMPORT.findall(path.read_text()):
            if source.startswith("./"):
                wanted = {name.strip() for name in names.strip(" {}\n").split(",")} - {""}
                missing = wanted - exports[source.removeprefix("./")]
                assert not missing, f"{path.name} imports {missing} from {source}"


def test_versions_are_those_that_npm_pins(page: _Page) -> None:
    wanted = {f"{name}-{version}" for name, version in _versions().items()}
    text = " ".join(page.links) + (STATIC / "app" / "maplibre.js").read_text()
    assert set(re.findall(r"vendor/([^/]+)/", text)) == wanted


def test_npm_packages_are_pinned_with_their_hashes_and_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {path: entry for path, entry in lock["packages"].items() if path}
    assert lock["packages"][""]["dependencies"] == _versions()
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not [path for path, entry in packages.items() if "resolved" in entry]
