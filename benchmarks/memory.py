"""Resident memory of our process, after its warm-up and after many random tiles."""

from __future__ import annotations

import scenes
import traces
from catalogue import Catalogue
from report import Line, line
from rivals import NDVI, RGB_PNG, Rival

from eotiles.settings import Settings

WARM_MAX_MB = 450.0
BEYOND_CACHES_MB = 150.0
CACHES_FACTOR = 1.15
FLAT_MAX = 1.05
"""Memory at the end to that at half time."""

CLIENTS = 4
ITEMS = 40
SAMPLES = 20


def cache_budget_mb() -> float:
    """What our settings (in MiB) give to caches."""
    settings = Settings(_env_file=None)
    names = [name for name in Settings.model_fields if name.endswith("_cache_mb")]
    return float(sum(getattr(settings, name) for name in names)) * 2**20 / 1e6


def memory(rival: Rival, place: Catalogue, *, tiles: int) -> list[Line]:
    """Megabytes; items and codecs enough that the caches are full."""
    items = [item for codec in scenes.CODECS for item in place.fresh(codec, count=ITEMS // 2)]
    samples = []
    with rival.server as server:
        for layer in (NDVI, RGB_PNG):
            server.batch(
                [rival.tile(items[0], layer, traces.scattered(zoom, 0)) for zoom in (10, 13)]
            )
        warm = server.rss_mb()
        for sample in range(SAMPLES):
            share = range(sample * tiles // SAMPLES, (sample + 1) * tiles // SAMPLES)
            server.batch(
                [
                    rival.tile(
                        items[seed % len(items)],
                        RGB_PNG if seed % 4 == 3 else NDVI,
                        traces.anywhere([0], seed),
                    )
                    for seed in share
                ],
                clients=CLIENTS,
            )
            samples.append(server.rss_mb())
    budget = cache_budget_mb()
    limit = warm + CACHES_FACTOR * budget + BEYOND_CACHES_MB
    half = max(samples[: SAMPLES // 2])
    return [
        line("memory after warm-up, MB (bar: 450)", warm, WARM_MAX_MB, bar=1),
        line(
            f"memory after {tiles} tiles, MB", samples[-1], limit, bar=1,
            note=f"caches {budget:.0f} MB; {', '.join(f'{sample:.0f}' for sample in samples[::4])}",
        ),
        line("memory at the end to half time (bar: 1.05x)", samples[-1], half, bar=1 / FLAT_MAX),
    ]  # fmt: skip
