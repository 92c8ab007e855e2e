"""The pages of the project: they name what exists, they leave nothing out, and they give nothing away."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import eotiles
from eotiles.cli import app, main
from eotiles.cli.settings import in_force, reference, variable
from eotiles.core.index import INDICES
from eotiles.ingest.demo import COLLECTION, ITEM
from eotiles.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "services/README.md")
SUFFIXES = "py|md|sql|yml|toml|txt|conf|env|png|html|js|css"
FORBIDDEN = [
    re.compile(pattern)
    for pattern in (
        r"/(home|root|Users)" + r"/[\w.]",
        r"/work" + r"/(main|shared|\.)",
        r"BEGIN [A-Z ]*PRIVATE" + r" KEY",
        r"(?i)co-authored" + r"-by:",
    )
]
"""Folders of somebody's machine, keys, names that belong to tools. Written so that this file does not fit."""


def text_files() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is in git or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this is not a git checkout")
    for name in done.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode()


def pages() -> Iterator[Path]:
    yield from (ROOT / name for name in PAGES)
    yield from sorted((ROOT / "docs").rglob("*.md"))


def named_paths(text: str) -> set[str]:
    """What a page names in backticks and looks like a path of the repository."""
    quoted = re.findall(r"`([\w./-]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {name for name in quoted if re.search(rf"\w/|\.({SUFFIXES})$", name)}


def links(text: str) -> set[str]:
    """Targets of Markdown links and pictures that are no addresses, without `#…`."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {
        target.partition("#")[0]
        for target in targets
        if not re.match(r"[a-z]+:|#", target) and target.partition("#")[0]
    }


def exists(name: str) -> bool:
    """Whether a path is there, from the root or, as ARCHITECTURE.md has it, from the package."""
    return any((base / name).exists() for base in (ROOT, ROOT / "src/eotiles", ROOT / "src"))


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "services/README.md"])
def test_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    names = {name for name in named_paths(text) if not name.startswith("/")}
    folder = (ROOT / page).parent
    missing = {name for name in names if not exists(name) and not (folder / name).exists()}
    assert not missing, f"{page} names files that are not there"


def test_addresses_in_the_readme_are_those_of_the_demo() -> None:
    text = (ROOT / "README.md").read_text()
    assert f"/raster/collections/{COLLECTION}/items/{ITEM}/tiles/WebMercatorQuad/" in text
    assert set(re.findall(r"/items/([\w-]+)", text)) == {ITEM}
    named = set(re.findall(r"index=(\w+)", text))
    assert named
    assert named <= set(INDICES)


def test_the_architecture_shows_every_part_and_the_import_rule_as_it_is_checked() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for path in (ROOT / "src" / "eotiles").iterdir():
        if path.is_dir() and (path / "__init__.py").exists():
            assert f"    {path.name}/ " in text or f" {path.name}/ " in text, path.name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rule = "\n".join(f"    {layer}" for layer in layers if layer != "__main__")
    assert rule in text


def test_a_file_that_does_not_exist_is_noticed() -> None:
    found = named_paths("see `core/nothing.py`, `docs/` and `eotiles db start`")
    assert found == {"core/nothing.py", "docs/"}
    assert not exists("core/nothing.py")
    assert exists("core/errors.py")
    assert exists("docs/")


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages()
        for target in links(page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_every_page_is_in_the_index() -> None:
    index = links((ROOT / "docs" / "README.md").read_text())
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or path.name in index, f"{path.name} is not in the index"


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    records = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert records
    assert records == links((folder / "README.md").read_text())
    for name in sorted(records):
        text = (folder / name).read_text()
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name)
        assert text.startswith(f"# {name[:4]} ")
        assert re.search(r"^Status: (proposed|accepted|superseded by \d{4})\.", text, re.MULTILINE)
        for part in ("Context", "Decision", "Alternatives", "Consequences"):
            assert f"\n## {part}\n" in text, f"{name} lacks {part}"


def verbs() -> list[str]:
    """Every verb of the command line: `serve`, `db start`, …"""
    command = get_command(app)
    found = []
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
        inner = getattr(sub, "commands", None)
        found += [f"{name} {verb}" for verb in inner] if inner else [name]
    return found


def test_every_verb_is_documented() -> None:
    text = "\n".join(path.read_text() for path in pages() if path.name != "settings.md")
    assert len(verbs()) >= 8
    missing = [verb for verb in verbs() if not re.search(rf"eotiles {verb}\b", text)]
    assert not missing


def test_the_reference_of_settings_is_up_to_date() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page == reference(), "run `make settings`"
    for name in Settings.model_fields:
        assert f"| `{variable(name)}` |" in page


def test_the_reference_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference()
    monkeypatch.setenv("EOTILES_PORT", "1234")
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert reference() == before


def test_settings_in_force_are_printed_and_secrets_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EOTILES_PORT", "1234")
    monkeypatch.setenv("EOTILES_DATABASE_URL", "postgresql://me:canary@host/name")
    done = CliRunner().invoke(app, ["settings"])
    assert done.exit_code == 0
    assert "EOTILES_PORT=1234\n" in done.output
    assert "canary" not in done.output
    assert done.output == in_force(Settings())
    done = CliRunner().invoke(app, ["settings", "--markdown"])
    assert done.output == reference()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EOTILES_PORT", "canary", "EOTILES_PORT: Input should be a valid integer"),
        ("EOTILES_PORT", "99999", "EOTILES_PORT: Input should be less than or equal to 65535"),
        ("EOTILES_LOG_LEVEL", "canary", "EOTILES_LOG_LEVEL: Input should be 'DEBUG'"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence_without_its_value(
    name: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["eotiles", "settings"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"eotiles: {said}")
    assert len(told.splitlines()) == 1
    assert "canary" not in told


def test_a_port_that_is_none_is_refused_before_anything_starts() -> None:
    for command in ("serve", "demo"):
        done = CliRunner().invoke(app, [command, "--port", "99999"])
        assert done.exit_code == 2
        assert "65535" in done.output


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(\d[^\]]*)\]", text, flags=re.MULTILINE)
    assert versions[0] == eotiles.__version__
    assert text.index("## [Unreleased]") < text.index(f"## [{versions[0]}]")


def test_pages_stay_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
    # Two printed pages: about 60 lines each.
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 120


def test_no_file_gives_the_makers_machine_away() -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in text_files()
        for pattern in FORBIDDEN
        if (match := pattern.search(text))
    ]
    assert not found


@pytest.mark.parametrize("text", ["in /ho" + "me/me/x", "see /ro" + "ot/.cache"])
def test_a_path_of_a_machine_is_noticed(text: str) -> None:
    assert any(pattern.search(text) for pattern in FORBIDDEN)


def test_licence_and_notice_are_what_the_package_says() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    notice = (ROOT / "NOTICE").read_text()
    for name in ("Awesome Spectral Indices", "MapLibre", "Natural Earth", "Copernicus Sentinel"):
        assert name in notice, f"NOTICE does not name {name}"
