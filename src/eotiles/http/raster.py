"""The raster API (`/raster`): titiler-pgstac's routes, drawn our way, with `index=`, `/indices`, `/legend` on top."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from threading import Thread
from typing import Any

import jinja2
import structlog
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI
from starlette.templating import Jinja2Templates
from titiler.core.factory import (
    AlgorithmFactory,
    BaseFactory,
    ColorMapFactory,
    FactoryExtension,
    MultiBaseTilerFactory,
    TMSFactory,
)
from titiler.core.middleware import CacheControlMiddleware
from titiler.core.utils import update_openapi
from titiler.extensions.render import stacRenderExtension
from titiler.pgstac.extensions import searchInfoExtension
from titiler.pgstac.factory import (
    MosaicTilerFactory,
    add_search_list_route,
    add_search_register_route,
)

import eotiles
from eotiles.catalog.registry import Registry
from eotiles.http.admission import Admission
from eotiles.http.body import StrictJson
from eotiles.http.known import KnownCounters
from eotiles.http.service import equip
from eotiles.http.tiles.counters import BlockCounters
from eotiles.http.tiles.flights import Flights
from eotiles.http.tiles.named import NamedRoute
from eotiles.http.tiles.preview import ItemPreviewRoute, PreviewExtension
from eotiles.http.tiles.route import TileRoute
from eotiles.http.titiler import parameters
from eotiles.http.titiler.backend import MosaicBackend
from eotiles.http.titiler.drawing import Access
from eotiles.http.titiler.encoding import encode
from eotiles.http.titiler.errors import RASTER_ERRORS
from eotiles.http.titiler.finder import FinderParams
from eotiles.http.titiler.indices import IndicesExtension, add_indices
from eotiles.http.titiler.landing import add_landing
from eotiles.http.titiler.legends import LegendExtension, add_legend
from eotiles.http.titiler.limits import within_limits
from eotiles.http.titiler.mappage import MapPageExtension
from eotiles.http.titiler.matrices import MATRICES
from eotiles.http.titiler.paths import collection_path, item_path, search_path
from eotiles.http.titiler.reader import ItemReader
from eotiles.http.titiler.renders import item_renders, mosaic_renders, search_body
from eotiles.http.titiler.shapes import SECONDS_MAX
from eotiles.http.titiler.styling import algorithm_params, colormap_params
from eotiles.http.titiler.tilejson import TileJsonExtension
from eotiles.http.titiler.wmts import WmtsExtension
from eotiles.read.hrefs import allow_list
from eotiles.read.library import Library
from eotiles.read.stores import open_stores
from eotiles.read.web import Web
from eotiles.runtime import conninfo, open_database, open_known
from eotiles.settings import Settings
from eotiles.tiler import warm, warm_rest

BODY_MAX_BYTES = 2**20
BODY_MAX_VALUES = 100_000

_NO_PICTURE = r"(?!.*/(tiles/[^/]+/\d+/\d+/\d+(\.\w+)?$|preview|bbox/|legend$)).*"
"""Paths of everything but pictures: those are kept for an hour, descriptions follow the catalogue within a minute."""


def create_raster(settings: Settings) -> FastAPI:
    """The raster service: items, collections and registered searches as tiles, pictures and numbers."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            app.state.database = await stack.enter_async_context(open_database(settings, "read"))
            app.state.known = await stack.enter_async_context(
                open_known(settings, app.state.database)
            )
            registry = app.state.meters.registry
            for counters in (KnownCounters(app.state.known), BlockCounters(library)):
                registry.register(counters)
                stack.callback(registry.unregister, counters)
            app.state.dbpool = stack.enter_context(
                Registry(
                    conninfo(settings, "read"),
                    wait_s=settings.database_wait_s,
                    statement_timeout_s=settings.statement_timeout_s,
                )
            )
            stack.enter_context(library)
            pool = stack.enter_context(
                ThreadPoolExecutor(settings.read_threads, thread_name_prefix="draw")
            )
            app.state.flights = Flights(pool, seconds=SECONDS_MAX)
            # Now, so that no request waits for it: kernels, and FastAPI's description of the routes (0.7 and 1.4 s).
            await run_sync(warm)
            # A daemon: a compiler cannot be interrupted, and SIGTERM is not to wait for it.
            Thread(target=warm_rest, name="warm", daemon=True).start()
            await run_sync(app.openapi)
            yield

    app = FastAPI(
        title=f"{settings.title}: raster API",
        description="Tiles, pictures and numbers of the catalogue's imagery: TiTiler-PgSTAC's routes and more.",
        version=eotiles.__version__,
        openapi_url="/api",
        docs_url="/api.html",
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(within_limits)],
    )
    update_openapi(app)
    templates = Jinja2Templates(env=_templates())
    library = make_library(settings)
    access = Access(
        roots=allow_list(settings.roots), library=library, max_pixels=settings.max_pixels
    )
    app.router.routes.insert(0, TileRoute(access=access))
    app.router.routes.insert(0, ItemPreviewRoute(app.router))
    app.router.routes.insert(0, NamedRoute(app.router, access=access))
    reader = partial(ItemReader, access=access)
    page = MapPageExtension(raster_path=settings.raster_path)
    preview = PreviewExtension(access=access)
    searches = _mosaics("/searches/{search_id}", search_path, reader, templates, preview)
    factories: dict[str, BaseFactory] = {
        "STAC Search": searches,
        "STAC Collection": _mosaics(
            "/collections/{collection_id}", collection_path, reader, templates, preview, page
        ),
        "STAC Item": _items(
            "/collections/{collection_id}/items/{item_id}", reader, templates, page
        ),
        "Tiling Schemes": TMSFactory(supported_tms=MATRICES, templates=templates),
        "Algorithms": AlgorithmFactory(templates=templates),
        "ColorMaps": ColorMapFactory(templates=templates),
    }
    add_search_list_route(app, prefix="/searches", tags=["STAC Search"])
    add_search_register_route(
        app,
        prefix="/searches",
        search_dependency=search_body,
        tile_dependencies=_tile_dependencies(searches),
        tags=["STAC Search"],
    )
    for tag, factory in factories.items():
        app.include_router(factory.router, tags=[tag], prefix=factory.router_prefix)
    ours = APIRouter(tags=["Spectral indices"])
    add_indices(ours)
    add_legend(ours)
    app.include_router(ours)
    conforms_to = set().union(*(factory.conforms_to for factory in factories.values()))
    add_landing(app, title=settings.title, conforms_to=conforms_to, templates=templates)

    async def ready() -> None:
        await app.state.database.ping()

    app.add_middleware(
        CacheControlMiddleware, cachecontrol="public, max-age=3600", exclude_path={_NO_PICTURE}
    )
    app.add_middleware(
        CacheControlMiddleware,
        cachecontrol="public, max-age=60",
        # What changes with the catalogue, or with nothing at all, is not kept.
        exclude_path={
            r".*/(healthz|readyz|metrics)$",
            r".*/searches(/|/list)?$",
            r".*/info(\.geojson)?$",
        },
    )
    app.add_middleware(Admission, working=settings.read_threads, waiting=settings.read_queue)
    # Outside the admission: a body that trickles in takes nobody's place.
    app.add_middleware(
        StrictJson,
        most_bytes=BODY_MAX_BYTES,
        most_values=BODY_MAX_VALUES,
        refusal_status=422,
    )
    equip(app, service="raster", settings=settings, ready=ready, foreign=RASTER_ERRORS)
    return app


def make_library(settings: Settings) -> Library:
    """What reads imagery in this process, with its share of the memory for decoded blocks."""
    processes = settings.web_concurrency
    if processes > 1:
        structlog.get_logger("eotiles").warning(
            "each process decodes blocks for itself: one process a machine is best",
            processes=processes,
        )
    proxy = settings.asset_proxy or None
    return Library(
        open_stores(web=Web(private_hosts=settings.private_hosts, proxy=proxy)),
        blocks_bytes=settings.block_cache_mb * 2**20 // processes,
        proxy=proxy,
    )


def _items(
    prefix: str, reader: Any, templates: Jinja2Templates, page: MapPageExtension
) -> MultiBaseTilerFactory:
    return MultiBaseTilerFactory(
        reader=reader,
        path_dependency=item_path,
        router_prefix=prefix,
        supported_tms=MATRICES,
        assets_dependency=parameters.AssetsParams,
        img_preview_dependency=parameters.PreviewParams,
        get_renders=item_renders,
        extensions=[
            WmtsExtension(),
            stacRenderExtension(),
            IndicesExtension(),
            LegendExtension(),
            TileJsonExtension(),
            page,
        ],
        templates=templates,
        **_common(),
    )


def _mosaics(
    prefix: str,
    path_dependency: Any,
    reader: Any,
    templates: Jinja2Templates,
    *more: FactoryExtension,
) -> MosaicTilerFactory:
    return MosaicTilerFactory(
        backend=MosaicBackend,
        backend_dependency=FinderParams,
        dataset_reader=reader,
        path_dependency=path_dependency,
        router_prefix=prefix,
        supported_tms=MATRICES,
        add_statistics=True,
        add_part=True,
        get_renders=mosaic_renders,
        extensions=[
            searchInfoExtension(),
            WmtsExtension(),
            IndicesExtension(),
            LegendExtension(),
            TileJsonExtension(),
            *more,
        ],
        templates=templates,
        **_common(),
    )


def _common() -> dict[str, Any]:
    """What items and mosaics have in common: our parameters and our encoder in the places that TiTiler has for them."""
    return {
        # Its viewer loads scripts and a base map from other sites; mappage.py has ours.
        "add_viewer": False,
        "reader_dependency": parameters.ScopeParams,
        "layer_dependency": parameters.LayerParams,
        "dataset_dependency": parameters.ReadingParams,
        "tile_dependency": parameters.TileParams,
        "stats_dependency": parameters.StatisticsParams,
        "histogram_dependency": parameters.HistogramParams,
        "img_part_dependency": parameters.PartParams,
        "process_dependency": algorithm_params,
        "colormap_dependency": colormap_params,
        "render_dependency": parameters.RenderParams,
        "render_func": encode,
    }


def _tile_dependencies(factory: MosaicTilerFactory) -> list[Any]:
    """Dependencies that a render's parameters must satisfy."""
    return [
        factory.layer_dependency,
        factory.dataset_dependency,
        factory.pixel_selection_dependency,
        factory.process_dependency,
        factory.render_dependency,
        factory.assets_accessor_dependency,
        factory.reader_dependency,
        factory.backend_dependency,
    ]


def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        autoescape=jinja2.select_autoescape(["html", "xml"]),
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("titiler.pgstac", "templates"),
                jinja2.PackageLoader("titiler.core", "templates"),
            ]
        ),
    )
