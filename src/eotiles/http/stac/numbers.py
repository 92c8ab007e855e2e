"""JSON of the catalogue, read and written at once, also where a number is larger than others would write it.

A database keeps numbers of any length, and one item that has such a number must not be the end of every search that
finds it.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

MOST_DIGITS = 1000
"""Of a whole number; PostgreSQL keeps a hundred thousand."""


def from_json(text: str) -> Any:
    """What a JSON text of the database says. A fraction that no float holds is null; so is a number of many digits."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, parse_float=_finite, parse_int=_whole)


def to_json(value: Any) -> bytes:
    """JSON in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:  # a whole number beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= MOST_DIGITS else None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
