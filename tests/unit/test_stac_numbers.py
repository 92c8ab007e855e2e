"""JSON of the catalogue with numbers of any size."""

from __future__ import annotations

import json

import pytest

from eotiles.http.stac.numbers import from_json, to_json


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"b":[0.1,1e-7,-0.0],"c":"ü\\n","d":null,"e":true}',
        '{"a":9223372036854775807,"b":18446744073709551615}',
        "{}",
    ],
)
def test_usual_json_comes_back(text: str) -> None:
    assert from_json(text) == json.loads(text)
    assert json.loads(to_json(from_json(text))) == json.loads(text)


@pytest.mark.parametrize("digits", ["1" + "0" * 30, "-1" + "0" * 400, "9" * 1000])
def test_long_whole_numbers_come_back(digits: str) -> None:
    value = from_json(f'{{"n":{digits}}}')
    assert json.loads(to_json(value))["n"] == pytest.approx(int(digits), rel=1e-15)


@pytest.mark.parametrize("digits", ["1" + "0" * 400 + ".5", "9" * 1001, "9" * 100_000])
def test_numbers_that_cannot_be_told_are_null(digits: str) -> None:
    assert to_json(from_json(f'{{"n":{digits}}}')) == b'{"n":null}'
