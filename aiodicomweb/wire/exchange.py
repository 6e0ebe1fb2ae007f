"""One request and its response on one connection, seen from the client, without I/O.

The caller sends what ``request_head`` gives and then the request's body. It reads by calling
``next_head``, and then the methods of ``body``. Whenever one answers ``NEED_DATA``, octets must
arrive first::

    while (response := exchange.next_head()) is NEED_DATA:
        count = receive_into(exchange.writable(BLOCK))
        exchange.commit(count)                    # 0: the peer closed

Octets of a body go from the arena that the socket writes to through the framing, which works in
place, and only if the body is coded through a decoder into a second arena. There the readers of
parts find them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import FramingError, LimitExceeded, RemoteProtocolError, UnexpectedMediaType
from .arena import BLOCK, Arena
from .coding import ContentDecoder, content_codings
from .framing import response_framing
from .heads import ClientHeads, head_length
from .multipart import MultipartReader
from .parts import NEED_DATA, NeedData, SinglePart

if TYPE_CHECKING:
    from ..errors import DicomWebError
    from ..http import Request, Response
    from .framing import Framing
    from .limits import Limits
    from .parts import PartReader

__all__ = ["BodyReader", "ClientExchange"]

_HEAD_READ = 32 * 1024


class BodyReader:
    """The octets of one body, framed and decoded, as they arrive.

    Args:
        source: Where the octets are received, from the first of the body on.
        framing: Tells its end.
        message: The message that the body belongs to.
        limits: Bounds.

    Attributes:
        arena: Where they are deliverable to a reader of parts.
    """

    __slots__ = (
        "_broken",
        "_decoder",
        "_discarded",
        "_framing",
        "_limits",
        "_message",
        "_source",
        "_told",
        "arena",
    )

    arena: Arena

    def __init__(
        self, source: Arena, framing: Framing, message: Request | Response, limits: Limits
    ) -> None:
        self._source = source
        self._framing = framing
        self._message = message
        self._limits = limits
        self._broken: DicomWebError | None = None
        # Where there are no octets (HEAD, 204, 304, a length of 0) there is nothing to undo.
        codings = [] if framing.complete else message.headers.tokens("Content-Encoding")
        try:
            codings = content_codings(codings)
        except UnexpectedMediaType as error:
            self._broken = error  # told when the body is read: the status matters more
        decode = codings and self._broken is None
        self._decoder = ContentDecoder(codings[0], limits) if decode else None
        self.arena = Arena() if codings else source
        self.arena.position = 0
        self._discarded = 0
        self._told = False

    @property
    def complete(self) -> bool:
        """The message is whole, as its framing says; the reader may still have to read it."""
        decoder = self._decoder
        decoded = decoder is None or (
            decoder.complete and decoder.idle and not self._source.available
        )
        return self._framing.complete and decoded

    @property
    def delimited(self) -> bool:
        """The message says itself where it ends; closing the connection is not its end."""
        return self._framing.delimited

    @property
    def missing(self) -> int | None:
        """Octets still to come, where a ``Content-Length`` tells."""
        return self._framing.remaining

    def parts(self) -> PartReader:
        """A reader of the parts: of a multipart body, or of the one part that it is otherwise."""
        media_type = self._message.media_type
        if media_type is not None and media_type.is_multipart:
            return MultipartReader(self.arena, media_type.boundary, self._limits)
        return self._single("part")

    def whole(self) -> PartReader:
        """A reader of the body as one part, whatever its media type, bounded by ``Limits.body``."""
        return self._single("body")

    def _single(self, bound: str) -> SinglePart:
        length = None if self._decoder else self._framing.remaining
        if length is not None:
            length += self.arena.available
        return SinglePart(self.arena, self._message.headers, length, self._limits, bound)

    def receive(self, *, eof: bool) -> None:
        """Let the framing look at what was received.

        What is wrong with it is told when all that came before it was read, so that no part is
        lost, or not, by the way in which the network cuts octets.

        Args:
            eof: The peer closed.
        """
        try:
            self._framing.advance(self._source)
            if eof:
                self._framing.receive_eof()
        except RemoteProtocolError as error:
            self._broken = self._broken or error

    def advance(self, reader: PartReader) -> bool:
        """Bring the reader on after it said ``NEED_DATA``, from what is buffered.

        Returns:
            False if octets must be received first.

        Raises:
            FramingError: The body is cut short, or its framing or content coding is broken.
            LimitExceeded: A chunk's size line is too long, or a coded body expands too much.
            UnexpectedMediaType: The body has a content coding that can't be undone.
        """
        if self._decoder is not None and self._decoder.advance(self._source, self.arena, BLOCK):
            return True
        if self._broken is not None:
            raise self._broken
        if not self._framing.complete or self._told:
            return False
        if self._decoder is not None:
            self._decoder.receive_eof()
        # A content coding proves nothing here: gzip may be cut between two members.
        reader.receive_eof(delimited=self._framing.delimited)
        self._told = True
        return True

    def discard(self) -> bool:
        """Throw away what was delivered, behind the last part.

        Returns:
            False if it is not worth it to receive more: the message is whole, or this is too much.

        Raises:
            FramingError, LimitExceeded, UnexpectedMediaType: As from :meth:`advance`.
        """
        self._drop()
        if self._decoder is not None:
            while self._bearable and self._decoder.advance(self._source, self.arena, BLOCK):
                self._drop()
            if self._framing.complete and self._bearable:
                self._decoder.receive_eof()
        if self._broken is not None:
            raise self._broken
        return self._bearable and not self._framing.complete

    def _drop(self) -> None:
        self._discarded += self.arena.available
        self.arena.consume(self.arena.available)

    @property
    def _bearable(self) -> bool:
        return self._discarded <= self._limits.preamble


class ClientExchange:
    """One request and its response.

    Args:
        arena: The connection's memory; what is left in it belongs to this response.
        limits: Bounds.

    Attributes:
        body: The response's body, once ``next_head`` gave the head.
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
    )

    body: BodyReader

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

    def request_head(self, request: Request) -> bytes:
        """The request's head in octets.

        Raises:
            LocalProtocolError: The request is not legal HTTP.
        """
        self._method = request.method
        self._persistent = "close" not in request.headers.tokens("Connection")
        return self._heads.request(request)

    def writable(self, wanted: int) -> memoryview:
        """Room for the next octets from the peer: about ``wanted``, valid until the next call."""
        if self._framing is None:
            wanted = _HEAD_READ
        else:
            if self.body.arena is not self._arena:
                wanted = BLOCK  # the reader counts decoded octets
            if self._framing.remaining is not None:
                wanted = max(1, min(wanted, self._framing.remaining))
        return self._arena.writable(wanted)

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
        length = head_length(octets, self._limits.head, self._searched)
        if length is None:
            if self._eof:
                raise FramingError("the response ends before its head is whole")
            self._searched = len(octets)
            return NEED_DATA
        head = self._heads.response(bytes(octets[:length]))
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
