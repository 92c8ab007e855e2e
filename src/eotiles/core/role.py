"""What a connection to the database may do."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["read", "ingest", "admin"]
"""`read` searches and may register a search, `ingest` writes items and collections, `admin` migrates."""

ROLES: tuple[Role, ...] = get_args(Role)


def login(role: Role) -> str:
    """Name of the role's login in PostgreSQL: eotiles_read, eotiles_ingest, eotiles_admin."""
    return f"eotiles_{role}"
