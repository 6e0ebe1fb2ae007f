"""Where a body ends: Content-Length, chunked, or the end of the connection (RFC 9112 §6, §7).

A framing looks at the undecoded octets of an :class:`~aiodicomweb.wire.arena.Arena` and makes
those of the body deliverable, in place. It never copies payload, except that the octets behind a
chunk's size line move forward over it when more of them follow in the same read.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

from ..errors import FramingError, LimitExceeded
from .heads import check_trailers

if TYPE_CHECKING:
    from ..http import Headers, Response
    from .arena import Arena
    from .limits import Limits

__all__ = [
    "LAST_CHUNK",
    "Announced",
    "ChunkedFraming",
    "Framing",
    "LengthFraming",
    "UntilClose",
    "chunk_start",
    "request_framing",
    "response_framing",
]


class Framing(Protocol):
    """One body's framing.

    Attributes:
        complete: No octet of this body is to come; the message is whole.
        delimited: The message says itself where it ends. Otherwise the end of the connection
            stands for it, and a truncation looks the same (RFC 9112 §8).
    """

    complete: bool
    delimited: bool

    @property
    def remaining(self) -> int | None:
        """Octets still to come, where that is known."""
        ...

    def advance(self, arena: Arena) -> None:
        """Deliver what can be delivered of the undecoded octets."""
        ...

    def receive_eof(self) -> None:
        """The peer closed: the end of the body, or its truncation.

        Raises:
            FramingError: The body isn't whole.
        """
        ...


class LengthFraming:
    """``Content-Length``: exactly that many octets; no body is a length of 0 (HTP-25)."""

    __slots__ = ("_remaining", "complete", "delimited")

    complete: bool
    delimited: bool

    def __init__(self, length: int) -> None:
        self._remaining = length
        self.complete = length == 0
        self.delimited = True

    @property
    def remaining(self) -> int | None:
        """Octets still to come."""
        return self._remaining

    def advance(self, arena: Arena) -> None:
        """Deliver up to the length."""
        count = min(arena.undecoded, self._remaining)
        arena.deliver(count)
        self._remaining -= count
        self.complete = self._remaining == 0

    def receive_eof(self) -> None:
        """Complain unless all octets arrived."""
        if not self.complete:
            raise FramingError(f"the body ends {self._remaining} octets before its Content-Length")


class UntilClose:
    """Neither length nor chunked: the body ends with the connection (HTP-27)."""

    __slots__ = ("complete", "delimited")

    complete: bool
    delimited: bool

    def __init__(self) -> None:
        self.complete = False
        self.delimited = False

    @property
    def remaining(self) -> int | None:
        """Nobody knows."""
        return None

    def advance(self, arena: Arena) -> None:
        """Deliver everything."""
        arena.deliver(arena.undecoded)

    def receive_eof(self) -> None:
        """The only end that there is; whether it is the right one, the content must show."""
        self.complete = True


class Announced:
    """No framing of ours: whoever delivers the octets says where they end, by :meth:`end`.

    So it is where a web framework has done the framing, and gives the body in pieces.
    """

    __slots__ = ("complete", "delimited")

    complete: bool
    delimited: bool

    def __init__(self) -> None:
        self.complete = False
        self.delimited = True

    @property
    def remaining(self) -> int | None:
        """Nobody knows."""
        return None

    def advance(self, arena: Arena) -> None:
        """Deliver everything."""
        arena.deliver(arena.undecoded)

    def end(self) -> None:
        """The octets delivered so far are the whole body."""
        self.complete = True

    def receive_eof(self) -> None:
        """Complain unless the end was told."""
        if not self.complete:
            raise FramingError("the body is cut short")


class _Chunk(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


# The grammar that h11 accepts, to the letter: two parsers that disagree on a chunk's size are
# how requests are smuggled (RFC 9112 §11.2).
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;.*)?[ \t]*")
_TRAILERS_END = re.compile(rb"\n\r?\n")

# A server is stricter: a gateway before it may read a bare LF or CR in another way.
_STRICT_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;[\t\x20-\x7e\x80-\xff]*)?[ \t]*")
_BARE_LF = re.compile(rb"(?<!\r)\n")


class ChunkedFraming:
    """``Transfer-Encoding: chunked`` (RFC 9112 §7.1).

    Extensions are ignored; those of all chunks together may have as many octets as the chunks
    themselves, and ``Limits.chunk_line`` besides (HTP-34).

    Args:
        limits: Bounds.
        strict: Whether lines must end with CRLF and hold no controls, as those of a request.
    """

    __slots__ = (
        "_extensions",
        "_limit",
        "_remaining",
        "_size_line",
        "_state",
        "_strict",
        "complete",
        "delimited",
    )

    complete: bool
    delimited: bool

    def __init__(self, limits: Limits, *, strict: bool = False) -> None:
        self._limit = limits.chunk_line
        self._strict = strict
        self._size_line = _STRICT_SIZE_LINE if strict else _SIZE_LINE
        self._state = _Chunk.SIZE
        self._remaining = 0
        self._extensions = 0  # their octets, less those of the chunks that came whole
        self.complete = False
        self.delimited = True

    @property
    def remaining(self) -> int | None:
        """Nobody knows before the last chunk."""
        return None

    def advance(self, arena: Arena) -> None:
        """Decode chunks in place, as far as they arrived."""
        step = {
            _Chunk.SIZE: self._read_size,
            _Chunk.DATA: self._read_data,
            _Chunk.DATA_END: self._read_data_end,
            _Chunk.TRAILERS: self._read_trailers,
        }
        while not self.complete and step[self._state](arena):
            pass

    def receive_eof(self) -> None:
        """Complain unless the last chunk arrived."""
        if not self.complete:
            raise FramingError("the chunked body ends before its last chunk")

    def _read_size(self, arena: Arena) -> bool:
        length = arena.find_undecoded(b"\r\n")
        if length < 0 or length > self._limit:
            # The last octet may be the CR that ends a line which is just short enough.
            self._check_length(arena.undecoded - 1 if length < 0 else length, "a chunk's size line")
            return False
        match = self._size_line.fullmatch(arena.undecoded_view()[:length])
        if match is None:
            excerpt = bytes(arena.undecoded_view()[:length])
            raise FramingError("illegal chunk size line", excerpt=excerpt)
        if length > match.end(1):
            self._extensions += length - match.end(1)
            self._check_length(self._extensions, "what stands behind the chunks' sizes")
        self._remaining = int(match[1], 16)
        self._extensions -= self._remaining  # of use to none before these came
        arena.skip(length + 2)
        self._state = _Chunk.DATA if self._remaining else _Chunk.TRAILERS
        return True

    def _read_data(self, arena: Arena) -> bool:
        count = min(arena.undecoded, self._remaining)
        arena.deliver(count)
        self._remaining -= count
        if self._remaining:
            return False
        self._state = _Chunk.DATA_END
        return True

    def _read_data_end(self, arena: Arena) -> bool:
        # Verified, not skipped: a lenient reader here enabled request smuggling (HTP-96).
        end = bytes(arena.undecoded_view()[:2])
        if not b"\r\n".startswith(end):
            raise FramingError("a chunk's data is not followed by CRLF", excerpt=end)
        if len(end) < 2:
            return False
        arena.skip(2)
        self._state = _Chunk.SIZE
        return True

    def _read_trailers(self, arena: Arena) -> bool:
        view = arena.undecoded_view()
        start = bytes(view[:2])
        if start.startswith((b"\r\n", b"\n")):
            length = start.index(b"\n") + 1
            self._check_line_ends(view[:length])
        else:
            match = _TRAILERS_END.search(view, 0, self._limit)
            if match is None:
                self._check_length(len(view), "the trailer section")
                return False
            length = match.end()
            self._check_line_ends(view[:length])
            check_trailers(bytes(view[:length]))
        arena.skip(length)
        self._state = _Chunk.DONE
        self.complete = True
        return False

    def _check_line_ends(self, trailers: memoryview) -> None:
        if self._strict and _BARE_LF.search(trailers):
            raise FramingError("a line of the trailers ends without CR")

    def _check_length(self, length: int, what: str) -> None:
        if length > self._limit:
            raise LimitExceeded(f"{what} is too long", limit="chunk_line", value=self._limit)


LAST_CHUNK = b"0\r\n\r\n"
"""Ends a chunked body, without trailers."""


def chunk_start(length: int) -> bytes:
    """What goes before a chunk's octets; CRLF goes behind them (RFC 9112 §7.1).

    Args:
        length: Octets of the chunk; never 0, which would be the last one.
    """
    return b"%x\r\n" % length


def request_framing(
    headers: Headers, http_version: str, limits: Limits
) -> LengthFraming | ChunkedFraming:
    """Choose a request's framing, in the order of precedence of RFC 9112 §6.3.

    Raises:
        FramingError: See :func:`response_framing`.
    """
    # A request never ends with the connection: it waits for the answer (HTP-26).
    return _told_framing("request", headers, http_version, limits) or LengthFraming(0)


def response_framing(
    method: str, response: Response, http_version: str, limits: Limits
) -> LengthFraming | ChunkedFraming | UntilClose:
    """Choose a response's framing, in the order of precedence of RFC 9112 §6.3.

    Raises:
        FramingError: Both framings at once, or chunked in HTTP/1.0: signs of an attack, or of a
            broken gateway (HTP-22, HTP-94).
    """
    if method == "HEAD" or response.status in (204, 304):
        return LengthFraming(0)
    return _told_framing("response", response.headers, http_version, limits) or UntilClose()


def _told_framing(
    message: str, headers: Headers, http_version: str, limits: Limits
) -> LengthFraming | ChunkedFraming | None:
    if "Transfer-Encoding" in headers:
        # h11 lets pass only `chunked` alone, once.
        if "Content-Length" in headers:
            raise FramingError(f"the {message} has both Transfer-Encoding and Content-Length")
        if http_version == "1.0":
            raise FramingError(f"the {message} is chunked in HTTP/1.0")
        return ChunkedFraming(limits, strict=message == "request")
    length = headers.get("Content-Length")
    return None if length is None else LengthFraming(int(length))
