"""The routes that write, as upstream makes them; but items come as they were sent, so that each is checked once."""

from __future__ import annotations

from typing import Annotated, Any

import attr
from fastapi import Body, Depends, FastAPI
from stac_fastapi.api.models import CollectionUri
from stac_fastapi.api.routes import create_async_endpoint
from stac_fastapi.extensions import BulkTransactionExtension, TransactionExtension
from stac_fastapi.types.config import ApiSettings

from eotiles.http.write.client import BulkClient, WritingClient
from eotiles.http.write.gate import check_path


@attr.s
class AnyItem(CollectionUri):
    """An item or an item collection. Checked by http/write/items.py, which names the items that are wrong."""

    item: Annotated[
        dict[str, Any],
        Body(description="A STAC Item, or a FeatureCollection of such: then all of them or none."),
    ] = attr.ib(default=None)


class Transactions(TransactionExtension):
    """Upstream's extension, whose model of POST would refuse a collection of items without naming one."""

    def register_create_item(self) -> None:
        self.router.add_api_route(
            name="Create Item",
            path="/collections/{collection_id}/items",
            status_code=201,
            response_model=None,
            response_class=self.response_class,
            methods=["POST"],
            endpoint=create_async_endpoint(self.client.create_item, AnyItem),
            dependencies=self.route_dependencies,
        )


def add_routes(app: FastAPI, settings: ApiSettings) -> None:
    """Every route that writes; each asks whether the key may write the collection of its path."""
    scoped = [Depends(check_path)]
    Transactions(client=WritingClient(), settings=settings, route_dependencies=scoped).register(app)
    BulkTransactionExtension(client=BulkClient(), route_dependencies=scoped).register(app)
