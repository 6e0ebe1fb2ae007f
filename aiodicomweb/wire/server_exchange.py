"""One request and its response on one connection, seen from the server, without I/O.

The caller reads by calling ``next_head``, and then the methods of ``body``; whenever one answers
``NEED_DATA``, octets must arrive first. Then it sends what ``response_head`` gives and the body,
which it codes in chunks where ``chunked`` says so::

    while (request := exchange.next_head()) is NEED_DATA:
        count = receive_into(exchange.writable(BLOCK))
        exchange.commit(count)                    # 0: the peer closed

Requests may follow each other in the arena before the first one is answered: an exchange takes
its own octets and leaves the rest to the next (RFC 9112 §9.3.2).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import FramingError, LimitExceeded, RemoteProtocolError
from ..http import URL, Request
from .body import BodyReader
from .framing import request_framing
from .heads import ServerHeads, check_fields, head_length
from .parts import NEED_DATA, NeedData

if TYPE_CHECKING:
    from ..http import Response
    from .arena import Arena
    from .framing import Framing
    from .heads import RequestHead
    from .limits import Limits

__all__ = ["ServerExchange", "with_own_port"]

_HEAD_READ = 32 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_EMPTY_LINES = 4
"""Empty lines that are skipped before a request (RFC 9112 §2.2); one would do."""


class ServerExchange:
    """One request and its response.

    Args:
        arena: The connection's memory; what is in it is the beginning of this request.
        limits: Bounds.
        scheme: ``http``, or ``https`` if the connection is secured.
        authority: Host and port of this server, for requests of HTTP/1.0, which may name none.

    Attributes:
        body: The request's body, once ``next_head`` gave the head.
        chunked: Whether the response's body is to be sent in chunks, once its head was written.
        until_close: Whether the end of the connection is to end it.
    """

    __slots__ = (
        "_arena",
        "_authority",
        "_begun",
        "_continue",
        "_empty_lines",
        "_eof",
        "_framing",
        "_heads",
        "_limits",
        "_method",
        "_persistent",
        "_scheme",
        "_searched",
        "_version",
        "body",
        "chunked",
        "until_close",
    )

    body: BodyReader
    chunked: bool
    until_close: bool

    def __init__(
        self, arena: Arena, limits: Limits, *, scheme: str = "http", authority: str = "localhost"
    ) -> None:
        self._arena = arena
        self._limits = limits
        self._scheme = scheme
        self._authority = authority
        self._heads = ServerHeads()
        self._framing: Framing | None = None
        self._method = ""
        self._version = "1.0"
        self._persistent = False
        self._continue = False
        self._begun = False
        self._searched = 0
        self._empty_lines = 0
        self._eof = False
        self.chunked = self.until_close = False

    # --- the request -----------------------------------------------------------------------------

    def writable(self, wanted: int) -> memoryview:
        """Room for the next octets from the peer: about ``wanted``, valid until the next call."""
        return self._arena.writable(_HEAD_READ if self._framing is None else self.body.room(wanted))

    def commit(self, count: int) -> None:
        """Say that ``count`` octets arrived; 0 says that the peer closed."""
        self._arena.commit(count)
        self._eof = count == 0
        if self._framing is not None:
            self._continue = False  # the peer didn't wait
            self.body.receive(eof=self._eof)

    def next_head(self) -> Request | NeedData:
        """The request's head: method, whole URL, and the header fields without ``Host``.

        Raises:
            RemoteProtocolError: The head is not legal, or the peer closed before it was whole.
                ``status_hint`` is the status to answer with.
            LimitExceeded: The head is too long.
            FramingError: The head says contradictory things about the body.
        """
        self._skip_empty_lines()
        octets = self._arena.undecoded_view()
        length = self._head_length(octets)
        if length is None:
            if self._eof:
                raise FramingError("the request ends before its head is whole")
            self._searched = len(octets)
            return NEED_DATA
        head = self._heads.request(bytes(octets[:length]), self._scheme)
        check_fields(head.request.headers, self._limits)
        self._arena.skip(length)
        self._begin(head)
        return self._request(head.request)

    def _skip_empty_lines(self) -> None:
        while self._empty_lines < _EMPTY_LINES and self._arena.find_undecoded(b"\r\n") == 0:
            self._arena.skip(2)
            self._searched = 0
            self._empty_lines += 1

    def _head_length(self, octets: memoryview) -> int | None:
        try:
            return head_length(octets, self._limits.head, self._searched)
        except LimitExceeded as error:
            line_ends = b"\n" in bytes(octets[: self._limits.head])
            error.status_hint = 431 if line_ends else 414
            raise

    def _begin(self, head: RequestHead) -> None:
        """Prepare for the body."""
        headers = head.request.headers
        self._method = head.request.method
        self._version = head.http_version
        self._framing = request_framing(headers, head.http_version, self._limits)
        self.body = BodyReader(self._arena, self._framing, head.request, self._limits)
        waits = not self._arena.undecoded
        self.body.receive(eof=False)
        self._persistent = self._version == "1.1" and "close" not in headers.tokens("Connection")
        expectations = set(headers.tokens("Expect"))
        if expectations - {"100-continue"}:
            raise RemoteProtocolError("the request expects what nobody does", status_hint=417)
        self._continue = bool(
            expectations and waits and self._version == "1.1" and not self._framing.complete
        )

    def _request(self, request: Request) -> Request:
        """The request with its whole URL."""
        url = request.url
        if not url.authority:
            url = replace(url, scheme=self._scheme, authority=self._authority)
        if url.scheme != self._scheme:
            raise RemoteProtocolError(
                f"a resource of {url.scheme} is not served by {self._scheme}",
                status_hint=421,  # RFC 9110 §7.4
            )
        return Request(
            request.method,
            with_own_port(url, URL(self._scheme, self._authority, "")),
            request.headers,
        )

    # --- the response ----------------------------------------------------------------------------

    @property
    def expects_continue(self) -> bool:
        """Whether the peer waits for a word before it sends the body (RFC 9110 §10.1.1)."""
        return self._continue

    def continue_head(self) -> bytes:
        """The interim response that asks for the body."""
        self._continue = False
        return self._heads.proceed()

    def response_head(
        self, response: Response, length: int | None, *, close: bool = False
    ) -> bytes:
        """The final response's head in octets.

        May be called again, for another response, while nothing of the first was sent.

        Args:
            response: Status, reason and header fields.
            length: Octets of the body, even where it is not sent because the method is ``HEAD``;
                ``None`` if that is not known.
            close: Whether this is the last exchange of the connection.

        Raises:
            LocalProtocolError: The response is not legal HTTP.
        """
        if self._begun:
            # What h11 wrote can't be unwritten; a new one doesn't know the peer, and assumes 1.0.
            self._heads = ServerHeads()
            close = True
        close = close or not self._persistent
        if close:
            response = replace(response, headers=response.headers.replace("Connection", "close"))
        head = self._heads.response(response, length)
        unknown = length is None
        self.chunked = unknown and self._version == "1.1" and not self._begun
        self.until_close = unknown and not self.chunked
        self._begun = True
        self._persistent = "close" not in response.headers.tokens("Connection")
        return head

    def has_body(self, status: int) -> bool:
        """Whether a response of this status to this request has a body (RFC 9112 §6.3)."""
        return self._method != "HEAD" and status not in (204, 304)

    @property
    def request_complete(self) -> bool:
        """Whether the request is whole, as its framing says; its body may still be to be read."""
        return self._framing is not None and self._framing.complete

    @property
    def reusable(self) -> bool:
        """Whether another request may follow, once the response was sent whole."""
        return self._persistent and self.request_complete


def with_own_port(url: URL, own: URL) -> URL:
    """A request's URL with the server's port, where ``Host`` is its own address and lacks it.

    dicomweb-client leaves it out, and follows the URLs of answers, which begin as the request's
    does. Behind a gateway the name is another, and no port means the default.

    Args:
        url: As the request has it.
        own: Scheme, address and port of the server.
    """
    is_own = url.host == own.host or (url.host == "localhost" and own.host in _LOOPBACK)
    if url.port is not None or not is_own or url.origin.port == own.origin.port:
        return url
    return replace(url, authority=f"{url.authority}:{own.port}")
