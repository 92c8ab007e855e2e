"""From settings to parts."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from eotiles.core.errors import SetupError
from eotiles.runtime import conninfo
from eotiles.settings import Settings


def of(url: str) -> Settings:
    return Settings(_env_file=None).model_copy(update={"database_url": SecretStr(url)})


def test_an_external_database_has_one_address_for_all_roles() -> None:
    url = "postgresql://me:word@db.example.org:5432/name"
    assert conninfo(of(url), "read") == conninfo(of(url), "ingest") == url
    assert conninfo(of("host=db user=me"), "read") == "host=db user=me"


@pytest.mark.parametrize(
    "url", ["nonsense:geheim", "postgresql://me:geheim@[db/name", "host=db geheim"]
)
def test_what_is_no_address_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(SetupError, match="EOTILES_DATABASE_URL is no address") as error:
        conninfo(of(url), "read")
    assert "geheim" not in str(error.value)
