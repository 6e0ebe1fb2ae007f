"""Targets of ``services``: messages of the three services, without the framing of HTTP.

Octets are the first line, header fields, a blank line and the body. The first line of a request is
its method and URL, that of a response its status: so a change hits the message, not a length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiodicomweb.http import URL, Headers, MediaType, Request, Response
from aiodicomweb.services import (
    Query,
    RenderingOptions,
    Resource,
    RetrieveRequest,
    RetrieveResponse,
    Route,
    SearchRequest,
    SearchResponse,
    Selector,
    StoreRequest,
    StoreResponse,
    resolve_bulkdata,
)
from aiodicomweb.services.paging import Pager
from aiodicomweb.services.qido import parse_results
from aiodicomweb.services.transaction import status_error

from .dicom_targets import rewrite
from .http_targets import texts
from .judging import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from .judging import Attempt

__all__ = ["TARGETS"]

_BASE = URL.parse("http://pacs.example/rs")
_OFFERS = [
    MediaType.parse("application/dicom"),
    MediaType.parse('multipart/related; type="application/octet-stream"; transfer-syntax=1.2.3'),
]


def _split(octets: bytes) -> tuple[str, Headers, bytes]:
    head, _, body = octets.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    return first, Headers(line.partition(":")[::2] for line in lines), body


def _request(octets: bytes) -> Request:
    first, headers, body = _split(octets)
    method, _, url = first.partition(" ")
    return Request(method, URL.parse(url), headers, body)


def _response(octets: bytes) -> Response:
    first, headers, body = _split(octets)
    return Response(int(first) if first in _STATUSES else 200, headers, body)


_STATUSES = frozenset(map(str, range(200, 600)))


def _requests(kind: Any, octets: bytes, attempt: Attempt) -> None:
    """A request, the base URL known or not; what was read can be written, and reads the same."""
    request = attempt(_request, octets)
    if request is None:
        return
    for base_url in (None, _BASE):
        for permissive in (False, True):
            read = attempt(kind.from_http, request, base_url=base_url, permissive=permissive)
            if read is None:
                continue
            repr(read)
            written = attempt(read.to_http)
            if kind is RetrieveRequest:
                attempt(read.choose, _OFFERS, _OFFERS[0])
                attempt(read.admits, Response(200, request.headers))
            elif kind is SearchRequest:
                attempt(Pager(read, all_pages=True).next_request)
            else:
                for dataset in attempt(lambda: read.datasets) or ():  # noqa: B023  # called at once
                    rewrite(dataset, attempt)
            if written is not None and kind is not StoreRequest:
                options = {"base_url": read.base_url, "permissive": permissive}
                same("the request", read, kind.from_http(written, **options))


def search_request(octets: bytes, attempt: Attempt) -> None:
    """A search, as a server reads it."""
    _requests(SearchRequest, octets, attempt)


def retrieve_request(octets: bytes, attempt: Attempt) -> None:
    """A retrieval, as a server reads it."""
    _requests(RetrieveRequest, octets, attempt)


def store_request(octets: bytes, attempt: Attempt) -> None:
    """A request to store, as a server reads it."""
    _requests(StoreRequest, octets, attempt)


def _fetch(tag: str, vr: str, uri: str) -> bytes | None:
    return None if vr == "SQ" else bytes(8)


def search_response(octets: bytes, attempt: Attempt) -> None:
    """Results of a search, as data sets and as JSON."""
    response = attempt(_response, octets)
    if response is None:
        return
    attempt(lambda: status_error(response, now=1.7e9).describe())
    read = attempt(SearchResponse.from_http, response)
    if read is not None:
        attempt(read.to_http)
        for dataset in read.datasets:
            rewrite(dataset, attempt)
    results = attempt(parse_results, response)
    if results is not None:
        pager = Pager(SearchRequest(_BASE, Selector(study="")), all_pages=True)
        attempt(pager.take, results)
        same("nothing is new", [], pager.take(results))


def retrieve_response(octets: bytes, attempt: Attempt) -> None:
    """What was retrieved, whatever was asked for."""
    response = attempt(_response, octets)
    if response is None:
        return
    for resource in (None, *Resource):
        read = attempt(RetrieveResponse.from_http, response, resource=resource, bulk_data=_fetch)
        if read is None:
            continue
        repr(read)
        attempt(read.to_http)
        for dataset in read.datasets:
            rewrite(dataset, attempt)
        _ = [item.transfer_syntax for item in read.bulk_data]


def store_response(octets: bytes, attempt: Attempt) -> None:
    """What a server says about instances that were sent to it."""
    response = attempt(_response, octets)
    if response is None:
        return
    attempt(lambda: str(status_error(response, now=1.7e9)))
    read = attempt(StoreResponse.from_http, response)
    if read is not None:
        repr(read)
        read.missing(3)
        attempt(read.to_http)


def path(octets: bytes, attempt: Attempt) -> None:
    """The path of a resource, with and without the base."""
    for text in texts(octets):
        for permissive in (False, True):
            attempt(Route.parse, text, permissive=permissive)
            attempt(Route.parse, text, base="/rs", permissive=permissive)
            selector = attempt(Selector.from_path, text, permissive=permissive)
            if selector is not None:
                again = Selector.from_path(selector.path(), permissive=permissive)
                same("the selector", selector, again)
        attempt(resolve_bulkdata, _BASE, text)


def query(octets: bytes, attempt: Attempt) -> None:
    """The query of a search, or of a retrieval of rendered images."""
    for text in texts(octets):
        url = attempt(URL, "http", "pacs.example", "/rs/studies", text)
        if url is None:
            continue
        options = attempt(RenderingOptions.parse, url.parse_query())
        if options is not None:
            same("the options", options, RenderingOptions.parse(options.parameters()))
        parsed = attempt(Query.parse, url.parse_query())
        if parsed is not None:
            repr(parsed)
            written = [
                (name, [values] if isinstance(values, str) else values)
                for name, values in parsed[0].parameters(numerical_tags=True)
            ]
            same("the query", (parsed[0], ()), Query.parse(written))


TARGETS: dict[str, Callable[[bytes, Attempt], None]] = {
    "search-request": search_request,
    "search-response": search_response,
    "retrieve-request": retrieve_request,
    "retrieve-response": retrieve_response,
    "store-request": store_request,
    "store-response": store_response,
    "path": path,
    "query": query,
}
