"""What stac-fastapi-pgstac is configured with: our Settings, and no environment variable of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from stac_fastapi.pgstac.config import PostgresSettings, ServerSettings
from stac_fastapi.pgstac.config import Settings as ApiSettings

import eotiles
from eotiles.core.errors import SetupError
from eotiles.core.role import Role
from eotiles.runtime import conninfo
from eotiles.settings import Settings

TRANSACTIONS = (
    "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction",
    "https://api.stacspec.org/v1.0.0/collections/extensions/transaction",
)
"""Conformance classes of writing items and collections."""

WRITE_TIMEOUT_S = 30.0
"""Longest statement of a writer: pgSTAC may have to rearrange partitions."""

_ASYNCPG_UNDERSTANDS = {
    "host", "port", "user", "password", "dbname", "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl",
    "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname",
    "gsslib", "sslnegotiation",
}  # fmt: skip
"""What asyncpg reads in a connection URI; anything else it would send to PostgreSQL as a run-time setting."""


class _OnlyArguments(BaseSettings):
    """Settings that come from arguments alone: with the libraries' own, ENABLE_TRANSACTIONS_EXTENSIONS=true in the
    environment would open the catalogue for everybody to write."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


class ExplicitApiSettings(_OnlyArguments, ApiSettings):  # type: ignore[misc]
    """stac-fastapi's settings."""


class ExplicitPostgresSettings(_OnlyArguments, PostgresSettings):  # type: ignore[misc]
    """stac-fastapi's settings of a pool. The URI is made here: upstream's cannot name a unix socket or TLS."""

    uri: str

    @property
    def connection_string(self) -> str:
        return self.uri


def api_settings(settings: Settings) -> ApiSettings:
    """Read-only, with items put together here rather than in PostgreSQL: there it is 80 % of a large search."""
    return ExplicitApiSettings.model_validate(
        {
            "stac_fastapi_title": settings.title,
            "stac_fastapi_description": settings.description,
            "stac_fastapi_version": eotiles.__version__,
            "stac_fastapi_landing_id": "eotiles",
            "enable_transactions_extensions": False,
            "use_api_hydrate": True,
        }
    )


def postgres_settings(settings: Settings, role: Role) -> PostgresSettings:
    """A pool that opens connections when they are needed: the service starts, and stays, while the database is down.

    Raises:
        SetupError: the settings name no database that could be there.
    """
    is_reader = role == "read"
    timeout_s = settings.statement_timeout_s if is_reader else WRITE_TIMEOUT_S
    session: dict[str, Any] = {
        "search_path": "pgstac,public",
        "application_name": f"eotiles-{'stac' if is_reader else 'ingest'}",
        "statement_timeout": str(int(timeout_s * 1000)),
        "lock_timeout": "1000" if is_reader else "5000",
        "idle_in_transaction_session_timeout": "10000",
    }
    if is_reader:
        # Keeps pgSTAC from writing a row of `searches` on every search.
        session["pgstac.readonly"] = "true"
    parts = _parts(conninfo(settings, role))
    if "port" in parts:
        # libpq takes an empty port for the usual one, asyncpg does not.
        parts["port"] = ",".join(port or "5432" for port in parts["port"].split(","))
    understood = {key: value for key, value in parts.items() if key in _ASYNCPG_UNDERSTANDS}
    return ExplicitPostgresSettings.model_validate(
        {
            "pguser": parts.get("user", ""),
            "pgpassword": parts.get("password", ""),
            "pghost": parts.get("host", ""),
            "pgport": 5432,  # required, but what counts is in the URI
            "pgdatabase": parts.get("dbname", ""),
            "uri": f"postgresql://?{urlencode(understood)}",
            "db_min_conn_size": 0,
            "db_max_conn_size": settings.database_pool_max,
            "db_max_inactive_conn_lifetime": 0,
            "server_settings": ServerSettings.model_validate(session),
        }
    )


def _parts(uri: str) -> dict[str, str]:
    """What a connection URI says.

    Raises:
        SetupError: it is none.
    """
    try:
        return {key: str(value) for key, value in conninfo_to_dict(uri).items() if value}
    except ProgrammingError:
        # Its message quotes the part that it does not understand, which may be the password.
        raise SetupError(
            "the database's address is no PostgreSQL URI (EOTILES_DATABASE_URL)"
        ) from None
