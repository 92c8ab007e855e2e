"""What the aggregation extension is asked: upstream's members of a search, and how fine to count.

No `from __future__ import annotations` here: attrs makes classes of these elsewhere, where FastAPI could not resolve
annotations that are texts.
"""

from typing import Annotated

import attr
from fastapi import Query
from pydantic import Field
from stac_fastapi.extensions.aggregation.request import AggregationExtensionGetRequest
from stac_fastapi.pgstac.types.search import PgstacSearch

from eotiles.catalog.aggregations import Interval

MOST_PRECISE = 8
"""Characters of a geohash: about 20 m."""

MOST_ZOOM = 18

_Interval = Annotated[
    Interval | None, Query(description="Of datetime_frequency; left out: chosen by the data.")
]
_Precision = Annotated[
    int | None, Query(ge=1, le=MOST_PRECISE, description="Characters of a geohash.")
]
_Zoom = Annotated[int | None, Query(ge=0, le=MOST_ZOOM, description="Zoom of a Web Mercator tile.")]


@attr.s
class AggregateGetRequest(AggregationExtensionGetRequest):
    """Which aggregations, and how fine."""

    datetime_frequency_interval: _Interval = attr.ib(default=None)
    centroid_geohash_grid_frequency_precision: _Precision = attr.ib(default=None)
    centroid_geotile_grid_frequency_precision: _Zoom = attr.ib(default=None)


class AggregatePostRequest(PgstacSearch):  # type: ignore[misc]
    """The same in a body."""

    aggregations: list[str] | None = Field(None, description="Names of aggregations to compute.")
    datetime_frequency_interval: Interval | None = None
    centroid_geohash_grid_frequency_precision: int = Field(4, ge=1, le=MOST_PRECISE)
    centroid_geotile_grid_frequency_precision: int = Field(7, ge=0, le=MOST_ZOOM)
