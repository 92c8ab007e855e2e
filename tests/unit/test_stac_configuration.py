"""What stac-fastapi-pgstac is told, and that nothing else tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncpg import exceptions
from asyncpg.connect_utils import _parse_connect_dsn_and_args

from eotiles.core.errors import (
    BadParameter,
    Conflict,
    EotilesError,
    NotFound,
    SetupError,
    Unavailable,
)
from eotiles.http.stac.configuration import api_settings, postgres_settings
from eotiles.http.stac.connections import translate
from eotiles.settings import Settings


def settings(url: str, **more: object) -> Settings:
    return Settings(_env_file=None, database_url=url, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "addresses", "login"),
    [
        (
            "postgresql://me:s%2F3%20c@db.example:6543/stac",
            [("db.example", 6543)],
            ("me", "s/3 c", "stac"),
        ),
        (
            "postgresql://me@/stac?host=/run/pg&port=6543",
            ["/run/pg/.s.PGSQL.6543"],
            ("me", None, "stac"),
        ),
        (
            "postgresql://a@h1,h2:6000/d?connect_timeout=5",
            [("h1", 5432), ("h2", 6000)],
            ("a", None, "d"),
        ),
    ],
)
def test_every_form_of_address_reaches_asyncpg(
    url: str, addresses: list[object], login: tuple[object, ...]
) -> None:
    made = postgres_settings(settings(url), "read")
    unset = (
        "host",
        "port",
        "user",
        "password",
        "passfile",
        "database",
        "ssl",
        "service",
        "servicefile",
    )
    found, parameters = _parse_connect_dsn_and_args(
        dsn=made.connection_string,
        **dict.fromkeys((*unset, "krbsrvname", "gsslib", "target_session_attrs")),
        direct_tls=False,
        server_settings=made.server_settings.model_dump(),
    )
    assert [*found] == addresses
    assert (parameters.user, parameters.password, parameters.database) == login


def test_an_address_that_is_none_is_explained_without_its_password() -> None:
    with pytest.raises(SetupError, match="PostgreSQL") as raised:
        postgres_settings(settings("postgresql://me:se cret@db/stac"), "read")
    assert "cret" not in str(raised.value)


def test_readers_never_write_and_are_never_slow() -> None:
    session = postgres_settings(
        settings("postgresql://a@b/c", statement_timeout_s=2.5), "read"
    ).server_settings
    made = session.model_dump()
    assert made["pgstac.readonly"] == "true"
    assert (made["statement_timeout"], made["lock_timeout"]) == ("2500", "1000")
    writer = postgres_settings(
        settings("postgresql://a@b/c"), "ingest"
    ).server_settings.model_dump()
    assert "pgstac.readonly" not in writer


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ENABLE_TRANSACTIONS_EXTENSIONS=TRUE\nDB_MAX_CONN_SIZE=99\n")
    for name, value in {
        "ENABLE_TRANSACTIONS_EXTENSIONS": "TRUE",
        "USE_API_HYDRATE": "FALSE",
        "ROOT_PATH": "/elsewhere",
        "STAC_FASTAPI_TITLE": "another",
        "DB_MIN_CONN_SIZE": "5",
        "PGUSER": "somebody",
    }.items():
        monkeypatch.setenv(name, value)
    given = settings("postgresql://a@b/c", title="mine", database_pool_max=7)
    api = api_settings(given)
    assert not api.enable_transactions_extensions
    assert (api.use_api_hydrate, api.root_path, api.stac_fastapi_title) == (True, "", "mine")
    pool = postgres_settings(given, "read")
    assert (pool.db_min_conn_size, pool.db_max_conn_size, pool.pguser) == (0, 7, "a")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.RaiseError("Invalid paging token: x"), BadParameter),
        (exceptions.InvalidDatetimeFormatError("x"), BadParameter),
        (exceptions.UndefinedFunctionError("x"), BadParameter),
        (exceptions.QueryCanceledError("x"), Unavailable),
        (exceptions.LockNotAvailableError("x"), Unavailable),
        (exceptions.DeadlockDetectedError("x"), Unavailable),
        (exceptions.TooManyConnectionsError("x"), Unavailable),
        (exceptions.AdminShutdownError("x"), Unavailable),
        (exceptions.CannotConnectNowError("x"), Unavailable),
        (exceptions.InvalidPasswordError("x"), Unavailable),
        (exceptions.InvalidCatalogNameError("x"), Unavailable),
        (exceptions.UndefinedTableError("x"), Unavailable),
        (exceptions.UniqueViolationError("x"), Conflict),
        (exceptions.NoDataFoundError("x"), NotFound),
        (exceptions.InsufficientPrivilegeError("x"), type(None)),
    ],
)
def test_every_trouble_of_the_database_has_a_meaning(
    error: exceptions.PostgresError, kind: type[EotilesError]
) -> None:
    assert type(translate(error)) is kind


def test_what_postgresql_says_is_one_line() -> None:
    told = translate(exceptions.RaiseError("Invalid sortby x\nCONTEXT: PL/pgSQL function"))
    assert str(told) == "Invalid sortby x"


def test_a_data_folder_means_the_same_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = Settings(_env_file=None, data=Path("here"))
    assert relative.assets == tmp_path / "here" / "assets"
