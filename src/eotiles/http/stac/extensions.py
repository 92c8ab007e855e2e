"""Which STAC API extensions the catalogue has: filter, sort, fields, query, free text, collection search, counts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from stac_fastapi.extensions import (
    CollectionSearchFilterExtension,
    ItemCollectionFilterExtension,
    SearchFilterExtension,
)
from stac_fastapi.extensions.filter import FilterConformanceClasses as Cql2
from stac_fastapi.extensions.filter.request import FilterExtensionPostRequest
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses
from stac_fastapi.extensions.query import QueryConformanceClasses, QueryExtension
from stac_fastapi.extensions.sort import (
    CollectionSearchSortExtension,
    ItemCollectionSortExtension,
    SearchSortExtension,
)
from stac_fastapi.pgstac.config import Settings as ApiSettings
from stac_fastapi.pgstac.extensions import FreeTextExtension
from stac_fastapi.pgstac.models.extensions import Extensions

from eotiles.catalog.query import OPERATORS
from eotiles.http.stac.aggregation import aggregation_extension
from eotiles.http.stac.queryables import Queryables, Sortables

SORT_1_0 = "https://api.stacspec.org/v1.0.0/item-search#sort"
"""pystac-client looks for this one; 1.1, which upstream names, adds the sortables."""

_CQL2 = [
    Cql2.ACCENT_INSENSITIVE_COMPARISON,
    Cql2.ADVANCED_COMPARISON_OPERATORS,
    Cql2.ARRAY_FUNCTIONS,
    Cql2.BASIC_SPATIAL_FUNCTIONS,
    Cql2.CASE_INSENSITIVE_COMPARISON,
    Cql2.SPATIAL_FUNCTIONS,
    Cql2.TEMPORAL_FUNCTIONS,
]
"""What pgSTAC does beyond basic CQL2; a test runs a filter of each.

Not comparisons of two properties: it compares numbers as texts where no queryable names the type.
"""


class FilterPostRequest(FilterExtensionPostRequest):
    """A filter in the body of a search: CQL2 JSON, or with `filter-lang` CQL2 text."""

    filter_expr: dict[str, Any] | str | None = Field(  # type: ignore[assignment]
        None, alias="filter", description="A CQL2 filter."
    )
    filter_lang: Literal["cql2-json", "cql2-text"] | None = Field(  # type: ignore[assignment]
        "cql2-json", alias="filter-lang"
    )


class QueryPostRequest(BaseModel):
    """The query in the body of a search; upstream's model lacks half of the operators."""

    query: dict[str, dict[str, Any]] | None = Field(
        None, description=f"Property → operator → value. Operators: {', '.join(OPERATORS)}."
    )


def query_extension(conformance_class: str) -> QueryExtension:
    """The query extension of a route."""
    extension = QueryExtension(conformance_classes=[conformance_class])
    extension.POST = QueryPostRequest
    return extension


def read_extensions(settings: ApiSettings) -> Extensions:
    """Everything that reads; what these maps leave out is as upstream has it."""
    search_filter = SearchFilterExtension(client=Queryables())
    search_filter.POST = FilterPostRequest
    search_filter.conformance_classes = [*search_filter.conformance_classes, *_CQL2]
    search_sort = SearchSortExtension(client=Sortables())
    search_sort.conformance_classes = [*search_sort.conformance_classes, SORT_1_0]
    query = query_extension(QueryConformanceClasses.SEARCH)
    free_text = FreeTextExtension(conformance_classes=[FreeTextConformanceClasses.SEARCH])
    return Extensions(
        search_map={
            "filter": search_filter,
            "sort": search_sort,
            "query": query,
            "free_text": free_text,
        },
        item_collection_map={
            "filter": ItemCollectionFilterExtension(client=Queryables()),
            "sort": ItemCollectionSortExtension(client=Sortables()),
            "query": query_extension(QueryConformanceClasses.ITEMS),
            "free_text": FreeTextExtension(conformance_classes=[FreeTextConformanceClasses.ITEMS]),
        },
        collection_search_map={"filter": CollectionSearchFilterExtension(client=Queryables())},
        # Upstream does not register the routes of collection search's own extensions.
        extra_map={
            "collections_sortables": CollectionSearchSortExtension(client=Sortables()),
            "aggregation": aggregation_extension([search_filter, query, free_text]),
        },
        settings=settings,
    )
