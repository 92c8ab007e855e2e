"""Who may write over HTTP: keys, of which a server holds the hash of a token, a name, and the collections it is for."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

EVERYTHING = "*"
"""Scope of a key that may write every collection."""

MOST_KEYS = 1000
"""Each is compared with every token that comes."""

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCOPE = re.compile(r"\*|[^\s*,]{1,200}\*?")


@dataclass(frozen=True)
class Key:
    """A key that may write some collections."""

    name: str
    """For people and for the log: letters, digits, dots, dashes, underscores; at most 64."""

    sha256: str
    """Of the token, 64 hexadecimal digits. The token itself is nowhere on the server."""

    collections: tuple[str, ...] = (EVERYTHING,)
    """Ids of collections; with a star at its end, all ids that begin so."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"the name {self.name[:64]!r} of a key is not made of letters, digits, dots, dashes and underscores"
            )
        if not _HASH.fullmatch(self.sha256):
            raise ValueError(f"what follows the name {self.name!r} is no SHA-256 (64 hex digits)")
        for scope in self.collections or ("",):
            if not _SCOPE.fullmatch(scope):
                raise ValueError(
                    f"{scope[:64]!r} names no collections for the key {self.name!r}: write an id, "
                    "the beginning of ids with a star behind it, or * for all"
                )

    def allows(self, collection: str) -> bool:
        """Whether it may write this collection."""
        return any(
            collection.startswith(scope[:-1]) if scope.endswith("*") else collection == scope
            for scope in self.collections
        )

    def __str__(self) -> str:
        """Its line in a file of keys."""
        return f"{self.name} {self.sha256} {','.join(self.collections)}"


def hash_token(token: str) -> str:
    """SHA-256 of a token, as a Key holds it. Tokens are 32 random bytes: nothing slower is needed to hide them."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_key(keys: Iterable[Key], token: str) -> Key | None:
    """The key of a token.

    Every key is compared, in constant time each, so that time says nothing about which came close.
    """
    sent = hash_token(token)
    found = [key for key in keys if hmac.compare_digest(sent, key.sha256)]
    return found[0] if found else None


def parse_keys(lines: Iterable[str]) -> tuple[Key, ...]:
    """Keys of lines `NAME SHA256 COLLECTIONS`, or of a hash alone, which may write everything. `#` begins a remark.

    Raises:
        ValueError: a line is none of these, two keys have one name or one token, or there are too many.
    """
    keys: list[Key] = []
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            keys.append(_key(words))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    keys = list(dict.fromkeys(keys))
    for what, values in (
        ("name", [key.name for key in keys]),
        ("token", [key.sha256 for key in keys]),
    ):
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise ValueError(f"two keys have the same {what} ({twice[:12]})")
    if len(keys) > MOST_KEYS:
        raise ValueError(f"there are {len(keys)} keys; at most {MOST_KEYS} are compared")
    return tuple(keys)


def _key(words: list[str]) -> Key:
    if len(words) == 1 and _HASH.fullmatch(words[0].lower()):
        return Key(f"key-{words[0][:8].lower()}", words[0].lower())
    if len(words) != 3:
        raise ValueError("a key is written NAME SHA256 COLLECTIONS (three words), or as a hash")
    name, sha256, collections = words
    return Key(name, sha256.lower(), tuple(collections.split(",")))
