"""The way of a tile, on one page: each asset's bands on the grid (gather.py), made physical, computed, handed on.

The same few steps serve tiles, parts, previews and points; `paint` takes them in one where only a picture is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eotiles.bandmath.grammar import parse
from eotiles.bandmath.kernels import Kernel, interpret_kernel
from eotiles.bandmath.kernels import warm as warm_kernels
from eotiles.bandmath.loops import compile_machine
from eotiles.bandmath.stretch import STRETCHED, stretch, warm_stretch
from eotiles.catalog.radiometry import physical
from eotiles.core.errors import BadParameter
from eotiles.core.index import PRESETS
from eotiles.core.raster import Raster
from eotiles.plan import Plan, Step
from eotiles.read.pixels import Pixels
from eotiles.warp.resample import warm as warm_warp


def evaluate(plan: Plan, pixels: Sequence[Pixels]) -> Raster:
    """The pixels of a layer, from those of its steps.

    An index and whatever is asked for in physical values comes as float32; bands that are asked for as they are keep
    the type of their file.
    """
    parts = [_part(plan, *each) for each in zip(plan.steps, pixels, strict=True)]
    stack = Raster(
        data=np.concatenate([part.data for part in parts]),
        valid=np.logical_and.reduce([part.valid for part in parts]),
        names=tuple(name for part in parts for name in part.names),
    )
    if not plan.formulas:
        return stack
    names = plan.names or numbered(len(stack.names))
    titles = (plan.layer.index,) if plan.layer.index else None
    return compute(plan.formulas, stack, names=names, titles=titles)


@dataclass(frozen=True)
class Levels:
    """What a picture is made of."""

    data: NDArray[np.uint8]
    """(band, y, x) uint8. 0 to 255 over the range of each band, 0 where invalid."""

    valid: NDArray[np.bool_]
    """(y, x) bool. True = usable in every band."""


def paint(
    plan: Plan, pixels: Sequence[Pixels], *, ranges: Sequence[tuple[float, float]]
) -> Levels | None:
    """What `evaluate`, and a rescale to `ranges`, would give, from digital numbers to bytes in one pass.

    None where that is more than one formula over all bands, or one to three bands as they are.
    """
    if plan.layer.asset_as_band or any(step.formulas for step in plan.steps):
        return None
    valid = pixels[0].valid
    for more in pixels[1:]:
        valid = valid & more.valid
    meanings = [_meaning(*each) for each in zip(plan.steps, pixels, strict=True)]
    if len(plan.formulas) == 1 and len(ranges) == 1:
        data = np.concatenate([each.data for each in pixels])
        if not _fits_float32(data.dtype):
            return None
        scales = [scale for scales, _ in meanings for scale in scales] if plan.physical else None
        offsets = (
            [offset for _, offsets in meanings for offset in offsets] if plan.physical else None
        )
        names = plan.names or numbered(len(data))
        levels, valid = kernel(plan.formulas[0], names).paint(
            data, valid, rescale=ranges[0], scales=scales, offsets=offsets
        )
        return Levels(levels[None], valid)
    bands = sum(len(each.data) for each in pixels)
    if plan.formulas or bands not in (1, 3) or len(ranges) not in (1, bands):
        return None
    if any(each.data.dtype.name not in STRETCHED for each in pixels):
        return None
    wanted = iter(list(ranges) * bands if len(ranges) == 1 else ranges)
    planes = [
        stretch(
            each.data,
            [next(wanted) for _ in each.data],
            scales=scales if plan.physical else None,
            offsets=offsets if plan.physical else None,
            valid=valid,
        )
        for each, (scales, offsets) in zip(pixels, meanings, strict=True)
    ]
    return Levels(np.concatenate(planes) if len(planes) > 1 else planes[0], valid)


def compute(
    formulas: Sequence[str],
    raster: Raster,
    *,
    names: tuple[str, ...],
    titles: tuple[str, ...] | None = None,
) -> Raster:
    """One band a formula; `names` are what the formulas call the raster's bands. Valid where every result is."""
    data = np.ascontiguousarray(raster.data, np.float32)
    results = [kernel(formula, names)(data, raster.valid) for formula in formulas]
    return Raster(
        data=np.stack([values for values, _ in results]),
        valid=np.logical_and.reduce([valid for _, valid in results]),
        names=titles or tuple(formulas),
    )


@lru_cache(maxsize=512)
def kernel(formula: str, names: tuple[str, ...]) -> Kernel:
    """The kernel of a formula over bands called `names`.

    Raises:
        BadExpression: the text is outside the grammar or names something else.
    """
    return interpret_kernel(parse(formula, names=names), names)


def warm() -> None:
    """Compile, or load, what most tiles are drawn with: to be called when a process starts, so no request waits."""
    warm_kernels(PRESETS.values())
    warm_stretch()
    warm_warp(("uint8", "uint16"), kernels=("nearest",))


def warm_rest() -> None:
    """Compile, or load, the rest: other types of pixels, the machine for new formulas, bilinear and cubic.

    Half a minute where no cache on disk has them; who needs one before it is there waits for that one.
    """
    compile_machine()
    warm_warp()


def numbered(count: int) -> tuple[str, ...]:
    """b1, b2, …: what formulas over assets call their bands."""
    return tuple(f"b{number}" for number in range(1, count + 1))


def _fits_float32(kind: np.dtype[Any]) -> bool:
    return np.can_cast(kind, np.float32)


def _part(plan: Plan, step: Step, pixels: Pixels) -> Raster:
    data: NDArray[np.float32] = pixels.data
    if plan.physical:
        scales, offsets = _meaning(step, pixels)
        data = physical(pixels.data, scales=scales, offsets=offsets)
    titles = tuple(f"{step.asset}_{name}" for name in pixels.names)
    if plan.layer.asset_as_band:
        if len(titles) > 1:
            raise BadParameter(
                f"asset_as_band: asset {step.asset!r} of item {plan.item} has {len(titles)} bands"
            )
        titles = (step.asset,)
    raster = Raster(data=data, valid=pixels.valid, names=titles)
    if not step.formulas:
        return raster
    return compute(step.formulas, raster, names=numbered(len(titles)))


def _meaning(step: Step, pixels: Pixels) -> tuple[list[float], list[float]]:
    """Scale and offset of each band: the item's word, else the file's."""
    scales, offsets = list(pixels.scales), list(pixels.offsets)
    for position, band in enumerate(pixels.bands):
        source = step.sources.get(band)
        if source is not None and source.is_stated:
            scales[position], offsets[position] = source.scale, source.offset
    return scales, offsets
