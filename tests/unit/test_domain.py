"""The only list of domains, and the words before it."""

from __future__ import annotations

import pytest

from eotiles.core.domain import DOMAINS, UNITS, read_domain


def test_the_list() -> None:
    assert DOMAINS == (
        "dn",
        "toa_reflectance",
        "reflectance",
        "amplitude",
        "power",
        "db",
        "kelvin",
        "metres",
        "index",
        "display",
    )
    assert set(UNITS) < set(DOMAINS)


def test_a_domain_is_read_as_it_is_written() -> None:
    assert [read_domain(domain) for domain in DOMAINS] == list(DOMAINS)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("radiance", "dn"),
        ("physical", "dn"),
        ("class", "dn"),
        ("brightness_temperature", "kelvin"),
        ("backscatter", "power"),
        ("backscatter_db", "db"),
    ],
)
def test_words_of_earlier_releases_are_read(before: str, now: str) -> None:
    assert read_domain(before) == now
    assert before not in DOMAINS


@pytest.mark.parametrize("value", [None, "", "DN", "reflectivity", 3, ["dn"], {"dn": 1}])
def test_anything_else_is_no_domain(value: object) -> None:
    assert read_domain(value) is None
