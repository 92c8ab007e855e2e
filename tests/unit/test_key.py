"""Keys that may write over HTTP: their file, what they may write, and the command that makes one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from eotiles.cli.token import token as token_command
from eotiles.core.errors import SetupError
from eotiles.core.key import MOST_KEYS, Key, find_key, hash_token, parse_keys
from eotiles.runtime import writing_keys
from eotiles.settings import Settings

ONE, TWO = hash_token("one"), hash_token("two")


@pytest.mark.parametrize(
    ("scope", "collection", "may"),
    [
        ("*", "anything", True),
        ("naip", "naip", True),
        ("naip", "naip-2", False),
        ("naip", "nai", False),
        ("naip", "NAIP", False),
        ("landsat-*", "landsat-c2-l2", True),
        ("landsat-*", "landsat-", True),
        ("landsat-*", "landsat", False),
        ("landsat-*", "my-landsat-c2", False),
        ("a,b-*", "b-1", True),
        ("a,b-*", "a-1", False),
    ],
)
def test_a_key_is_for_some_collections(scope: str, collection: str, may: bool) -> None:
    assert Key("ci", ONE, tuple(scope.split(","))).allows(collection) is may


@pytest.mark.parametrize("scope", ["", "a*b", "**", "a b", "a,", "*-l2", "x" * 202])
def test_scopes_that_mean_nothing_are_refused(scope: str) -> None:
    with pytest.raises(ValueError, match="collections"):
        Key("ci", ONE, tuple(scope.split(",")))


@pytest.mark.parametrize("name", ["", "a b", "a\n", "ü", "-a", "x" * 65, "a\x1b[31m"])
def test_names_can_stand_in_a_log(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Key(name, ONE)


def test_a_file_of_keys() -> None:
    text = f"# who writes\n\nci {ONE} landsat-*,naip # nightly\n{TWO.upper()}\n"
    keys = parse_keys(text.splitlines())
    assert keys == (Key("ci", ONE, ("landsat-*", "naip")), Key(f"key-{TWO[:8]}", TWO, ("*",)))
    assert parse_keys(map(str, keys)) == keys
    assert find_key(keys, "one") == keys[0]
    assert find_key(keys, "two") == keys[1]
    assert find_key(keys, ONE) is None, "the hash is no token"
    assert parse_keys([ONE, ONE]) == (Key(f"key-{ONE[:8]}", ONE),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ci", "line 1: a key is written"),
        (f"\nci {ONE}", "line 2: a key is written"),
        (f"ci {ONE[:-1]} *", "no SHA-256"),
        (f"ci {ONE} a b", "line 1"),
        (f"ci {ONE} *\nci {TWO} *", "same name"),
        (f"ci {ONE} *\nme {ONE} a", "same token"),
        ("\n".join(hash_token(str(n)) for n in range(MOST_KEYS + 1)), "at most"),
    ],
)
def test_files_that_cannot_be_right(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_keys(text.splitlines())


class TestSettings:
    def keys(self, **values: object) -> tuple[Key, ...]:
        return writing_keys(Settings(_env_file=None, **values))  # type: ignore[arg-type]

    def test_nobody_at_first(self) -> None:
        assert self.keys() == ()

    def test_hashes_in_the_environment_may_write_everything(self) -> None:
        keys = self.keys(ingest_token_sha256=f"{ONE}, {TWO},")
        assert [(key.sha256, key.collections) for key in keys] == [(ONE, ("*",)), (TWO, ("*",))]

    def test_a_file_and_the_environment_together(self, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        file.write_text(f"ci {ONE} a\n")
        keys = self.keys(ingest_token_sha256_file=file, ingest_token_sha256=TWO)
        assert [key.name for key in keys] == ["ci", f"key-{TWO[:8]}"]

    @pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
    def test_a_file_that_others_could_change_is_refused(self, tmp_path: Path, mode: int) -> None:
        file = tmp_path / "keys"
        file.write_text(f"ci {ONE} a\n")
        file.chmod(mode)
        with pytest.raises(SetupError, match="chmod go-w") as told:
            self.keys(ingest_token_sha256_file=file)
        assert str(tmp_path) not in str(told.value)

    def test_files_that_cannot_be_used(self, tmp_path: Path) -> None:
        with pytest.raises(SetupError, match="cannot be read"):
            self.keys(ingest_token_sha256_file=tmp_path / "none")
        (tmp_path / "keys").write_bytes(b"\xff\xfe")
        with pytest.raises(SetupError, match="cannot be read"):
            self.keys(ingest_token_sha256_file=tmp_path / "keys")
        (tmp_path / "keys").write_text("ci nothing *")
        with pytest.raises(SetupError, match=r"line 1.*EOTILES_INGEST_TOKEN_SHA256_FILE"):
            self.keys(ingest_token_sha256_file=tmp_path / "keys")


class TestCommand:
    def run(self, *arguments: str) -> str:
        command = typer.Typer()
        command.command()(token_command)
        result = CliRunner().invoke(command, list(arguments))
        if isinstance(result.exception, SetupError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def test_it_makes_a_token_and_its_hash(self) -> None:
        first, second = self.run().splitlines(), self.run().splitlines()
        token = first[1].strip()
        assert token != second[1].strip()
        assert len(token) >= 43, "32 random bytes"
        (key,) = parse_keys([first[3].strip()])
        assert find_key([key], token) == key
        assert key.collections == ("*",)
        assert f"EOTILES_INGEST_TOKEN_SHA256={key.sha256}" in first[5]

    def test_it_adds_to_a_file(self, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        tokens = {}
        for name, collections in (("ci", "a, b-*"), ("me", "*")):
            said = self.run("--name", name, "--collections", collections, "--file", str(file))
            tokens[name] = said.splitlines()[1].strip()
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        keys = writing_keys(Settings(_env_file=None, ingest_token_sha256_file=file))
        assert [(key.name, key.collections) for key in keys] == [
            ("ci", ("a", "b-*")),
            ("me", ("*",)),
        ]
        assert all(find_key(keys, tokens[key.name]) == key for key in keys)
        before = file.read_text()
        for wrong in (["--name", "ci"], ["--name", "a b"], ["--name", "x", "--collections", "a*b"]):
            with pytest.raises(SetupError, match=r"name|collections"):
                self.run(*wrong, "--file", str(file))
        assert file.read_text() == before

    def test_a_file_without_a_last_newline(self, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        file.write_text(ONE)
        self.run("--name", "ci", "--file", str(file))
        assert len(parse_keys(file.read_text().splitlines())) == 2
