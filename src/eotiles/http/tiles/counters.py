"""Counters of the cache of decoded blocks, for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eotiles.read.library import Library

_PREFIX = "eotiles_raster_blocks"


class BlockCounters(Collector):
    """Read off the library whenever they are asked for."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def describe(self) -> Iterator[Metric]:
        """Nothing: names need not be known before there is something to count."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        counts = self._library.counts()
        for name, what, value in (
            ("hits", "Blocks that were decoded already.", counts.hits),
            ("misses", "Blocks that were not.", counts.misses),
            ("loads", "Blocks that were fetched and decoded.", counts.loads),
            ("waits", "Blocks that another request was decoding.", counts.waits),
            ("evictions", "Blocks that made room for others.", counts.evictions),
        ):
            yield CounterMetricFamily(f"{_PREFIX}_{name}", what, value=float(value))
        yield GaugeMetricFamily(f"{_PREFIX}_entries", "Blocks kept.", value=float(counts.entries))
        yield GaugeMetricFamily(
            f"{_PREFIX}_bytes", "Memory of blocks kept.", value=float(counts.size_bytes)
        )
