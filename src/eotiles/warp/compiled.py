"""Kernels ready to run: from Numba's cache on disk, else compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from numba import njit, types
from numba.core.typing.templates import Signature

from eotiles.warp import kernels

Kernel = Callable[..., None]
"""Fills its last two arguments. Releases the GIL."""

KERNELS = {
    "nearest": kernels.nearest,
    "bilinear": kernels.bilinear,
    "cubic": kernels.cubic,
    "widened": kernels.widened,
}
"""The last is bilinear or cubic where pixels of the target are coarser than those of the source."""


def working_type(name: str, dtype: str) -> str:
    """What a kernel wants to be given for pixels of a type.

    float32 holds small integers exactly, and from there to float64 the processor takes less time.
    """
    if name != "nearest" and dtype in ("uint8", "int8", "uint16", "int16"):
        return "float32"
    return dtype


@lru_cache(maxsize=64)
def load_kernel(name: str, dtype: str) -> Kernel:
    """One of KERNELS for a type of pixels: 0.1 s from the cache on disk, else compiled in seconds."""
    source, number = (getattr(types, kind) for kind in (working_type(name, dtype), dtype))
    table = types.Array(types.float64, 2, "C", readonly=True)
    signature = types.void(
        types.Array(source, 3, "C", readonly=True),  # data
        table,  # columns
        table,  # rows
        table,  # down
        table,  # across
        types.UniTuple(types.int64, 4),  # type: ignore[no-untyped-call]  # place
        table,  # nodata
        types.Array(types.boolean, 2, "C", readonly=True),  # mask
        types.UniTuple(types.float64, 2),  # type: ignore[no-untyped-call]  # scale
        types.int64,  # radius
        types.UniTuple(types.float64, 2),  # type: ignore[no-untyped-call]  # limits
        types.Array(number, 3, "C"),  # out
        types.Array(types.boolean, 2, "C"),  # valid
    )
    try:
        return _compiled(name, signature, cache=True)
    except (RuntimeError, OSError):  # no folder that can be written to, or a full disk
        return _compiled(name, signature, cache=False)


def _compiled(name: str, signature: Signature, *, cache: bool) -> Kernel:
    compiled: Kernel = njit(
        signature,
        cache=cache,  # our own code, with no user's text in it
        nogil=True,  # tiles are drawn by threads
        parallel=False,  # parallelism is over tiles
        fastmath=False,  # it may assume that NaN does not occur, and here it means unusable
        boundscheck=False,  # each place is compared with the window before it is read
        error_model="numpy",  # no code for divisions by zero, of which there are none
    )(KERNELS[name])
    return compiled
