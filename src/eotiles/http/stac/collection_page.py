"""A page of a collection search, as upstream makes it but for the condition that what is found be a collection.

Upstream adds it to every search, since its catalogs lie in the same table; to pgSTAC it is two thirds of the work.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

from fastapi import Request
from stac_fastapi.pgstac.models.links import CollectionLinks, CollectionSearchPagingLinks
from stac_fastapi.types.requests import get_base_url
from stac_pydantic.links import Relations
from stac_pydantic.shared import MimeTypes

Json = dict[str, Any]

_SEARCH = """
SELECT CASE
  WHEN NOT EXISTS (SELECT FROM pgstac.collections WHERE content ->> 'type' IS DISTINCT FROM 'Collection')
    THEN pgstac.collection_search($1::text::jsonb)
END
"""


async def read_collections(request: Request, search: Json) -> Json | None:
    """Collections that fit, with their links; None where the table holds something else besides.

    `search` is in pgSTAC's words.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        found: Json | None = await connection.fetchval(_SEARCH, json.dumps(search))
    if found is None:
        return None
    base = get_base_url(request)
    for collection in found["collections"]:
        links = CollectionLinks(collection_id=collection["id"], request=request)
        collection["links"] = await links.get_links(extra_links=collection.get("links"))
        collection["links"].append(
            {
                "rel": Relations.queryables.value,
                "type": MimeTypes.jsonschema.value,
                "title": "Queryables",
                "href": urljoin(base, f"collections/{collection['id']}/queryables"),
            }
        )
        collection.pop("parent_ids", None)
    ways = {link["rel"]: link for link in found.get("links") or ()}
    paging = CollectionSearchPagingLinks(
        request=request, next=ways.get("next"), prev=ways.get("prev")
    )
    found["links"] = await paging.get_links()
    for count in ("numberMatched", "numberReturned"):
        found.setdefault(count, len(found["collections"]))
    return found
