"""What the bands of known sensors are called and where in the spectrum they lie. Plain data, and its look-up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from eotiles.core.domain import LABEL_NAMES


@dataclass(frozen=True)
class Band:
    """A band as a sensor, or a common name alone, defines it."""

    name: str
    """As the sensor's maker writes it: B04, B8A."""

    common_name: str | None = None
    """STAC eo:common_name."""

    center_um: float | None = None
    """Centre wavelength in micrometres."""

    width_um: float | None = None
    """Full width at half maximum in micrometres."""

    gsd_m: float | None = None
    """Ground sample distance of the instrument in metres."""


@dataclass(frozen=True)
class Sensor:
    """An instrument and its bands, keyed by the band's name in upper case without padding zeros (B4, B8A)."""

    constellation: str
    instrument: str
    bands: MappingProxyType[str, Band]


def _bands(*rows: tuple[str, str, float, float, float]) -> MappingProxyType[str, Band]:
    return MappingProxyType(
        {
            _key(name): Band(name, common, center, width, float(gsd))
            for name, common, center, width, gsd in rows
        }
    )


def _key(token: str) -> str:
    return re.sub(r"(?<=B)0+(?=\d)", "", token.upper())


SENSORS: MappingProxyType[str, Sensor] = MappingProxyType(
    {
        # ESA, Sentinel-2 MSI spectral response of Sentinel-2A (S2B and S2C differ by a few nanometres).
        "sentinel-2": Sensor(
            "sentinel-2",
            "msi",
            _bands(
                ("B01", "coastal", 0.4427, 0.021, 60),
                ("B02", "blue", 0.4924, 0.066, 10),
                ("B03", "green", 0.5598, 0.036, 10),
                ("B04", "red", 0.6646, 0.031, 10),
                ("B05", "rededge071", 0.7041, 0.015, 20),
                ("B06", "rededge075", 0.7405, 0.015, 20),
                ("B07", "rededge078", 0.7828, 0.020, 20),
                ("B08", "nir", 0.8328, 0.106, 10),
                ("B8A", "nir08", 0.8647, 0.021, 20),
                ("B09", "nir09", 0.9451, 0.020, 60),
                ("B10", "cirrus", 1.3735, 0.031, 60),
                ("B11", "swir16", 1.6137, 0.091, 20),
                ("B12", "swir22", 2.2024, 0.175, 20),
            ),
        ),
        # USGS, Landsat 8 and 9 OLI and TIRS.
        "landsat-oli": Sensor(
            "landsat",
            "oli",
            _bands(
                ("B1", "coastal", 0.44, 0.02, 30),
                ("B2", "blue", 0.48, 0.06, 30),
                ("B3", "green", 0.56, 0.06, 30),
                ("B4", "red", 0.65, 0.04, 30),
                ("B5", "nir08", 0.87, 0.03, 30),
                ("B6", "swir16", 1.61, 0.09, 30),
                ("B7", "swir22", 2.20, 0.19, 30),
                ("B8", "pan", 0.59, 0.18, 15),
                ("B9", "cirrus", 1.37, 0.02, 30),
                ("B10", "lwir11", 10.9, 0.59, 100),
                ("B11", "lwir12", 12.0, 1.01, 100),
            ),
        ),
        # USGS, Landsat 4 to 7 TM and ETM+ (B8 and the 60 m B6 are ETM+).
        "landsat-tm": Sensor(
            "landsat",
            "tm",
            _bands(
                ("B1", "blue", 0.49, 0.07, 30),
                ("B2", "green", 0.56, 0.08, 30),
                ("B3", "red", 0.66, 0.06, 30),
                ("B4", "nir08", 0.83, 0.13, 30),
                ("B5", "swir16", 1.67, 0.22, 30),
                ("B6", "lwir", 11.45, 2.1, 60),
                ("B7", "swir22", 2.24, 0.28, 30),
                ("B8", "pan", 0.71, 0.38, 15),
            ),
        ),
    }
)
"""Sensors whose band numbers mean something, by the name that --sensor takes."""

# fmt: off
COMMON_NAMES = (
    "pan", "coastal", "blue", "green", "green05", "yellow", "red", "rededge", "rededge071", "rededge075",
    "rededge078", "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "lwir11", "lwir12",
)
# fmt: on
"""Every common name of the STAC eo extension 2.0."""

ALIASES: MappingProxyType[str, str] = MappingProxyType(
    {
        **{name: name for name in COMMON_NAMES},
        "rededge1": "rededge071",
        "rededge2": "rededge075",
        "rededge3": "rededge078",
        "nir2": "nir08",
        "swir1": "swir16",
        "swir2": "swir22",
        "panchromatic": "pan",
    }
)
"""What people write for a common name, in lower case."""

POLARISATIONS = ("VV", "VH", "HH", "HV")
"""Radar bands: they have a name but no common name."""

MASKS = LABEL_NAMES
"""Bands of labels and bit fields that come beside imagery: never averaged."""

_MAKERS = (
    (
        re.compile(r"(?:^|[^a-z0-9])s2[a-d]?[_-]|^T\d{2}[A-Z]{3}_\d{8}T|sentinel-?_?2", re.I),
        "sentinel-2",
    ),
    (re.compile(r"^L[CO]0[89]_|landsat-?_?[89]", re.I), "landsat-oli"),
    (re.compile(r"^L[ETM]0[4-7]_|landsat-?_?[4-7]", re.I), "landsat-tm"),
)


def recognise_sensor(name: str, tokens: Iterable[str]) -> str | None:
    """The sensor that a scene's name, or the way its bands are numbered, gives away; None if neither does."""
    for pattern, sensor in _MAKERS:
        if pattern.search(name):
            return sensor
    # Only Sentinel-2 has a B8A, and only its files pad the number (B04).
    if any(re.fullmatch(r"B(?:0\d|8A)", token, re.I) for token in tokens):
        return "sentinel-2"
    return None


def look_up(token: str, sensor: str | None) -> Band | None:
    """The band that a token (B4, SR_B4, red, swir1, VV, SCL) stands for; None if it is not known to be a band."""
    short = re.sub(r"^(?:SR|ST)_(?=B\d)", "", token.strip(), flags=re.I)
    if sensor is not None and (band := SENSORS[sensor].bands.get(_key(short))) is not None:
        return band
    if (common := ALIASES.get(short.lower().replace("_", "").replace(" ", ""))) is not None:
        known = [] if sensor is None else SENSORS[sensor].bands.values()
        twin = next((band for band in known if band.common_name == common), Band(common))
        return Band(common, common, twin.center_um, twin.width_um, twin.gsd_m)
    if token.upper() in (*POLARISATIONS, *MASKS):
        return Band(token.upper())
    return Band(short.upper()) if re.fullmatch(r"B\d{1,2}A?", short, re.I) else None
