"""A Raster: physical values with their validity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Raster:
    """Bands on one grid. Axis order is (band, y, x) everywhere."""

    data: NDArray[Any]
    """(band, y, x). Physical values and results are float32; bands that are asked for as they are keep the type of
    their file. What stands where `valid` is False means nothing."""

    valid: NDArray[np.bool_]
    """(y, x) bool. True = usable in every band. NumPy's masked arrays say the inverse."""

    names: tuple[str, ...]
    """One name a band."""

    def __post_init__(self) -> None:
        if self.data.ndim != 3:
            raise ValueError(f"data is (band, y, x), got shape {self.data.shape}")
        if self.valid.shape != self.data.shape[1:]:
            raise ValueError(f"valid {self.valid.shape} does not fit data {self.data.shape}")
        if len(self.names) != self.data.shape[0]:
            raise ValueError(f"{len(self.names)} names for {self.data.shape[0]} bands")
