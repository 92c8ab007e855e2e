"""A Product: what an agency delivers as a folder or a file, read from its own metadata. No pixel has been read yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from eotiles.core.domain import Domain
from eotiles.ingest.bands import Band
from eotiles.ingest.period import Period
from eotiles.ingest.scenes import Refusal

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ProductBand:
    """A band of a file, and what its numbers mean."""

    detail: Band
    domain: Domain
    """dn, toa_reflectance, reflectance, amplitude, kelvin, metres, index or display."""

    scale: float = 1.0
    offset: float = 0.0
    """Physical value = digital number * scale + offset."""

    unit: str | None = None
    fields: Json = field(default_factory=dict)
    """More of STAC's fields of a band: classification:classes, sar:polarizations."""


@dataclass(frozen=True)
class ProductFile:
    """An image of a product."""

    path: Path
    key: str
    """Key of its asset."""

    title: str
    roles: tuple[str, ...]
    bands: tuple[ProductBand, ...]
    nodata: float | None = None
    """Digital number that means 'no data', over what the file says; None: as the file says."""

    labels: bool = False
    """Pixels are labels or bit fields, whose average means nothing."""

    beside: bool = False
    """A quantity beside the bands, such as water vapour: it may have no valid pixel, and no layer is made of it."""

    checksum: tuple[str, str] | None = None
    """Algorithm as hashlib calls it, and hexadecimal digest, as the product's manifest has them."""

    @property
    def is_measured(self) -> bool:
        """Whether layers are made of it: neither labels nor ready-made colour nor something beside."""
        return "data" in self.roles and not self.labels and not self.beside


@dataclass(frozen=True)
class MetadataFile:
    """A file of a product that describes it."""

    path: Path
    title: str
    media_type: str = "application/xml"


@dataclass(frozen=True)
class Product:
    """What becomes one item."""

    id: str
    collection: str
    """Collection that it belongs to unless another is named."""

    title: str
    """Of the collection."""

    period: Period
    properties: Json
    """STAC properties, without what is read from pixels (footprint, projection)."""

    files: tuple[ProductFile, ...]
    """At least one is measured."""

    metadata: Mapping[str, MetadataFile]
    """By asset key."""

    attribution: str | None = None
    license: str = "other"
    license_url: str | None = None
    provider: str | None = None
    gsd_m: float | None = None
    spacing_m: float | None = None
    """Of pixels without a grid, which are to be warped by their ground control points."""


class ReadProducts(Protocol):
    """Reads what was found at a path; most hold one product."""

    def __call__(self, path: Path) -> Sequence[Product]:
        """Products at the path.

        Raises:
            IngestRefused: its metadata is damaged, or names what is not there.
        """


FindProducts = Callable[[Iterable[Path]], tuple[list[Path], list[Refusal]]]
"""The products among named paths and below named folders, each once and in order, and what is none."""


@dataclass(frozen=True)
class ProductKind:
    """One kind of product: how it is found and read."""

    name: str
    """As the command line calls it."""

    find: FindProducts
    read: ReadProducts
