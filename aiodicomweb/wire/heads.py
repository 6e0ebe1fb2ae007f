"""Heads of messages: h11 writes them and is the judge of what is legal (RFC 9112 §2-§5).

One :class:`ClientHeads` serves one exchange seen from the client, one :class:`ServerHeads` one
seen from the server. h11 sees the head of the request, the heads of the responses and the
trailers, never the octets of a body: :mod:`~aiodicomweb.wire.framing` counts those in place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

from ..errors import LimitExceeded, LocalProtocolError, ProtocolError, RemoteProtocolError
from ..http import URL, Headers, Request, Response, body_length

if TYPE_CHECKING:
    from .limits import Limits

__all__ = [
    "ClientHeads",
    "RequestHead",
    "ResponseHead",
    "ServerHeads",
    "check_fields",
    "check_trailers",
    "head_length",
]

_BLANK_LINE = re.compile(rb"\n\r?\n")
"""The end of a head as h11 sees it: a blank line, with bare LF tolerated (RFC 9112 §2.2)."""

_BARE_LF = re.compile(rb"(?<!\r)\n")

_ILLEGAL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\r\n[ \t]")
"""What h11 lets pass in a head, or some of it: controls, bare CR, folded lines."""

_REFUSALS = {
    "Missing mandatory Host": "the request names no host",
    "Found multiple Host": "the request has more than one Host field",
    "Illegal method characters": "the method of the request is no token",
    "Illegal target characters": "the target of the request has a space or control in it",
    "Illegal header name": "the name of a header field is no token",
    "Illegal header value": "the value of a header field has an octet that is not allowed",
    "bad Content-Length": "Content-Length is no number",
    "conflicting Content-Length": "the message has two lengths that are not the same",
    "multiple Transfer-Encoding": "the message has more than one Transfer-Encoding field",
    "Only Transfer-Encoding": "the body has a transfer coding other than chunked",
    "continuation line at start": "the first header field begins like a folded line",
    "no request line": "the request begins with an empty line, and has no request line",
    "illegal request line": "the first line is no request line of HTTP",
    "no response line": "the response begins with an empty line, and has no status line",
    "illegal status line": "the first line is no status line of HTTP",
    "illegal header line": "a line is no header field",
    "InformationalResponse status_code": "there is no such status",
    "Response status_code": "there is no such status",
    "Received server _SWITCH_UPGRADE": "the protocol is switched, and nobody asked for that",
}
"""What errors of h11 begin with, and what is said instead: it may quote octets, and so secrets."""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """A final or informational response's head.

    Attributes:
        response: Status, reason and header fields, with an empty body.
        http_version: ``1.0`` or ``1.1``.
    """

    response: Response
    http_version: str

    @property
    def informational(self) -> bool:
        """Whether it is a 1xx, which a final response follows."""
        return self.response.status < 200

    @property
    def persistent(self) -> bool:
        """Whether the peer lets the connection live on (RFC 9112 §9.3)."""
        return self.http_version == "1.1" and "close" not in self.response.headers.tokens(
            "Connection"
        )


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request's head.

    Attributes:
        request: Method, URL and header fields without ``Host``, with an empty body.
        http_version: ``1.0`` or ``1.1``.
    """

    request: Request
    http_version: str


def head_length(octets: memoryview, limit: int, searched: int = 0) -> int | None:
    """Length of the head at the start of ``octets``, or ``None`` if it isn't all there.

    Args:
        octets: What arrived so far.
        limit: The most octets that a head may have (``Limits.head``).
        searched: How many of the octets were looked at before.

    Raises:
        LimitExceeded: The head is longer than the limit.
    """
    # Three octets of overlap: the blank line is at most LF CR LF.
    match = _BLANK_LINE.search(octets, max(0, searched - 3), min(len(octets), limit))
    if match is not None:
        return match.end()
    if len(octets) >= limit:
        raise LimitExceeded("the head of the message is too long", limit="head", value=limit)
    return None


def check_fields(headers: Headers, limits: Limits) -> None:
    """Complain about a head of too many fields; the status to answer with is 431.

    Raises:
        LimitExceeded: There are more than ``Limits.fields``.
    """
    if len(headers) > limits.fields:
        raise LimitExceeded(
            "there are too many header fields",
            limit="fields",
            value=limits.fields,
            status_hint=431,
        )


def _verdict(error: h11.ProtocolError) -> str:
    """What h11 objects to, in our words."""
    text = str(error)
    known = (words for start, words in _REFUSALS.items() if text.startswith(start))
    return next(known, "the head of the message is not legal HTTP")


class ClientHeads:
    """The heads of one exchange, seen from the client."""

    __slots__ = ("_connection",)

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.CLIENT)

    def request(self, request: Request, target: str | None = None) -> bytes:
        """Write the head of a request.

        ``Host`` is filled in, and so is the framing: ``Content-Length`` where there is a body or
        where the method is one that usually has one (RFC 9110 §8.6), nothing otherwise. A length
        of the caller's own does not count: one that is wrong would smuggle a request. ``Expect``
        is left out where there is no body (RFC 9110 §10.1.1).

        Args:
            request: Whose head.
            target: What a proxy is to be asked for; ``None`` for the path and query of the URL.

        Raises:
            LocalProtocolError: The request is not legal HTTP.
        """
        headers, length = request.headers, body_length(request.body)
        if "Transfer-Encoding" in headers:
            raise LocalProtocolError("bodies are sent with Content-Length, not Transfer-Encoding")
        # Without a body there is nothing to wait with.
        headers = headers.without("Content-Length", *(() if length else ("Expect",)))
        lines = headers.to_wire()
        if "Host" not in headers:
            host = request.url.without_userinfo().authority
            lines.insert(0, (b"Host", host.encode("ascii")))
        if length or request.method in ("POST", "PUT", "PATCH"):
            lines.append((b"Content-Length", b"%d" % length))
        try:
            event = h11.Request(
                method=request.method, target=target or request.url.target, headers=lines
            )
            return self._connection.send(event) or b""
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(_verdict(error)) from None

    def response(self, octets: bytes) -> ResponseHead:
        """Read one whole head of a response, with its blank line.

        Raises:
            RemoteProtocolError: It is not legal HTTP.
        """
        try:
            self._connection.receive_data(octets)
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(_verdict(error), excerpt=octets) from None
        if not isinstance(event, h11.Response | h11.InformationalResponse):
            raise RemoteProtocolError("there is no response in the head")
        response = Response(
            status=event.status_code,
            headers=_received(event),
            reason=event.reason.decode("iso-8859-1"),
        )
        return ResponseHead(response, event.http_version.decode("ascii"))


class ServerHeads:
    """The heads of one exchange, seen from the server."""

    __slots__ = ("_connection",)

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER)

    def request(self, octets: bytes, scheme: str) -> RequestHead:
        """Read one whole head of a request, with its blank line.

        Args:
            octets: The head.
            scheme: That of the connection, unless the target is a whole URL.

        Raises:
            RemoteProtocolError: It is not legal HTTP; ``status_hint`` is the status to answer
                with. Lines that end without CR and folded lines are not legal, other than in a
                response: a gateway before us may see other requests (RFC 9112 §5.2, §11.2).
        """
        if _BARE_LF.search(octets):
            raise RemoteProtocolError("a line of the request's head ends without CR")
        if _ILLEGAL.search(octets):
            raise RemoteProtocolError("the request's head has a control or a folded line in it")
        try:
            self._connection.receive_data(octets)
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(
                _verdict(error), excerpt=octets, status_hint=error.error_status_hint
            ) from None
        if not isinstance(event, h11.Request):
            raise RemoteProtocolError("there is no request in the head")
        version = _http_version(event.http_version.decode("ascii"))
        headers = _received(event)
        method, target = event.method.decode("ascii"), event.target.decode("ascii")
        if (method, target) == ("OPTIONS", "*"):
            target = ""  # of the server itself: there is no path (RFC 9112 §3.3)
        url = _request_url(target, headers.get("Host", ""), scheme)
        if not url.authority and version != "1.0":
            raise RemoteProtocolError("the request names no host")
        request = Request(method, url, headers.without("Host"))
        return RequestHead(request, version)

    def proceed(self) -> bytes:
        """Write the interim response that asks for the body (RFC 9110 §15.2.1)."""
        event = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
        return self._connection.send(event) or b""

    def response(self, response: Response, length: int | None) -> bytes:
        """Write the head of a final response, with the framing of its body.

        A ``Content-Length`` of the caller's own counts only for 304, which has no body.

        Args:
            response: Status, reason and header fields; its body is not looked at.
            length: Octets of the body that follows. ``None`` is a length that nobody knows yet:
                the body is chunked then, or towards HTTP/1.0 ends with the connection.

        Raises:
            LocalProtocolError: The response is not legal HTTP.
        """
        headers = response.headers
        if "Transfer-Encoding" in headers:
            raise LocalProtocolError("how a body is transferred is not for the caller to say")
        bodiless = response.status in (204, 304)
        if bodiless and length != 0:
            raise LocalProtocolError(f"a response of status {response.status} has no body")
        if response.status != 304:
            headers = headers.without("Content-Length")
        if not bodiless and length is not None:
            headers = headers.add("Content-Length", str(length))
        try:
            event = h11.Response(
                status_code=response.status,
                headers=headers.to_wire(),
                reason=response.reason.encode("iso-8859-1"),
            )
            return self._connection.send(event) or b""
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(_verdict(error)) from None


def _received(event: h11.Request | h11.Response | h11.InformationalResponse) -> Headers:
    """The fields of a head, their names in lower case."""
    # In one piece: to iterate over what h11 keeps costs several times as much.
    return Headers.from_wire([(name.lower(), value) for name, value in event.headers.raw_items()])


def _http_version(version: str) -> str:
    """1.0 or 1.1; a higher minor version speaks as 1.1 does (RFC 9110 §6.2)."""
    if not version.startswith("1."):
        raise RemoteProtocolError(f"HTTP/{version} is not spoken here", status_hint=505)
    return "1.0" if version == "1.0" else "1.1"


def _request_url(target: str, host: str, scheme: str) -> URL:
    """The URL of a request: a target that is a whole URL overrules ``Host`` (RFC 9112 §3.2.2)."""
    try:
        if target and not target.startswith("/"):
            url = URL.parse(target)
            URL(scheme if host else "", host, "")  # overruled, but it must be one
            if url.host and url.fragment is None and "@" not in host:
                return url.without_userinfo()
        elif "@" not in host:
            # Not parsed: "//" at the start would be read as an authority.
            path, mark, query = target.partition("?")
            return URL(scheme if host else "", host, path, query if mark else None)
    except ProtocolError:
        pass
    raise RemoteProtocolError("the request has no target on this server")


def check_trailers(octets: bytes) -> None:
    """Let h11 judge the trailers of a chunked body; they are discarded (RFC 9112 §7.1.2).

    Args:
        octets: The trailer section with its blank line.

    Raises:
        RemoteProtocolError: They are not legal fields.
    """
    connection = h11.Connection(h11.CLIENT)
    try:
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "trailers")]))
        connection.receive_data(
            b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + octets
        )
        event: object = connection.next_event()
        while isinstance(event, h11.Response):
            event = connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(f"illegal trailers: {_verdict(error)}", excerpt=octets) from None
    if not isinstance(event, h11.EndOfMessage):
        raise RemoteProtocolError("the trailers don't end")
