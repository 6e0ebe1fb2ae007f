"""The octets of one body: framed, decoded, and made deliverable to a reader of parts.

They go from the arena that the socket writes to through the framing, which works in place, and
only if the body is coded through a decoder into a second arena.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import RemoteProtocolError, UnexpectedMediaType
from .arena import BLOCK, Arena
from .coding import ContentDecoder, content_codings
from .multipart import MultipartReader
from .parts import SinglePart

if TYPE_CHECKING:
    from ..errors import DicomWebError
    from ..http import Request, Response
    from .framing import Framing
    from .limits import Limits
    from .parts import PartReader

__all__ = ["BodyReader"]


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
    def arrived(self) -> bool:
        """All octets of the message are here; some may still have to be decoded, or read."""
        return self._framing.complete

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
        length = self._framing.remaining if self.arena is self._source else None
        if length is not None:
            length += self.arena.available
        return SinglePart(self.arena, self._message.headers, length, self._limits, bound)

    def room(self, wanted: int) -> int:
        """How many octets to receive at most, where the reader would like to see ``wanted``."""
        if self.arena is not self._source:
            wanted = BLOCK  # the reader counts decoded octets
        missing = self._framing.remaining
        return wanted if missing is None else max(1, min(wanted, missing))

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

    def skip(self) -> None:
        """Throw away what arrived, coded as it is. How much that may be is the caller's to bound.

        For who wants to see the end of the message and nothing else of it.
        """
        self._source.consume(self._source.available)

    def _drop(self) -> None:
        self._discarded += self.arena.available
        self.arena.consume(self.arena.available)

    @property
    def _bearable(self) -> bool:
        return self._discarded <= self._limits.preamble
