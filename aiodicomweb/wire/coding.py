"""Content codings: gzip and deflate, decoded as they arrive (RFC 9110 §8.4)."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import FramingError, LimitExceeded, RemoteProtocolError, UnexpectedMediaType
from .arena import BLOCK

if TYPE_CHECKING:
    from .arena import Arena
    from .limits import Limits

__all__ = ["ContentDecoder", "content_codings"]

_TOKEN = re.compile(r"[a-z0-9-]{1,16}")
_FREE_EXPANSION = 16 * 1024 * 1024

_FREE_OVERHEAD = 128 * 1024
"""Coded octets that may become none: a gzip header has room for 64 KiB."""

_MOST_OVERHEAD = 16
"""Coded octets to a decoded one behind these. Who flushes after each octet sends eight."""

_FREE_MEMBERS = 1000
_LEAST_MEMBER = 64
"""Octets that members have on average behind these. An empty one, which is all work, has 20."""

_FIRST_REACH = 1024
"""Octets of a later member that zlib gets at first: what it doesn't need of them it copies."""

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_ALIASES = {"x-gzip": "gzip"}


def content_codings(tokens: list[str]) -> list[str]:
    """The codings of a ``Content-Encoding`` to be undone, last applied first.

    Raises:
        UnexpectedMediaType: A coding that nobody asked for and nobody here can undo.
    """
    codings = [_ALIASES.get(token, token) for token in reversed(tokens) if token != "identity"]
    if len(codings) > 1 or any(coding not in ("gzip", "deflate") for coding in codings):
        names = ", ".join(coding if _TOKEN.fullmatch(coding) else "…" for coding in codings)
        raise UnexpectedMediaType(
            f"the content coding {names} can't be undone", hint="gzip and deflate can"
        )
    return codings


def _is_zlib(start: memoryview) -> bool:
    """Whether it begins as HTTP's deflate must (RFC 1950 §2.2); some servers send it without."""
    return start[0] & 0x0F == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0


class ContentDecoder:
    """Undoes one content coding, from one arena into another.

    Bounded: a step makes at most one block, and the whole may not grow beyond
    ``Limits.expansion`` times what arrived. Nor may much arrive that becomes nothing: empty members
    or blocks without end, which no bound of what reads the octets would ever meet.

    Attributes:
        complete: The coded stream ended; nothing may follow.
    """

    __slots__ = (
        "_broken",
        "_coding",
        "_full",
        "_inflate",
        "_limit",
        "_members",
        "_pending",
        "_reach",
        "_read",
        "_written",
        "complete",
    )

    complete: bool

    def __init__(self, coding: str, limits: Limits) -> None:
        self._coding = coding
        self._limit = limits.expansion
        self._inflate = zlib.decompressobj(_GZIP if coding == "gzip" else _ZLIB)
        self._members = 1
        self._pending = memoryview(b"")  # coded octets that were taken but not decoded yet
        self._reach = BLOCK  # how many of them the next step looks at
        self._full = False  # the last step filled its block: zlib may hold more back
        self._broken = False  # all before the place where it is broken was decoded
        self._read = 0
        self._written = 0
        self.complete = False

    @property
    def idle(self) -> bool:
        """Nothing that was taken is left to be decoded."""
        return not self._pending and not self._full

    def advance(self, source: Arena, target: Arena, most: int) -> bool:
        """Decode up to ``most`` octets; false if the source has none to give.

        Raises:
            FramingError: The coded octets are broken, or more follow behind their end.
            LimitExceeded: They grow too much.
            RemoteProtocolError: Too many of them become nothing, or hardly anything.
        """
        if self._broken:
            raise self._broken_error()
        if self.idle and not self._take(source, most):
            return False
        if self.complete:
            self._start_member()
        octets = self._decompress(most)
        self._full = len(octets) == most and not self.complete
        self._written += len(octets)
        self._check_expansion()
        self._check_overhead()
        target.write(octets)
        target.deliver(len(octets))
        return True

    def receive_eof(self) -> None:
        """Complain unless the coded stream is whole."""
        if not self.complete:
            raise FramingError(f"the {self._coding} coded body is cut short")

    def _take(self, source: Arena, most: int) -> bool:
        """Take coded octets; false if there are none, or too few to see which format they have."""
        if source.available < (1 if self._read else 2):
            return False
        self._pending = memoryview(source.octets(0, most))
        source.consume(len(self._pending))
        if not self._read and self._coding == "deflate" and not _is_zlib(self._pending):
            self._inflate = zlib.decompressobj(_RAW)
        self._read += len(self._pending)
        return True

    def _decompress(self, most: int) -> bytes:
        piece = self._pending[: self._reach]
        before = self._inflate.copy()
        try:
            octets = self._inflate.decompress(piece, most)
        except zlib.error:
            self._inflate = before
            return self._salvage(piece)
        self.complete = self._inflate.eof
        rest = self._inflate.unused_data if self.complete else self._inflate.unconsumed_tail
        self._pending = self._pending[len(piece) - len(rest) :]
        self._reach = min(2 * self._reach, BLOCK)
        return octets

    def _salvage(self, piece: memoryview) -> bytes:
        """Decode up to where the coded octets are broken.

        zlib forgets what it made in the call in which it meets that. No part may be lost, or not,
        by the way in which the network cuts octets.
        """
        self._broken = True
        octets = bytearray()
        with suppress(zlib.error):
            for octet in piece:
                octets += self._inflate.decompress(bytes((octet,)))
        return bytes(octets)

    def _broken_error(self) -> FramingError:
        return FramingError(f"the {self._coding} coded body is broken")

    def _start_member(self) -> None:
        """A gzip stream may have several members, one behind the other (RFC 1952 §2.2)."""
        if self._coding != "gzip":
            raise FramingError(f"octets follow the end of the {self._coding} coded body")
        self._inflate = zlib.decompressobj(_GZIP)
        self._members += 1
        self._reach = _FIRST_REACH
        self.complete = False

    def _check_expansion(self) -> None:
        if self._written > _FREE_EXPANSION and self._written > self._limit * self._read:
            raise LimitExceeded(
                "the coded body expands too much", limit="expansion", value=self._limit
            )

    def _check_overhead(self) -> None:
        used = self._read - len(self._pending)
        nothing = used > _FREE_OVERHEAD and used > _MOST_OVERHEAD * self._written
        crumbs = self._members > _FREE_MEMBERS and used < _LEAST_MEMBER * self._members
        if nothing or crumbs:
            # No FramingError: that could be a body that broke off, and be asked for again.
            raise RemoteProtocolError(
                f"the {self._coding} coded body has too many octets that become nothing"
            )
