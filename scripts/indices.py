#!/usr/bin/env python3
"""Make src/eotiles/core/indices.json of the Awesome Spectral Indices catalogue, as the spyndex package ships it (MIT).

    python scripts/indices.py            after an upgrade of spyndex; tests fail where the file is behind

Formulas, names, constants, domains and references are the catalogue's. Three things are ours:

- Kernel indices (kNDVI and its like) are written out with the RBF kernel, k(a, b) = exp(-(a - b)² / (2 sigma²)).
- `range` is -1 to 1 for normalised differences; of others it is not known and null.
- `rescale`, the values of the first and the last colour, is the range or else an estimate: the 2nd and 98th percentile
  over the catalogue's 120 Landsat 8 spectra of towns, water and plants. Where Landsat has no band, its neighbours stand
  in: the near infrared for RE3, N2 and WV, geometric means of R and N for RE1 (three parts red) and RE2 (one part),
  green for G1, the middle of green and red for Y. Backscatter of radar is drawn evenly from -22 to -2 dB (VV, HH) and
  -30 to -8 dB (VH, HV) and taken as power. Constants have their defaults, wavelengths are typical, PAR is 1.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from eotiles.bandmath import twin
from eotiles.bandmath.grammar import parse
from eotiles.core.index import Index
from eotiles.core.symbols import SYMBOLS

TARGET = Path(__file__).resolve().parent.parent / "src" / "eotiles" / "core" / "indices.json"
SOURCE = "https://github.com/awesome-spectral-indices/awesome-spectral-indices"
LANDSAT = {"A": 1, "B": 2, "G": 3, "R": 4, "N": 5, "S1": 6, "S2": 7}
KERNEL = re.compile(r"\bk([NRGBL])([NRGBL])\b")


def main() -> None:
    catalogue = read("spectral-indices-dict.json")["SpectralIndices"]
    defaults = {name: each["default"] for name, each in read("constants.json").items()}
    sample = spectra()
    lower = [label.lower() for label in catalogue]
    indices: dict[str, Any] = {}
    for label in sorted(catalogue, key=lambda label: (label.lower(), label)):
        # Of two that differ by case the first in order of characters is the one in capitals.
        name = label.lower()
        name = name if lower.count(name) == 1 or name not in indices else label
        indices[name] = entry(label, catalogue[label], defaults, sample)
    content = {
        "source": SOURCE,
        "package": f"spyndex {version('spyndex')}",
        "license": "MIT, Copyright (c) David Montero Loaiza and contributors",
        "made_by": "scripts/indices.py",
        "indices": indices,
    }
    TARGET.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{TARGET.name}: {len(indices)} indices")


def read(name: str) -> Any:
    return json.loads((files("spyndex") / "data" / name).read_text("utf-8"))


def entry(label: str, given: Any, defaults: dict[str, float | None], sample: Any) -> dict[str, Any]:
    formula = KERNEL.sub(rbf, given["formula"])
    words = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z]\w*", formula))
    bands = [word for word in words if word in SYMBOLS]
    constants = {word: defaults[word] for word in words if word not in SYMBOLS and word != "exp"}
    is_normalised = re.fullmatch(
        r"\(\s*(\w+) ?- ?(\w+)\s*\) ?/ ?\(\s*(?:\1 ?\+ ?\2|\2 ?\+ ?\1)\s*\)", formula
    )
    return {
        "label": label,
        "title": given["long_name"],
        "formula": formula,
        "bands": bands,
        "constants": {
            name: None if value is None else float(value) for name, value in constants.items()
        },
        "domain": given["application_domain"],
        "range": [-1.0, 1.0] if is_normalised else None,
        "rescale": [-1.0, 1.0]
        if is_normalised
        else estimate(label, formula, bands, constants, sample),
        "reference": given["reference"],
    }


def rbf(match: re.Match[str]) -> str:
    a, b = match.groups()
    return "1.0" if a == b else f"exp((-1.0 * ({a} - {b}) ** 2.0) / (2.0 * sigma ** 2.0))"


def spectra() -> dict[str, Any]:
    """Symbol → (1, spectrum) float32."""
    given = {name: np.array(list(column.values())) for name, column in read("spectral.json").items()
             if name != "class"}  # fmt: skip
    bands = {symbol: given[f"SR_B{number}"].clip(1e-3) for symbol, number in LANDSAT.items()}
    red, near = bands["R"], bands["N"]
    bands |= {
        "RE1": red**0.75 * near**0.25, "RE2": red**0.25 * near**0.75, "RE3": near, "N2": near, "WV": near,
        "G1": bands["G"], "Y": (bands["G"] + red) / 2,
        **dict.fromkeys(("T", "T1", "T2"), given["ST_B10"]),
    }  # fmt: skip
    rng = np.random.default_rng(1)
    for symbol, low, high in (("VV", -22, -2), ("HH", -22, -2), ("VH", -30, -8), ("HV", -30, -8)):
        bands[symbol] = 10 ** (rng.uniform(low, high, len(red)) / 10)
    return {symbol: values.astype(np.float32)[None] for symbol, values in bands.items()}


def estimate(
    label: str, formula: str, bands: list[str], constants: dict[str, Any], sample: Any
) -> list[float]:
    """The 2nd and 98th percentile in three digits."""
    index = Index(
        name=label, label=label, title="", formula=formula, bands=tuple(bands), value_range=None, rescale=(0, 1),
        colormap="", reference="", domain="", constants=constants, is_estimated=True,
    )  # fmt: skip
    values = {
        name: SYMBOLS[name.removeprefix("lambda")].typical_nm if name.startswith("lambda") else 1.0
        for name, default in constants.items()
        if default is None
    }
    expression = parse(index.bound(values), names=bands)
    assert list(expression.bands) == bands, label
    data = np.stack([sample[symbol] for symbol in bands])
    got, usable = twin.evaluate(expression, tuple(bands), data, np.ones(data.shape[1:], bool))
    low, high = (float(f"{value:.3g}") for value in np.percentile(got[usable], (2, 98)))
    assert low < high, f"{label}: {low}, {high}"
    return [low, high]


if __name__ == "__main__":
    main()
