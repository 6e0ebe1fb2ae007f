"""What a body is made of, as its reader tells it: parts, their heads and their octets."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from ..errors import LimitExceeded
from .arena import BLOCK, SMALL_PART

if TYPE_CHECKING:
    from ..http import Headers
    from .arena import Allocator, Arena
    from .limits import Limits

__all__ = [
    "END",
    "NEED_DATA",
    "End",
    "NeedData",
    "PartHead",
    "PartReader",
    "Signal",
    "SinglePart",
    "WholePart",
    "growth",
]


_ON_TRUST = 64 * 1024 * 1024
"""The most memory that a peer's word alone, such as a length, makes us allocate at once."""

_SLACK = 512
"""Octets of a delimiter and the next part's head, usually 100 to 300."""


def growth(expected: int, available: int) -> int:
    """How many octets to make room for, towards a part that is read whole.

    Args:
        expected: The part's size, as far as one can guess; 0 if one can't.
        available: The octets that arrived.

    Returns:
        Just what is missing, with a little slack, so that memory that is given away holds no
        more than the part. Small parts are copied out of a block, into which many fit. Where
        nothing is known, twice what is there, which keeps the copies linear.
    """
    missing = expected + _SLACK - available
    if expected >= SMALL_PART and missing > 0:
        return min(missing, max(_ON_TRUST, available) + _SLACK)
    return max(BLOCK, available)


class Signal(Enum):
    """What a reader answers where it has nothing to give."""

    NEED_DATA = "more octets must arrive first"
    END = "there is no more"


NEED_DATA: Final = Signal.NEED_DATA
END: Final = Signal.END
NeedData = Literal[Signal.NEED_DATA]
End = Literal[Signal.END]


class PartHead(NamedTuple):
    """The head of a part.

    Attributes:
        headers: Its header fields; for a single-part body those of the message.
        number: 1 for the first part.
    """

    headers: Headers
    number: int


class WholePart(NamedTuple):
    """A part that was read whole.

    Attributes:
        head: Its head.
        octets: Read-only, and the caller's own.
    """

    head: PartHead
    octets: memoryview


class PartReader(Protocol):
    """Reads parts out of an arena, without I/O; the caller brings octets when it is asked to.

    For each part call ``next_part``, then either ``read_part`` for the whole or ``read_chunk``
    again and again for pieces. What is not read of a part is skipped by ``next_part``.
    Behind a part that was read ``take_ready`` may give many more at once.

    Attributes:
        part_number: Number of the part being read; 0 before the first.
        complete_parts: Number of parts that were seen whole.
        wanted: Octets that the reader would like to see arrive in one read; never below 1.
    """

    part_number: int
    complete_parts: int
    wanted: int

    def next_part(self) -> PartHead | NeedData | End:
        """The next part's head; ``NEED_DATA``; or ``END`` behind the last part."""
        ...

    def peek(self, most: int) -> bytes | NeedData:
        """The first octets of a part that is not read yet, ``most`` or all; none is taken."""
        ...

    def read_part(self, allocator: Allocator | None = None) -> memoryview | NeedData:
        """The current part's octets, whole and the caller's own; ends the part.

        Args:
            allocator: Gives the memory for them; called once they are there.
        """
        ...

    def take_ready(self) -> list[WholePart]:
        """Parts that follow the last one and are here whole; perhaps none."""
        ...

    def read_chunk(self) -> memoryview | NeedData | End:
        """A piece of the current part, valid until the next call; ``END`` ends the part."""
        ...

    def let_go(self) -> None:
        """The piece that was read last is needed no longer; the next call would say so too."""
        ...

    def receive_eof(self, *, delimited: bool) -> None:
        """No more octets come.

        Args:
            delimited: The message's framing says that this is its end. Otherwise the connection
                was closed, which truncation looks like too.

        Raises:
            RemoteProtocolError: The parts are not complete.
        """
        ...


class SinglePart:
    """A body that is not multipart, read as a multipart body of one part.

    Args:
        arena: Where the body's octets are delivered.
        headers: The message's header fields, which stand for the part's.
        length: The body's length in octets, where it is known.
        limits: Bounds.
        bound: The field of ``limits`` that bounds a body read whole.

    Attributes:
        part_number: 1 once the part began.
        complete_parts: 1 once it was seen whole.
        wanted: Octets that the reader would like to see arrive in one read.
    """

    __slots__ = (
        "_arena",
        "_bound",
        "_given",
        "_head",
        "_length",
        "_limit",
        "_piece",
        "_whole",
        "complete_parts",
        "part_number",
        "wanted",
    )

    part_number: int
    complete_parts: int
    wanted: int

    def __init__(
        self,
        arena: Arena,
        headers: Headers,
        length: int | None,
        limits: Limits,
        bound: str = "part",
    ) -> None:
        self._arena = arena
        self._head = PartHead(headers, 1)
        self._length = length
        self._limit: int = getattr(limits, bound)
        self._bound = bound
        self._piece: memoryview | None = None
        self._given = False
        self._whole = False
        self.part_number = 0
        self.complete_parts = 0
        self.wanted = BLOCK

    def next_part(self) -> PartHead | NeedData | End:
        """The one part's head, then ``END``."""
        if self.part_number == 0:
            self.part_number = 1
            return self._head
        while not self._given:
            if self.read_chunk() is NEED_DATA:
                return NEED_DATA
        return END

    def peek(self, most: int) -> bytes | NeedData:
        """The first octets of the body, ``most`` or all; none is taken."""
        if self._arena.available < most and not self._whole:
            self.wanted = BLOCK
            return NEED_DATA
        return self._arena.octets(0, most)

    def read_part(self, allocator: Allocator | None = None) -> memoryview | NeedData:
        """The body, whole, once it is complete."""
        available = self._arena.available
        if max(available, self._length or 0) > self._limit:
            raise LimitExceeded(
                "the body is too long for memory", limit=self._bound, value=self._limit
            )
        if not self._whole:
            self.wanted = growth(self._length or 0, available)
            return NEED_DATA
        self._given = True
        self.complete_parts = 1
        return self._arena.detach(available, allocator)

    def take_ready(self) -> list[WholePart]:
        """None: the one part is read by itself."""
        return []

    def read_chunk(self) -> memoryview | NeedData | End:
        """What arrived since the last call."""
        self.let_go()
        if self._arena.available:
            self._piece = self._arena.view(self._arena.available)
            return self._piece
        if not self._whole:
            self.wanted = BLOCK
            return NEED_DATA
        self._given = True
        self.complete_parts = 1
        return END

    def let_go(self) -> None:
        """The piece that was read last is needed no longer."""
        if self._piece is not None:
            self._arena.consume(len(self._piece))
            self._piece.release()
            self._piece = None

    def receive_eof(self, *, delimited: bool) -> None:
        """The end of the message is the end of the part."""
        self._whole = True
