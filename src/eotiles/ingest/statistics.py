"""Statistics of a band, gathered chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BandStatistics:
    """Exact figures over a band's valid digital numbers; None where there is none."""

    minimum: float | None
    maximum: float | None
    mean: float | None
    stddev: float | None
    count: int
    """All pixels, valid or not."""

    valid: int
    """Valid pixels."""

    sample: NDArray[np.float64]
    """(n,) valid values of every k-th pixel of every k-th row, unsmoothed: for percentiles."""

    def percentiles(self, low: float, high: float) -> tuple[float, float] | None:
        """Two percentiles of the sample; None without a valid pixel."""
        if self.minimum is None or self.maximum is None:
            return None
        if not self.sample.size:
            return self.minimum, self.maximum
        below, above = np.percentile(self.sample, (low, high))
        return float(below), float(above)


@dataclass
class Tally:
    """A band's figures so far. Chunks are merged by Chan's formula, which keeps the variance exact enough."""

    step: int
    """Every step-th pixel in x and y goes into the sample."""

    _count: int = 0
    _valid: int = 0
    _mean: float = 0.0
    _squares: float = 0.0
    _minimum: float = np.inf
    _maximum: float = -np.inf
    _sample: list[NDArray[np.float64]] = field(default_factory=list)

    def add(
        self,
        values: NDArray[np.generic],
        usable: NDArray[np.bool_],
        *,
        row: int,
        column: int,
    ) -> None:
        """Add a chunk.

        Args:
            values: (y, x) digital numbers.
            usable: (y, x) True = valid.
            row: row of the chunk's first pixel in the file.
            column: column of the chunk's first pixel in the file.
        """
        self._count += values.size
        every = (
            slice(-row % self.step, None, self.step),
            slice(-column % self.step, None, self.step),
        )
        self._sample.append(values[every][usable[every]].astype(np.float64))
        chosen = values[usable].astype(np.float64)
        if not chosen.size:
            return
        mean = float(chosen.mean())
        squares = float(np.square(chosen - mean).sum())
        total = self._valid + chosen.size
        shift = mean - self._mean
        self._squares += squares + shift * shift * self._valid * chosen.size / total
        self._mean += shift * chosen.size / total
        self._valid = total
        self._minimum = min(self._minimum, float(chosen.min()))
        self._maximum = max(self._maximum, float(chosen.max()))

    def statistics(self) -> BandStatistics:
        """The figures."""
        some = self._valid > 0
        return BandStatistics(
            minimum=self._minimum if some else None,
            maximum=self._maximum if some else None,
            mean=self._mean if some else None,
            stddev=float(np.sqrt(self._squares / self._valid)) if some else None,
            count=self._count,
            valid=self._valid,
            sample=np.concatenate(self._sample) if self._sample else np.empty(0),
        )
