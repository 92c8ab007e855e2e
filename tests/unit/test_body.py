"""Bodies of requests: what is refused before anything else reads them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from eotiles.core.errors import BadParameter
from eotiles.http.body import MOST_DEPTH, StrictJson, check_json


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"a": [1, 2.5, null, true, "\\u00e9"]}',
        b'{"a": ' + b"[" * 29 + b"]" * 29 + b"}",
    ],
)
def test_ordinary_bodies_pass(body: bytes) -> None:
    check_json(body, most_values=100)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"5", "not a JSON object"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": [1, -1e400]}', "-1e400 is not a number"),
        (b'{"a": "x\\u0000"}', "NUL"),
        (b'{"a\\u0000": 1}', "NUL"),
        (b'{"a": {"b": ["\\u0000"]}}', "NUL"),
        (b'{"ids": ["\\ud800"]}', "surrogate"),
        (b'{"a": ' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"}", "nested deeper"),
        (json.dumps({"ids": ["x"] * 101}).encode(), "more than 100 values"),
    ],
)
def test_others_are_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        check_json(body, most_values=100)


@pytest.mark.parametrize(
    "body",
    [
        {"features": [{}] * 11},
        {"links": ["x"] * 11},
        {"bbox": [1] * 11},
        {"assets": {str(n): 1 for n in range(11)}},
    ],
)
def test_one_place_holds_so_many_things(body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    check_json(content, most_values=100)
    with pytest.raises(BadParameter, match="11 things in one place; at most 10"):
        check_json(content, most_values=100, most_entries=10)


def test_coordinates_are_as_many_as_values() -> None:
    ring = json.dumps({"coordinates": [[[0, 1]] * 30]}).encode()
    check_json(ring, most_values=100, most_entries=10)


def test_a_json_patch_is_a_list() -> None:
    check_json(b"[]", most_values=100, is_object=False)


async def _ask(chunks: list[bytes], *, method: str = "POST") -> tuple[list[Message], bytes | None]:
    """What the middleware sends, and the body that the application inside read (None: it was not asked)."""
    seen: list[bytes] = []

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        seen.append(message.get("body", b""))
        assert not message.get("more_body", False)
        await send({"type": "http.response.start", "status": 204, "headers": []})

    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    sent: list[Message] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    app = StrictJson(inside, most_bytes=64, most_values=10)
    await app({"type": "http", "method": method, "path": "/search"}, receive, send)
    return sent, seen[0] if seen else None


async def test_the_application_reads_the_whole_body() -> None:
    sent, read = await _ask([b'{"a"', b": 1}"])
    assert (sent[0]["status"], read) == (204, b'{"a": 1}')


async def test_a_refusal_is_a_problem_and_the_application_is_not_asked() -> None:
    sent, read = await _ask([b'{"a": NaN}'])
    assert (sent[0]["status"], read) == (400, None)
    assert json.loads(sent[1]["body"])["instance"] == "/search"


async def test_reading_stops_at_the_limit() -> None:
    chunks = [b"x" * 40, b"x" * 40, b"never read"]
    sent, read = await _ask(chunks)
    assert (sent[0]["status"], read) == (413, None)


async def test_what_has_no_body_is_left_alone() -> None:
    sent, _ = await _ask([b""], method="GET")
    assert sent[0]["status"] == 204


async def test_a_body_that_trickles_in_is_given_up() -> None:
    sent: list[Message] = []

    async def inside(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the body never came")

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    app = StrictJson(inside, most_bytes=1000, most_values=10, wait_s=0.1)
    scope = {"type": "http", "method": "POST", "path": "/search"}
    await asyncio.wait_for(app(scope, receive, send), timeout=1)
    assert sent[0]["status"] == 408
