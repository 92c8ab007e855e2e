"""Items of a STAC API, page after page, as one program asks another: one page at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import orjson

from eotiles.core.errors import BadParameter, IngestRefused
from eotiles.ingest.records.fetch import Fetcher
from eotiles.ingest.records.journal import Mark, Name
from eotiles.ingest.records.record import Json, Record, parse
from eotiles.ingest.records.source import Wanted

MOST_PAGES = 1_000_000
_CONFORMS = "item-search"


def is_api(document: Mapping[str, Any]) -> bool:
    """Whether a landing page is one of a STAC API that can be searched."""
    conforms = document.get("conformsTo")
    said = isinstance(conforms, list) and any(_CONFORMS in str(name) for name in conforms)
    return said and _search_link(document) is not None


def search_records(
    landing: Json,
    url: str,
    wanted: Wanted,
    fetcher: Fetcher,
    *,
    into: str | None = None,
    resume: str | None = None,
) -> Iterator[Record]:
    """The items that are wanted, each collection before its first item.

    A page that cannot be had ends it, with a Record that says why.

    Args:
        landing: the landing page of the API.
        url: where that is.
        wanted: which items.
        fetcher: reads pages.
        into: collection that items go into instead of their own.
        resume: key of the last mark that an earlier run had stored.
    """
    link = _search_link(landing)
    if link is None:
        yield Record(url, None, "has no link for searching")
        return
    method = str(link.get("method", "GET")).upper()
    address = urljoin(url, str(link.get("href")))
    first = _Request(address, wanted.parameters(address, method), method)
    request, left = first, math.inf if wanted.limit is None else wanted.limit
    if resume is not None and wanted.limit is None:
        request = _Request.read(resume) or first
    resumed = request is not first
    collections: set[Any] = set()
    asked: set[str] = set()
    before: list[Any] = []
    for _ in range(MOST_PAGES):
        key = request.write()
        if key in asked:
            yield Record(
                request.url, None, "leads to a page that was read already: the pages go in a circle"
            )
            return
        asked.add(key)
        try:
            page, clean = _page(request, fetcher)
        except (IngestRefused, BadParameter) as error:
            if resumed:
                # Its links are good for a while only.
                request, resumed = first, False
                asked.clear()
                continue
            yield Record(request.url, None, str(error), gap=True)
            return
        resumed = False
        following = _next(page, request)
        features = page["features"]
        names = [feature.get("id") for feature in features if isinstance(feature, dict)]
        if names and names == before:
            yield Record(request.url, None, "answers with the same page again and again")
            return
        before = names
        features = features[: int(min(left, len(features)))]
        left -= len(features)
        for number, feature in enumerate(features, 1):
            place = _place(feature, request.url, number)
            if not isinstance(feature, dict):
                yield Record(place, None, "is no STAC item")
                continue
            collection = feature.get("collection")
            if isinstance(collection, str) and collection not in collections:
                collections.add(collection)
                yield _collection(url, collection, fetcher)
            last = number == len(features) and following is not None
            mark = Mark(following.write(), _names(features, into)) if last and following else None
            if not clean and not _is_finite(feature):
                yield Record(place, None, "holds NaN or Infinity, which JSON has not", mark=mark)
                continue
            yield Record(
                place, feature, base=_base(feature, request.url), size_bytes=8192, mark=mark
            )
        if following is None or not features or left <= 0:
            return
        request = following
    yield Record(url, None, f"has more than {MOST_PAGES} pages")


class _Request:
    """A page: its address, and for a POST what is asked."""

    def __init__(self, url: str, parameters: Json, method: str) -> None:
        self.method = method
        self.parameters = parameters
        self.url = url
        if method == "GET" and parameters:
            parts = urlsplit(url)
            pairs = parse_qsl(parts.query, keep_blank_values=True)
            pairs += [
                (name, value if isinstance(value, str) else json.dumps(value))
                for name, value in parameters.items()
            ]
            self.url = urlunsplit(parts._replace(query=urlencode(pairs)))

    def write(self) -> str:
        """As a line of text that `read` understands."""
        return json.dumps([self.url, self.parameters if self.method == "POST" else {}, self.method])

    @staticmethod
    def read(text: str) -> _Request | None:
        try:
            url, parameters, method = json.loads(text)
            return _Request(str(url), dict(parameters), str(method))
        except (ValueError, TypeError):
            return None


def _page(request: _Request, fetcher: Fetcher) -> tuple[Json, bool]:
    """A page, and whether all its numbers are JSON's.

    Raises:
        IngestRefused: it cannot be had.
        BadParameter: it is none.
    """
    text = fetcher.read(request.url, body=request.parameters if request.method == "POST" else None)
    clean = True
    try:
        page = parse(text)
    except BadParameter as error:
        # One item with NaN in it is no reason to lose the others of its page.
        clean = False
        try:
            page = json.loads(text)
        except (ValueError, RecursionError):
            raise error from None
    if not isinstance(page, dict) or not isinstance(page.get("features"), list):
        raise BadParameter("answers with something that is no page of items")
    return page, clean


def _next(page: Json, request: _Request) -> _Request | None:
    links = page.get("links")
    for link in links if isinstance(links, list) else ():
        if (
            isinstance(link, dict)
            and link.get("rel") == "next"
            and isinstance(link.get("href"), str)
        ):
            method = str(link.get("method", "GET")).upper()
            given = link.get("body")
            body: Json = given if isinstance(given, dict) else {}
            merged = {**request.parameters, **body} if link.get("merge") else dict(body)
            url = urljoin(request.url, link["href"])
            return _Request(url, merged if method == "POST" else {}, method)
    return None


def _collection(url: str, name: str, fetcher: Fetcher) -> Record:
    address = f"{url.split('?')[0].rstrip('/')}/collections/{quote(name, safe='')}"
    try:
        document = parse(fetcher.read(address))
        if not isinstance(document, dict) or document.get("type") != "Collection":
            raise BadParameter("answers with something that is no collection")
    except (IngestRefused, BadParameter) as error:
        return Record(address, None, str(error), gap=True)
    return Record(address, document, base=address)


def _search_link(document: Mapping[str, Any]) -> Json | None:
    """The link for searching, by POST if there is one: a search may be longer than an address."""
    links = document.get("links")
    found = [
        link
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict)
        and link.get("rel") == "search"
        and isinstance(link.get("href"), str)
    ]
    posted = [link for link in found if str(link.get("method", "GET")).upper() == "POST"]
    return next(iter(posted or found), None)


def _base(feature: Json, url: str) -> str:
    """Where an item is: what its `self` link says, if that is on a web server, else the page it was found on."""
    links = feature.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "self":
            href = str(link.get("href"))
            if href.startswith(("https://", "http://")):
                return href
    return url


def _place(feature: Any, url: str, number: int) -> str:
    """How people are told about an item of a page."""
    where = f"{url.split('?')[0]}, number {number} of a page"
    name = feature.get("id") if isinstance(feature, dict) else None
    return f"{where} (item {name[:200]!r})" if isinstance(name, str) else where


def _names(features: Sequence[Any], into: str | None) -> tuple[Name, ...]:
    """The first of a page: if that is gone the page is too."""
    for feature in features:
        if isinstance(feature, dict):
            name = (into or feature.get("collection"), feature.get("id"))
            if isinstance(name[0], str) and isinstance(name[1], str):
                return ((name[0], name[1]),)
    return ()


def _is_finite(value: Any) -> bool:
    """Whether orjson writes it as it is: NaN becomes null."""
    try:
        return bool(orjson.loads(orjson.dumps(value)) == value)
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return False
