"""Colormaps and algorithms: TiTiler's parameters, whose every mistake is a sentence instead of an internal error."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import HTTPException, Query
from rio_tiler.colormap import cmap, parse_color
from rio_tiler.errors import RioTilerError
from rio_tiler.models import ImageData
from titiler.core.algorithm import algorithms
from titiler.core.algorithm.base import BaseAlgorithm

from eotiles.core.errors import BadParameter
from eotiles.render.colour import Colormap, Colour

COLOURS_MAX = 1024
TEXT_MAX = 65_536


def colormap_params(
    colormap_name: Annotated[
        Literal[tuple(cmap.list())] | None,  # type: ignore[valid-type]
        Query(description="Name of a colormap (see /colorMaps)."),
    ] = None,
    colormap: Annotated[
        str | None,
        Query(
            description='JSON: {"0": "#fff", …} for values, or [[[low, high], [r, g, b, a]], …] for intervals.'
        ),
    ] = None,
) -> Colormap | None:
    """The colormap that a request names or defines.

    Raises:
        BadParameter: the definition cannot be read.
    """
    if colormap_name:
        found: Colormap = cmap.get(colormap_name)
        return found
    if colormap:
        return parse_colormap(colormap)
    return None


def parse_colormap(text: str) -> Colormap:
    """A colormap from JSON.

    Raises:
        BadParameter: it is not JSON, too large, or holds something that is no number or no colour.
    """
    if len(text) > TEXT_MAX:
        raise BadParameter(f"colormap: at most {TEXT_MAX} characters")
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            entries = len(found)
            parsed: Colormap = {int(value): _colour(colour) for value, colour in found.items()}
        else:
            entries = len(found)
            parsed = [
                ((_number(low), _number(high)), _colour(colour)) for (low, high), colour in found
            ]
    except (ValueError, TypeError, RecursionError, RioTilerError) as error:
        raise BadParameter(
            'colormap takes JSON: {"0": "#fff", …} for values, or [[[low, high], [r, g, b, a]], …] for intervals'
        ) from error
    if not 1 <= entries <= COLOURS_MAX:
        raise BadParameter(f"colormap takes 1 to {COLOURS_MAX} entries, got {entries}")
    return parsed


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _colour(value: Any) -> Colour:
    if isinstance(value, list) and not all(type(part) is int for part in value):
        raise ValueError(value)
    red, green, blue, alpha = parse_color(value)
    if not all(isinstance(part, int) and 0 <= part <= 255 for part in (red, green, blue, alpha)):
        raise ValueError(value)
    return red, green, blue, alpha


@dataclass(frozen=True)
class Algorithm:
    """A TiTiler algorithm as a request asks for it. Calling it never fails but in a sentence."""

    name: str
    apply: BaseAlgorithm

    @property
    def key(self) -> str:
        """Canonical text: its name and all its parameters."""
        return f"{self.name} {self.apply.model_dump_json()}"

    def __call__(self, image: ImageData) -> ImageData:
        try:
            # Of masked pixels too, whatever lies there.
            with np.errstate(all="ignore"):
                return self.apply(image)
        except (ValueError, TypeError, IndexError, ArithmeticError, AssertionError) as error:
            raise BadParameter(
                f"algorithm {self.name!r} cannot be applied to this layer"
            ) from error


_upstream: Callable[[str | None, str | None], BaseAlgorithm | None] = algorithms.dependency


def algorithm_params(
    algorithm: Annotated[
        Literal[tuple(algorithms.list())] | None,  # type: ignore[valid-type]
        Query(description="Algorithm name"),
    ] = None,
    algorithm_params: Annotated[str | None, Query(description="Algorithm parameters, JSON")] = None,
) -> Algorithm | None:
    """The algorithm that a request names, with its parameters.

    Raises:
        BadParameter: the parameters are not a JSON object, or not the algorithm's.
    """
    if algorithm is None:
        return None
    try:
        made = _upstream(algorithm, algorithm_params)
    except (HTTPException, ValueError, TypeError, RecursionError) as error:
        raise BadParameter(
            f"algorithm_params takes a JSON object with parameters of {algorithm!r} (see /algorithms/{algorithm})"
        ) from error
    return None if made is None else Algorithm(algorithm, made)
