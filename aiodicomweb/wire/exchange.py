"""One request and its response on one connection, seen from the client, without I/O.

The caller sends what ``request_head`` gives and then the request's body. It reads by calling
``next_head``, and then the methods of ``body``. Whenever one answers ``NEED_DATA``, octets must
arrive first::

    while (response := exchange.next_head()) is NEED_DATA:
        count = receive_into(exchange.writable(BLOCK))
        exchange.commit(count)                    # 0: the peer closed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import FramingError, LimitExceeded, RemoteProtocolError
from .body import BodyReader
from .framing import response_framing
from .heads import ClientHeads, check_fields, head_length
from .parts import NEED_DATA, NeedData

if TYPE_CHECKING:
    from ..http import Request, Response
    from .arena import Arena
    from .framing import Framing
    from .limits import Limits

__all__ = ["ClientExchange"]

_HEAD_READ = 32 * 1024


class ClientExchange:
    """One request and its response.

    Args:
        arena: The connection's memory; what is left in it belongs to this response.
        limits: Bounds.

    Attributes:
        body: The response's body, once ``next_head`` gave the head.
        continued: Whether the peer said that it wants the request's body (RFC 9110 §15.2.1).
    """

    __slots__ = (
        "_arena",
        "_eof",
        "_framing",
        "_heads",
        "_informational",
        "_limits",
        "_method",
        "_persistent",
        "_searched",
        "body",
        "continued",
    )

    body: BodyReader
    continued: bool

    def __init__(self, arena: Arena, limits: Limits) -> None:
        self._arena = arena
        self._limits = limits
        self._heads = ClientHeads()
        self._framing: Framing | None = None
        self._method = ""
        self._persistent = False
        self._informational = 0
        self._searched = 0
        self._eof = False
        self.continued = False

    def request_head(self, request: Request, target: str | None = None) -> bytes:
        """The request's head in octets.

        Args:
            request: Whose head.
            target: What a proxy is to be asked for; ``None`` for the path and query of the URL.

        Raises:
            LocalProtocolError: The request is not legal HTTP.
        """
        self._method = request.method
        self._persistent = "close" not in request.headers.tokens("Connection")
        return self._heads.request(request, target)

    def writable(self, wanted: int) -> memoryview:
        """Room for the next octets from the peer: about ``wanted``, valid until the next call."""
        return self._arena.writable(_HEAD_READ if self._framing is None else self.body.room(wanted))

    def commit(self, count: int) -> None:
        """Say that ``count`` octets arrived; 0 says that the peer closed."""
        self._arena.commit(count)
        self._eof = count == 0
        if self._framing is not None:
            self.body.receive(eof=self._eof)

    def next_head(self) -> Response | NeedData:
        """The head of the final response; informational ones are passed over.

        Raises:
            RemoteProtocolError: A head is not legal, or the peer closed before it was whole.
            LimitExceeded: A head is too long, or there are too many informational ones.
            FramingError: The head says contradictory things about the body.
        """
        while (response := self._one_head()) is not NEED_DATA and response.status < 200:
            self._informational += 1
            self.continued = self.continued or response.status == 100
            if response.status == 101:
                raise RemoteProtocolError("the server switches protocols, unasked")
            if self._informational > self._limits.informational:
                raise LimitExceeded(
                    "too many informational responses",
                    limit="informational",
                    value=self._limits.informational,
                )
        return response

    def _one_head(self) -> Response | NeedData:
        octets = self._arena.undecoded_view()
        if not (octets or self._eof):
            return NEED_DATA
        length = head_length(octets, self._limits.head, self._searched)
        if length is None:
            if self._eof:
                raise FramingError("the response ends before its head is whole")
            self._searched = len(octets)
            return NEED_DATA
        head = self._heads.response(bytes(octets[:length]))
        check_fields(head.response.headers, self._limits)
        self._arena.skip(length)
        self._searched = 0
        if not head.informational:
            self._persistent = self._persistent and head.persistent
            self._begin_body(head.response, head.http_version)
        return head.response

    def _begin_body(self, response: Response, http_version: str) -> None:
        self._framing = response_framing(self._method, response, http_version, self._limits)
        self.body = BodyReader(self._arena, self._framing, response, self._limits)
        self.body.receive(eof=False)

    @property
    def closed(self) -> bool:
        """Whether the peer closed."""
        return self._eof

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request once this one was sent whole.

        Not so if octets follow behind the response: nobody asked for them (RFC 9112 §9.2).
        """
        return (
            self._persistent
            and self._framing is not None
            and self._framing.complete
            and self._framing.delimited
            and not self._arena.undecoded
        )
