"""What pydantic found wrong, as one sentence."""

from __future__ import annotations

from pydantic import ValidationError


def explain(error: ValidationError) -> str:
    """Which members are wrong, and how."""
    problems = [
        f"{'.'.join(str(part) for part in each['loc']) or 'search'}: {each['msg'].removeprefix('Value error, ')}"
        for each in error.errors()[:5]
    ]
    return "; ".join(problems)[:1000]
