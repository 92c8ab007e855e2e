"""Which query parameters of an application take one value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute, iter_route_contexts


def scalar_parameters(app: FastAPI) -> frozenset[str]:
    """Query parameters that take one value on every route that has them.

    Read off the routes' declarations: the OpenAPI description says the same, but takes over a second to make.
    """
    one: set[str] = set()
    many: set[str] = set()
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            continue
        for field in get_flat_params(context.dependant):
            if getattr(field.field_info, "in_", None) is ParamTypes.query:
                takes_many = _is_sequence(field.field_info.annotation)
                (many if takes_many else one).add(field.validation_alias or field.alias)
    return frozenset(one - many)


def _is_sequence(annotation: Any) -> bool:
    """Whether list[int], list[str] | None, Annotated[set[str], …] and the like."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, (Sequence, set, frozenset)):
        return not issubclass(kind, (str, bytes))
    return any(_is_sequence(part) for part in get_args(annotation))
