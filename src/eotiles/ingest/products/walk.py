"""`ingest_products`: the walk from products to items, one by one, each entirely or not at all.

A product is recognised and read by its kind (sentinel2, landsat, naip, sentinel1) → each of its files is read to the
last pixel → left where it is, or copied → item → one transaction.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import rasterio

from eotiles.core.errors import BadParameter, IngestRefused, Unavailable
from eotiles.ingest.files import Ingested, Progress, Summary, checked_summary, draw_thumbnail
from eotiles.ingest.folder import SceneFolder, retire, scene_folder
from eotiles.ingest.header import GDAL_OPTIONS
from eotiles.ingest.item import add_thumbnail
from eotiles.ingest.load import load_scene
from eotiles.ingest.options import IngestOptions, check_id
from eotiles.ingest.place import Placed, kept_path, place, publish
from eotiles.ingest.products.geocode import geocoded
from eotiles.ingest.products.product import Product, ProductFile, ProductKind
from eotiles.ingest.products.product_item import build_product_item, product_bands
from eotiles.ingest.scenes import Refusal
from eotiles.ingest.session import check_catalogue
from eotiles.ingest.survey import Survey, survey


@dataclass(frozen=True)
class ProductOptions:
    """What the person who ingests says about products; the rest is in their metadata."""

    collection: str | None = None
    """Collection id; None: the kind's own (sentinel-2-l2a, landsat-c2-l2, …)."""

    title: str | None = None
    description: str | None = None
    attribution: str | None = None
    """What maps must show; None: what the agency asks for."""

    copy: bool = False
    """Whether files are copied into the data folder, as cloud-optimised GeoTIFFs."""

    def of(self, product: Product) -> IngestOptions:
        """Options of the collection that a product goes into.

        Raises:
            BadParameter: an id is not fit to be one.
        """
        return IngestOptions(
            collection=self.collection or product.collection,
            title=self.title or product.title,
            description=self.description,
            attribution=self.attribution or product.attribution,
            license=product.license,
            license_url=product.license_url,
            provider=product.provider,
        )


@dataclass(frozen=True)
class Workplace:
    """Where products go."""

    conninfo: str
    """Of a database login that may write items and collections."""

    assets: Path
    """Folder for copied files and thumbnails."""

    roots: tuple[str, ...]
    """Prefixes below which the raster service may open files; `assets` is among them."""


class UnfitFiles(Exception):
    """Files of a product that cannot be taken."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = refusals


def ingest_products(
    paths: Iterable[Path],
    kind: ProductKind,
    options: ProductOptions,
    *,
    to: Workplace,
    progress: Progress | None = None,
) -> Summary:
    """Bring products into the catalogue; one that is refused leaves no trace and stops no other.

    Raises:
        BadParameter: the options cannot be used.
        Unavailable: the database cannot be reached at the start.
        SetupError: the database has no pgSTAC, its login may not write, or the data folder cannot be written.
    """
    check_catalogue(to.conninfo)
    found, refused = kind.find(paths)
    ingested: list[Ingested] = []
    sources: dict[tuple[str, str], Path] = {}
    lost: Unavailable | None = None
    with rasterio.Env(**GDAL_OPTIONS):
        for done, path in enumerate(found):

            def step(what: str, done: int = done) -> None:
                if progress is not None:
                    progress(done, len(found), what)

            if lost is not None:
                refused.append(Refusal(str(path), f"was not tried: {lost}"))
                continue
            step(path.name)
            try:
                for product in kind.read(path):
                    chosen = options.of(product)
                    first = sources.setdefault((chosen.collection, product.id), path)
                    if first is not path:
                        raise IngestRefused(f"is the scene {product.id} again, as {first.name} is")
                    ingested.append(_ingest(product, chosen, options, to=to, step=step))
            except UnfitFiles as error:
                refused += error.refusals
            except (IngestRefused, BadParameter) as error:
                refused.append(Refusal(str(path), str(error)))
            except Unavailable as error:
                lost = error
                refused.append(Refusal(str(path), f"was not stored: {error}"))
        if progress is not None:
            progress(len(found), len(found), "done")
    return checked_summary(ingested, refused, conninfo=to.conninfo)


def _ingest(
    product: Product,
    chosen: IngestOptions,
    options: ProductOptions,
    *,
    to: Workplace,
    step: Callable[[str], None],
) -> Ingested:
    """From a product's metadata to an item in the catalogue.

    Raises:
        IngestRefused: the product cannot be catalogued.
        UnfitFiles: some of its files cannot.
        Unavailable: the database went away.
    """
    check_id("item", product.id)
    with scene_folder(to.assets, chosen.collection, product.id) as folder:
        surveys = _survey_all(product, options, folder, step)
        placed: dict[str, Placed] = {}
        for file in product.files:
            step(f"{product.id}: {file.path.name}")
            placed[file.key] = _placed(file, surveys[file.key], options, folder=folder, to=to)
        measured = [file for file in product.files if file.is_measured]
        bands = [band for file in measured for band in product_bands(file, surveys[file.key])]
        item = build_product_item(
            product,
            chosen,
            surveys=surveys,
            placed=placed,
            metadata=_metadata(product, options, folder=folder, to=to),
        )
        picture, shape = draw_thumbnail(bands, surveys, placed, folder)
        add_thumbnail(item, str(picture), shape)
        outcome = load_scene(item, chosen, conninfo=to.conninfo)
        retire(folder, {Path(asset["href"]) for asset in item["assets"].values()})
    return Ingested(
        item=product.id,
        collection=chosen.collection,
        outcome=outcome,
        period=product.period,
        converted=sum(file.new for file in placed.values()),
        doubts=(),
    )


def _survey_all(
    product: Product, options: ProductOptions, folder: SceneFolder, step: Callable[[str], None]
) -> dict[str, Survey]:
    surveys: dict[str, Survey] = {}
    unfit = []
    for file in product.files:
        step(f"{product.id}: {file.path.name}")
        try:
            surveys[file.key] = _survey(file, product, options, folder)
        except IngestRefused as error:
            unfit.append(Refusal(str(file.path), str(error)))
    if unfit:
        raise UnfitFiles(unfit)
    return surveys


def _survey(
    file: ProductFile, product: Product, options: ProductOptions, folder: SceneFolder
) -> Survey:
    """What is in a file, its checksum compared; one without a grid is warped before."""
    if not file.path.is_file():
        raise IngestRefused("is missing")
    _compare(file)
    if product.spacing_m is None:
        data_bands = range(1, len(file.bands) + 1)
        empty = not file.is_measured
        seen = survey(file.path, nodata=file.nodata, data_bands=data_bands, may_be_empty=empty)
    else:
        if not options.copy:
            raise IngestRefused(
                "has ground control points instead of a grid, so it cannot be drawn where it lies: say --copy, which "
                f"warps it to UTM with pixels of {product.spacing_m:g} m"
            )
        seen = geocoded(file.path, folder.staging / f"{file.key}.tif", pixel_m=product.spacing_m)
    if seen.count != len(file.bands):
        raise IngestRefused(f"has {seen.count} bands instead of {len(file.bands)}")
    return seen


def _compare(file: ProductFile) -> None:
    if file.checksum is None:
        return
    algorithm, expected = file.checksum
    with file.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, algorithm).hexdigest()
    if digest != expected:
        raise IngestRefused(
            f"is not the file that the product's manifest describes ({algorithm} {digest}, not {expected[:128]})"
        )


def _placed(
    file: ProductFile, seen: Survey, options: ProductOptions, *, folder: SceneFolder, to: Workplace
) -> Placed:
    try:
        made = place(
            seen,
            file.key,
            folder=folder.path,
            staging=folder.staging,
            roots=to.roots,
            labels=file.labels,
            copying="always" if options.copy else "never",
        )
    except IngestRefused as error:
        raise UnfitFiles([Refusal(str(file.path), str(error))]) from error
    if made.new:
        folder.made.append(made.path)
    return made


def _metadata(
    product: Product, options: ProductOptions, *, folder: SceneFolder, to: Workplace
) -> Mapping[str, Path]:
    """Where the files are that describe the product, by asset key: copied, or where they lie if that may be told."""
    placed: dict[str, Path] = {}
    for key, file in product.metadata.items():
        if not options.copy:
            if (kept := kept_path(file.path, to.roots)) is not None:
                placed[key] = kept
            continue
        content = file.path.read_bytes()
        name = f"{key}-{hashlib.sha256(content).hexdigest()[:12]}{file.path.suffix}"
        target, part = folder.path / name, folder.staging / name
        if not target.exists():
            try:
                shutil.copyfile(file.path, part)
                publish(part, target)
            except OSError as error:
                raise IngestRefused(f"cannot be stored ({error.strerror})") from error
            folder.made.append(target)
        placed[key] = target
    return placed
