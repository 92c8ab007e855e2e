"""What the cases of benchmarks/tiles.py share: the catalogue, the rivals, how many rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalogue import Catalogue
from rivals import NDVI, RGB_PNG, RGB_WEBP, Layer, Rival, ours, peer

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "benchmarks"
LOGS = CACHE / "logs"


@dataclass(frozen=True)
class Bench:
    """What all cases share."""

    place: Catalogue
    rounds: int
    codecs: tuple[str, ...]
    items: int
    """Of a round of random tiles; each gives a tile of every zoom."""

    webp: bool
    """Whether WebP is measured, with the first codec: encoding is most of it."""

    def layers(self, codec: str) -> tuple[Layer, ...]:
        """Pictures drawn of single scenes."""
        webp = self.webp and codec == self.codecs[0]
        return (NDVI, RGB_PNG, RGB_WEBP) if webp else (NDVI, RGB_PNG)

    def ours(self, name: str = "ours", *, origin: str = "") -> Rival:
        roots = f"{self.place.folder},{origin}" if origin else str(self.place.folder)
        return ours(self.place.data, roots=roots, logs=LOGS, name=name)

    def peer(self, name: str, settings: dict[str, str]) -> Rival:
        return peer(name, conninfo=self.place.conninfo, logs=LOGS, settings=settings)

    def seeds(self, number: int) -> range:
        """Of round `number`."""
        return range(number * self.items, (number + 1) * self.items)


def in_turn(number: int, *rivals: Rival) -> list[Rival]:
    """The rivals, another one first in each round."""
    start = number % len(rivals)
    return [*rivals[start:], *rivals[:start]]
