"""Whole HTTP/1.1 messages: octets to values and back.

Here the machines that read messages as they arrive are run over octets that are all there. It is
what ``bytes(request)`` and ``Request.from_bytes(octets)`` do: see
:class:`aiodicomweb._util.MessageCodec`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ..errors import RemoteProtocolError
from ..http import URL, Request, body_octets
from .arena import Arena
from .body import BodyReader
from .exchange import ClientExchange
from .framing import request_framing
from .heads import ClientHeads, ServerHeads, check_fields, head_length
from .limits import Limits
from .parts import NEED_DATA

if TYPE_CHECKING:
    from ..http import Headers, Response

__all__ = ["parse_request", "parse_response", "render_request", "render_response"]

_FRAMING_FIELDS = ("Content-Length", "Transfer-Encoding", "Content-Encoding")


def render_request(request: Request) -> bytes:
    """Write a request: see :meth:`aiodicomweb.http.Request.__bytes__`."""
    body = body_octets(request.body)
    return ClientHeads().request(request) + body


def render_response(response: Response) -> bytes:
    """Write a response: see :meth:`aiodicomweb.http.Response.__bytes__`."""
    return ServerHeads().response(response, len(response.body)) + response.body


def parse_request(octets: bytes | bytearray | memoryview, *, scheme: str) -> Request:
    """Read a request: see :meth:`aiodicomweb.http.Request.from_bytes`."""
    arena, limits = _prepare(octets)
    # Empty lines before a request line are left over from an earlier message (RFC 9112 §2.2).
    while arena.find_undecoded(b"\r\n") == 0:
        arena.skip(2)
    view = arena.undecoded_view()
    length = head_length(view, limits.head)
    if length is None:
        raise RemoteProtocolError("the request ends before its head is whole")
    head = ServerHeads().request(bytes(view[:length]), scheme)
    check_fields(head.request.headers, limits)
    arena.skip(length)
    request = head.request
    framing = request_framing(request.headers, head.http_version, limits)
    body = _read_body(BodyReader(arena, framing, request, limits), arena)
    return Request(request.method, request.url, _without_framing(request.headers), body)


def parse_response(octets: bytes | bytearray | memoryview, *, method: str) -> Response:
    """Read a response: see :meth:`aiodicomweb.http.Response.from_bytes`."""
    arena, limits = _prepare(octets)
    exchange = ClientExchange(arena, limits)
    exchange.request_head(Request(method, URL("http", "whole.message", "/")))
    exchange.commit(0)
    # At the end of the input it never asks for more.
    head = cast("Response", exchange.next_head())
    body = _read_body(exchange.body, arena)
    if method == "HEAD" or head.status == 304:
        return head  # what the fields of the framing describe is not here
    return replace(head, headers=_without_framing(head.headers), body=body)


def _prepare(octets: bytes | bytearray | memoryview) -> tuple[Arena, Limits]:
    arena = Arena()
    arena.write(octets)
    # What is in memory already need not be bounded; what a content coding makes of it is.
    limits = Limits()
    return arena, replace(limits, body=max(limits.body, len(octets)))


def _read_body(body: BodyReader, arena: Arena) -> bytes:
    """Read the body of a message of which all octets are there."""
    body.receive(eof=True)
    reader = body.whole()
    reader.next_part()
    while (octets := reader.read_part()) is NEED_DATA:
        body.advance(reader)  # goes on, or tells what is missing
    if arena.undecoded:
        raise RemoteProtocolError("octets follow behind the message")
    return bytes(octets)


def _without_framing(headers: Headers) -> Headers:
    return headers.without(*_FRAMING_FIELDS)
