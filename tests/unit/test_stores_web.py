"""Files on web servers: ranges, versions, and servers that are not what the operator thinks."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from eotiles.read import web as web_module
from eotiles.read.connections import is_public, names_an_address
from eotiles.read.location import Location
from eotiles.read.objects import Changed, NotThere, Outside, StoreError, Unreachable
from eotiles.read.ranges import Range
from eotiles.read.stores import HEAD_BYTES, Stores, header_fetch, open_stores
from eotiles.read.web import Web
from tests.unit.web_server import Server, drip, serving

CONTENT = random.Random(5).randbytes(300_000)
RANGES = (Range(0, 10), Range(290_000, 300_000), Range(12, 5_000), Range(100_000, 200_001))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        made.files["/a.tif"] = CONTENT
        yield made


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(web_module, "BACKOFF_S", 0.01)
    made = Web(connect_s=1, read_s=0.4, answer_s=1.0, connections_max=4)
    yield made
    made.close()


@pytest.fixture
def stores(web: Web) -> Iterator[Stores]:
    with open_stores(web=web) as made:
        yield made


def test_ranges_are_the_bytes_of_the_file(server: Server, stores: Stores) -> None:
    file, head = stores.open(server.location("/a.tif", "sig=x%2Fy"))
    assert (head, file.size_bytes) == (CONTENT[:HEAD_BYTES], len(CONTENT))
    assert file.name == f"http://{server.host}/a.tif"
    assert "sig" not in repr(file)
    got = stores.get(file, RANGES)
    assert got == [CONTENT[each.start : each.stop] for each in RANGES]
    assert stores.get(file, []) == []
    assert len(server.asked) == 4, "one to open, and two near ranges in one request"
    assert {request.path for request in server.asked} == {"/a.tif?sig=x%2Fy"}
    assert [request.headers.get("If-Match") for request in server.asked] == [
        None,
        *[file.version] * 3,
    ]
    assert all(request.headers["Accept-Encoding"] == "identity" for request in server.asked)


def test_connections_serve_again(server: Server, stores: Stores) -> None:
    file, _ = stores.open(server.location("/a.tif"))
    for _ in range(20):
        stores.get(file, [Range(7, 20_000)])
    assert len(set(server.connected)) == 1


def test_a_refusal_takes_no_connection_away(server: Server, web: Web) -> None:
    def refuse() -> None:
        with pytest.raises(NotThere):
            web.read(server.location("/b.tif"), Range(0, 9), version=None)

    threads = [threading.Thread(target=refuse) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(5):
        refuse()
    assert web.read(server.location("/a.tif"), Range(0, 9), version=None).data == CONTENT[:9]


def test_ranges_far_apart_are_fetched_at_the_same_time(server: Server, stores: Stores) -> None:
    meeting = threading.Barrier(3, timeout=5)
    file, _ = stores.open(server.location("/a.tif"))

    def wait(handler: BaseHTTPRequestHandler) -> bool:
        meeting.wait()
        return False

    server.misbehave = wait
    got = stores.get_all([(file, [Range(0, 5), Range(150_000, 150_005)]), (file, [Range(9, 11)])])
    assert got == [[CONTENT[:5], CONTENT[150_000:150_005]], [CONTENT[9:11]]]


def test_threads_that_hang_on_one_server_hold_up_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eotiles.read.stores.FETCHING_THREADS", 2)
    with serving() as slow, open_stores(web=Web(read_s=5, answer_s=5, retries=0)) as stores:
        slow.files["/a.tif"] = CONTENT
        hung, _ = stores.open(slow.location("/a.tif"))
        file, _ = stores.open(server.location("/a.tif"))
        release = threading.Event()
        slow.misbehave = lambda handler: not release.wait(5)
        wanted = [Range(0, 5), Range(100_000, 100_005), Range(200_000, 200_005)]
        waiting = threading.Thread(target=stores.get, args=(hung, wanted))
        waiting.start()
        while len(slow.asked) < 4:
            time.sleep(0.005)
        begun = time.monotonic()
        assert stores.get(file, wanted) == [CONTENT[each.start : each.stop] for each in wanted]
        assert time.monotonic() - begun < 2
        release.set()
        waiting.join()


def test_an_error_knows_its_file(server: Server, stores: Stores) -> None:
    server.files["/b.tif"] = CONTENT
    files = [stores.open(server.location(path))[0] for path in ("/a.tif", "/b.tif")]
    for name in ("/a.tif", "/b.tif"):
        content = server.files.pop(name)
        with pytest.raises(NotThere) as error:
            stores.get_all([(file, RANGES) for file in files])
        assert error.value.name == f"http://{server.host}{name}"
        server.files[name] = content
    with pytest.raises(Outside) as outside:
        stores.get_all([(files[0], RANGES), (files[1], [Range(0, 2**40)])])
    assert outside.value.name == files[1].name


def test_a_file_shorter_than_its_head(server: Server, stores: Stores) -> None:
    server.files["/s.tif"] = b"short"
    file, head = stores.open(server.location("/s.tif"))
    assert head == b"short"
    assert header_fetch(stores, file, head)(2, 100) == b"ort"
    assert header_fetch(stores, file, head)(5, 100) == b""
    server.files["/e.tif"] = b""
    with pytest.raises(StoreError):
        stores.open(server.location("/e.tif"))


def test_a_header_that_goes_beyond_the_head(server: Server, stores: Stores) -> None:
    file, head = stores.open(server.location("/a.tif"))
    fetch = header_fetch(stores, file, head)
    assert fetch(10, 20) == CONTENT[10:30]
    assert len(server.asked) == 1
    assert fetch(HEAD_BYTES - 5, 10) == CONTENT[HEAD_BYTES - 5 : HEAD_BYTES + 5]
    assert fetch(299_990, 100) == CONTENT[299_990:]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "wanted", [[Range(0, 300_001)], [Range(2**62, 2**62 + 1)], [Range(0, 1)] * 5000]
)
def test_bytes_outside_are_not_asked_for(
    server: Server, stores: Stores, wanted: list[Range]
) -> None:
    file, _ = stores.open(server.location("/a.tif"))
    with pytest.raises(Outside):
        stores.get(file, wanted)
    assert len(server.asked) == 1


VERSIONS: dict[str, Callable[[Server], None]] = {
    "etag": lambda server: None,
    "weak etag": lambda server: setattr(server, "etag", lambda content: f'W/"{content[0]}"'),
    "date": lambda server: (
        setattr(server, "etag", lambda content: ""),
        setattr(server, "modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
    )[0],
    "size": lambda server: setattr(server, "etag", lambda content: ""),
}


@pytest.mark.parametrize("kind", VERSIONS)
def test_a_changed_file_is_noticed(server: Server, stores: Stores, kind: str) -> None:
    VERSIONS[kind](server)
    file, _ = stores.open(server.location("/a.tif"))
    assert stores.get(file, RANGES[:1]) == [CONTENT[:10]]
    server.files["/a.tif"] = bytes([CONTENT[0] ^ 1]) + CONTENT[1:] + b"x"
    if kind == "date":
        server.modified = "Mon, 02 Nov 2026 10:00:01 GMT"
    with pytest.raises(Changed):
        stores.get(file, RANGES[:1])
    again, _ = stores.open(server.location("/a.tif"))
    assert again.version != file.version


def test_a_server_that_ignores_if_match_is_noticed(server: Server, stores: Stores) -> None:
    file, _ = stores.open(server.location("/a.tif"))

    def deaf(handler: Any) -> bool:
        headers = {"Content-Range": "bytes 0-9/300000", "ETag": '"other"'}
        handler.answer(206, b"0123456789", headers)
        return True

    server.misbehave = deaf
    with pytest.raises(Changed):
        stores.get(file, RANGES[:1])


@pytest.mark.parametrize(
    ("status", "kind", "text", "times"),
    [
        (200, Unreachable, "byte ranges", 1),
        (204, Unreachable, "204", 1),
        (301, Unreachable, "redirects", 1),
        (304, Unreachable, "redirects", 1),
        (401, NotThere, "refused", 1),
        (403, NotThere, "refused", 1),
        (404, NotThere, "not there", 1),
        (410, NotThere, "not there", 1),
        (412, Changed, "another one", 1),
        (416, Unreachable, "shorter", 1),
        (418, Unreachable, "418", 1),
        (429, Unreachable, "429", 3),
        (500, Unreachable, "500", 3),
        (503, Unreachable, "503", 3),
    ],
)
def test_statuses(
    server: Server, web: Web, status: int, kind: type[StoreError], text: str, times: int
) -> None:
    def answer(handler: Any) -> bool:
        handler.answer(status, b"" if status in (204, 304) else b"x" * 30)
        return True

    server.misbehave = answer
    with pytest.raises(kind, match=text) as error:
        web.read(server.location("/a.tif", "sig=secret"), Range(0, 10), version=None)
    assert len(server.asked) == times
    for hidden in ("127.0.0.1", "a.tif", "secret"):
        assert hidden not in str(error.value)


def test_a_server_that_fails_once_is_asked_again(server: Server, web: Web) -> None:
    def fail_once(handler: Any) -> bool:
        if len(server.asked) > 2:
            return False
        if len(server.asked) == 1:
            handler.answer(502)
        else:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        return True

    server.misbehave = fail_once
    assert web.read(server.location("/a.tif"), Range(5, 9), version=None).data == CONTENT[5:9]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 1-10/300000"},
        {"Content-Range": "bytes 1-9/300000"},
        {"Content-Range": "bytes 0-8/300000"},
        {"Content-Range": "bytes 0-9/*"},
        {"Content-Range": "bytes 0-9/4"},
        {"Content-Range": "bytes 0-9/99999999999999999999999"},
        {"Content-Range": "bytes 0-9/٣٠٠"},
        {"Content-Range": "items 0-9/300000"},
        {},
        {"Content-Type": "multipart/byteranges; boundary=x"},
        {"Content-Range": "bytes 0-9/300000", "Content-Encoding": "gzip"},
    ],
)
def test_answers_that_are_none(server: Server, web: Web, headers: dict[str, str]) -> None:
    def answer(handler: Any) -> bool:
        handler.send_response(206)
        for name, value in headers.items():
            handler.wfile.write(b"")
            handler._headers_buffer.append(f"{name}: {value}\r\n".encode())
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"0123456789")
        return True

    server.misbehave = answer
    with pytest.raises(Unreachable):
        web.read(server.location("/a.tif"), Range(0, 10), version=None)


@pytest.mark.parametrize("framing", ["length", "close", "chunked"])
@pytest.mark.parametrize("size_bytes", [0, 9, 11, 5_000_000])
def test_bodies_too_short_or_too_long(
    server: Server, web: Web, size_bytes: int, framing: str
) -> None:
    def answer(handler: Any) -> bool:
        handler.send_response(206)
        handler.send_header("Content-Range", "bytes 0-9/300000")
        if framing == "length":
            # Of a longer body the length is told too: what is beyond the range is not read.
            handler.send_header("Content-Length", str(10 if size_bytes < 10 else size_bytes))
        if framing == "chunked":
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if framing == "chunked":
            handler.wfile.write(b"%x\r\n" % size_bytes + b"x" * size_bytes + b"\r\n")
            if size_bytes:
                handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.wfile.write(b"x" * size_bytes)
        handler.close_connection = True
        return True

    server.misbehave = answer
    with pytest.raises(Unreachable):
        web.read(server.location("/a.tif"), Range(0, 10), version=None)
    server.misbehave = lambda handler: False
    assert web.read(server.location("/a.tif"), Range(0, 10), version=None).data == CONTENT[:10]


def test_a_chunked_answer_leaves_the_connection_clean(server: Server, web: Web) -> None:
    def answer(handler: Any) -> bool:
        handler.send_response(206)
        handler.send_header("Content-Range", "bytes 0-9/300000")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"a\r\n0123456789\r\n0\r\n\r\n")
        return True

    server.misbehave = answer
    for _ in range(3):
        got = web.read(server.location("/a.tif"), Range(0, 10), version=None)
        assert got.data == b"0123456789"
    assert len(set(server.connected)) == 1


@pytest.mark.parametrize("where", ["silent", "header", "body"])
def test_slow_servers_come_to_an_end(server: Server, where: str) -> None:
    def slow(handler: Any) -> bool:
        if where == "silent":
            time.sleep(1.5)
        elif where == "header":
            handler.wfile.write(b"HTTP/1.1 206 Partial Content\r\nX-Long: ")
            drip(handler, every_s=0.05, seconds=4)
        else:
            handler.send_response(206)
            handler.send_header("Content-Range", "bytes 0-9999/300000")
            handler.send_header("Content-Length", "10000")
            handler.end_headers()
            drip(handler, every_s=0.05, seconds=4)
        handler.close_connection = True
        return True

    server.misbehave = slow
    web = Web(connect_s=1, read_s=0.3, answer_s=0.6, retries=1)
    try:
        begun = time.monotonic()
        with pytest.raises(Unreachable):
            web.read(server.location("/a.tif"), Range(0, 10_000), version=None)
        assert time.monotonic() - begun < 2.0
    finally:
        web.close()


def test_nobody_listens(web: Web) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(Unreachable, match="does not answer"):
            web.read(Location("http", host, "/a.tif"), Range(0, 10), version=None)
    for host in ("127.0.0.1:99999", "127.0.0.1:x"):
        with pytest.raises(Unreachable):
            web.read(Location("http", host, "/a.tif"), Range(0, 10), version=None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_canary_behind_a_redirect_is_never_asked(
    server: Server, stores: Stores, status: int
) -> None:
    with serving() as canary:
        canary.files["/a.tif"] = CONTENT

        def redirect(handler: Any) -> bool:
            to = {"Location": f"http://{canary.host}/a.tif", "Refresh": f"0; http://{canary.host}"}
            handler.answer(status, b"", to)
            return True

        file, _ = stores.open(server.location("/a.tif"))
        server.misbehave = redirect
        with pytest.raises(Unreachable, match="redirects"):
            stores.open(server.location("/a.tif"))
        with pytest.raises(Unreachable, match="redirects"):
            stores.get(file, RANGES)
        assert (canary.connected, canary.asked) == ([], [])


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Names resolve to these addresses from now on, as their owner wants it."""
    asked: list[str] = []
    honest = socket.getaddrinfo

    def answer(host: str, port: int, *rest: Any) -> Any:
        if host[0].isdigit() or ":" in host:
            return honest(host, port, *rest)
        asked.append(host)
        return [entry for address in addresses for entry in honest(address, port, *rest)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


@pytest.mark.parametrize("kind", ["http", "https"])
@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("93.184.216.34", "127.0.0.1"), ("::ffff:127.0.0.1",)]
)
def test_a_name_that_resolves_to_this_machine_is_not_connected_to(
    server: Server, web: Web, monkeypatch: pytest.MonkeyPatch, kind: Any, addresses: tuple[str, ...]
) -> None:
    asked = resolve_to(monkeypatch, *addresses)
    location = Location(kind, f"data.example.org:{server.port}", "/a.tif")
    with pytest.raises(Unreachable, match="private address"):
        web.read(location, Range(0, 10), version=None)
    assert asked == ["data.example.org"], "not again: another answer would not make it better"
    assert (server.connected, server.asked) == ([], [])


def test_a_private_host_that_the_operator_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    host = f"minio:{server.port}"
    web = Web(private_hosts=frozenset((host,)))
    try:
        got = web.read(Location("http", host, "/a.tif"), Range(0, 10), version=None)
        assert got.data == CONTENT[:10]
        other = Location("http", f"other:{server.port}", "/a.tif")
        with pytest.raises(Unreachable, match="private address"):
            web.read(other, Range(0, 10), version=None)
    finally:
        web.close()


def test_a_public_name_is_connected_to_where_it_was_looked_up(
    server: Server, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is asked for once: a second answer, which may be another one, is never used."""
    asked = resolve_to(monkeypatch, "127.0.0.1")
    monkeypatch.setattr("eotiles.read.connections.is_public", lambda address: True)
    location = Location("http", f"data.example.org:{server.port}", "/a.tif")
    assert web.read(location, Range(0, 10), version=None).data == CONTENT[:10]
    assert asked == ["data.example.org"]
    assert server.asked[0].headers["Host"] == f"data.example.org:{server.port}"


def test_a_proxy_of_the_environment_is_not_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        web = Web()
        given = Web(proxy=f"http://{proxy.host}")
        proxy.files[f"http://{server.host}/a.tif"] = b"through the proxy"
        try:
            location = server.location("/a.tif")
            assert web.read(location, Range(0, 10), version=None).data == CONTENT[:10]
            assert proxy.asked == []
            assert given.read(location, Range(0, 17), version=None).data == b"through the proxy"
        finally:
            web.close()
            given.close()


def test_the_number_of_pools_is_bounded(
    server: Server, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "POOLS_MAX", 3)
    for last in range(2, 12):
        location = Location("http", f"127.0.0.1:{server.port}", "/a.tif")
        web.read(location, Range(0, 10), version=None)
        with pytest.raises(Unreachable):
            web.read(Location("http", f"127.0.0.{last}:1", "/a.tif"), Range(0, 9), version=None)
    assert len(web._pools) <= 3


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_what_names_an_address() -> None:
    for host in ("localhost", "127.0.0.1", "::1", "[::1]", "10.0.0.1"):
        assert names_an_address(host)
    for host in ("data.example.org", "localhost.example.org", "127.1", "2130706433", "minio", ""):
        assert not names_an_address(host)


def test_a_signature_is_in_no_line_of_the_log(
    server: Server, web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    def odd(handler: Any) -> bool:
        if len(server.asked) == 1:
            handler.wfile.write(b"HTTP/1.1 206 Partial Content\r\nno header\r\n\r\n")
            handler.close_connection = True
            return True
        return False

    server.misbehave = odd
    caplog.set_level("DEBUG")
    for path in ("/a.tif", "/a.tif", "/none.tif"):
        with contextlib.suppress(StoreError):
            web.read(server.location(path, "sig=secret"), Range(0, 9), version=None)
    assert len(server.asked) == 3
    assert "secret" not in caplog.text
