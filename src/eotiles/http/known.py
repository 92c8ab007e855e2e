"""Counters of what a process knows of the catalogue, for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from eotiles.catalog.known import Known

_PREFIX = "eotiles_raster_known"


class KnownCounters(Collector):
    """Read off the caches whenever they are asked for."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def describe(self) -> Iterator[Metric]:
        """Nothing: names need not be known before there is something to count."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        hits = CounterMetricFamily(f"{_PREFIX}_hits", "Answered from memory.", labels=["kind"])
        misses = CounterMetricFamily(f"{_PREFIX}_misses", "Asked the database.", labels=["kind"])
        entries = GaugeMetricFamily(f"{_PREFIX}_entries", "Answers kept.", labels=["kind"])
        size = GaugeMetricFamily(f"{_PREFIX}_bytes", "Memory of answers kept.", labels=["kind"])
        for kind, cache in self._known.caches.items():
            for metric, value in (
                (hits, cache.hits),
                (misses, cache.misses),
                (entries, len(cache)),
                (size, cache.bytes),
            ):
                metric.add_metric([kind], value)
        heard = GaugeMetricFamily(
            f"{_PREFIX}_changes_heard",
            "1 while changes of the catalogue are heard.",
            value=float(self._known.epochs.heard),
        )
        yield from (hits, misses, entries, size, heard)
