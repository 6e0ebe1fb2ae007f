"""The memory that a socket reads into and the parsers look at.

Theory of operation. An arena is one fixed ``bytearray`` with four indices::

    0        start          end        raw          filled      capacity
    |--------|==============|- - - - - |############|............|
     consumed  deliverable      gap      undecoded      free

The socket writes into *free* (``writable``, ``commit``). The body's framing turns *undecoded*
octets into *deliverable* ones (``deliver``) or drops them (``skip``: a chunk's size line), which
opens the gap; a move closes it, so that what is deliverable is always one piece. Parsers search
what is deliverable in place (``find``) and take it away (``consume``, ``detach``).

The bytearray is replaced, never resized: views that were handed out stay valid, and a large part
is handed to the user without a copy, by giving the whole bytearray away (``detach``). What is
left behind it, a few octets as a rule, moves to another one: new memory must be cleared, and its
pages faulted in, so that a buffer which was given away before comes back into use as soon as
nobody has a view of it any longer. Every octet is moved a bounded
number of times: a move makes room for half as much as it moves, and happens only when room is
asked for that is not there.

Offsets in this interface count from ``start``, so that they survive a move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["BLOCK", "Allocator", "Arena", "land"]

BLOCK = 256 * 1024
"""Octets of one ordinary read. Larger reads gain nothing on loopback or 10 GbE."""

SMALL_PART = 128 * 1024
"""Parts below are copied out: a copy in cache costs less than a page-faulting allocation."""

_FIRST_CAPACITY = 64 * 1024


MOST_KEPT = 8 * 1024 * 1024 + BLOCK
"""The largest buffer that is kept for use again."""

_MOST_GIVEN = 2
"""Who takes parts one by one has one while the next arrives in another."""


class Allocator(Protocol):
    """Gives the memory for a part that is read whole: of numpy, shared with others, pinned."""

    def __call__(self, size: int, /) -> WriteableBuffer:
        """Memory for one part, which is called for once all of it has arrived.

        The part is written to its start, at once, and a view of it goes to the reader of the
        part; nothing else is kept of it here, and nothing is ever written to it again. It is to
        be valid as long as that view is used. If the part is fetched anew it is asked for anew.

        Args:
            size: Octets of the part, at least 1: there is no call for a part without any.

        Returns:
            Contiguous and writable, of ``size`` octets or more.
        """
        ...


def land(octets: memoryview, allocator: Allocator) -> memoryview:
    """Copy octets into memory of the caller's choice, and return a read-only view of it.

    Raises:
        ValueError: The memory is not enough, or can't be written to.
    """
    if not octets:
        return memoryview(b"")
    memory = memoryview(allocator(len(octets)))
    if memory.readonly or not memory.c_contiguous or memory.nbytes < len(octets):
        raise ValueError(
            f"the allocator gave no contiguous, writable memory of {len(octets)} octets"
        )
    place = memory.cast("B")[: len(octets)]
    place[:] = octets
    return place.toreadonly()


class Arena:
    """A fixed buffer with indices; see the module's text.

    Attributes:
        position: Octets taken away so far; the parsers' offset in the message for errors.
    """

    __slots__ = ("_buffer", "_end", "_filled", "_given", "_raw", "_start", "_view", "position")

    position: int

    _start: int
    _end: int
    _raw: int
    _filled: int

    def __init__(self, capacity: int = _FIRST_CAPACITY) -> None:
        self._buffer = bytearray(capacity)
        self._view = memoryview(self._buffer)
        self._start = self._end = self._raw = self._filled = 0
        self._given: tuple[bytearray, ...] = ()  # the latest that were given away
        self.position = 0

    # --- what is there ---------------------------------------------------------------------------

    @property
    def available(self) -> int:
        """Number of deliverable octets."""
        return self._end - self._start

    @property
    def undecoded(self) -> int:
        """Number of octets that the framing has not looked at."""
        return self._filled - self._raw

    @property
    def capacity(self) -> int:
        """Size of the buffer in octets."""
        return len(self._buffer)

    # --- the socket's side -----------------------------------------------------------------------

    def writable(self, want: int) -> memoryview:
        """Room for the next read, valid until the next call; never none.

        It has up to ``want`` octets: fewer, down to half of a block, where that saves a move.
        Reads are often short, and with a move for each the cost would grow with the square.
        """
        if self._start == self._end and self._raw == self._filled:
            self._start = self._end = self._raw = self._filled = 0
        if self.capacity - self._filled < (min(want, BLOCK) + 1) // 2:
            self._make_room(want)
        return self._view[self._filled : self._filled + want]

    def commit(self, count: int) -> None:
        """Say that the first ``count`` octets of the room were written."""
        self._filled += count

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        """Append octets: ``writable`` and ``commit`` for those who have bytes already."""
        with memoryview(octets) as view:
            if self.capacity - self._filled < view.nbytes:
                self._make_room(view.nbytes)
            self._view[self._filled : self._filled + view.nbytes] = view.cast("B")
            self.commit(view.nbytes)

    # --- the framing's side ----------------------------------------------------------------------

    def undecoded_view(self) -> memoryview:
        """The undecoded octets in place, valid until the arena is next used."""
        return self._view[self._raw : self._filled]

    def find_undecoded(self, needle: bytes, offset: int = 0) -> int:
        """Find ``needle`` among the undecoded octets; -1 if it is not there."""
        found = self._buffer.find(needle, self._raw + offset, self._filled)
        return found if found < 0 else found - self._raw

    def deliver(self, count: int) -> None:
        """Make the next ``count`` undecoded octets deliverable."""
        if self._end != self._raw:
            self._view[self._end : self._end + count] = self._view[self._raw : self._raw + count]
        self._end += count
        self._raw += count
        self._close_empty_gap()

    def skip(self, count: int) -> None:
        """Drop the next ``count`` undecoded octets."""
        self._raw += count
        self._close_empty_gap()

    def _close_empty_gap(self) -> None:
        """With nothing undecoded, let the next read land right behind what is deliverable."""
        if self._raw == self._filled:
            self._raw = self._filled = self._end

    # --- the parsers' side -----------------------------------------------------------------------

    def window(self) -> tuple[bytearray, int, int]:
        """The buffer, and where what is deliverable begins and ends in it.

        For loops that look at much of it and copy out what they keep; to be looked at only, and
        only until the arena is next used.
        """
        return self._buffer, self._start, self._end

    def find(self, needle: bytes, offset: int = 0) -> int:
        """Find ``needle`` among the deliverable octets from ``offset`` on; -1 if not there."""
        found = self._buffer.find(needle, self._start + offset, self._end)
        return found if found < 0 else found - self._start

    def startswith(self, prefix: bytes, offset: int = 0) -> bool:
        """Whether the deliverable octets at ``offset`` begin with ``prefix``."""
        return self._buffer.startswith(prefix, self._start + offset, self._end)

    def octets(self, begin: int, end: int) -> bytes:
        """A copy of the deliverable octets from ``begin`` to ``end``, fewer if not there."""
        stop = min(self._start + end, self._end)
        return bytes(self._view[self._start + begin : stop])

    def view(self, count: int) -> memoryview:
        """The first ``count`` deliverable octets in place, read-only.

        Whoever hands it on releases it before the arena is next written to.
        """
        return self._view[self._start : self._start + count].toreadonly()

    def consume(self, count: int) -> None:
        """Take the first ``count`` deliverable octets away."""
        self._start += count
        self.position += count

    def detach(self, count: int, allocator: Allocator | None = None) -> memoryview:
        """Take the first ``count`` deliverable octets away, as memory of the caller's own.

        Args:
            count: Octets of the part.
            allocator: Gives memory to copy them to. The arena keeps its buffer then, whose pages
                the next part needs not fault in again; and so the copy costs little.

        Returns:
            A read-only view. For a large part it is the arena's own buffer, given away, unless
            there is an allocator.

        Raises:
            ValueError: The allocator's memory will not do.
        """
        if allocator is not None:
            return self._copy_out(count, allocator)
        piece = self._view[self._start : self._start + count]
        # Nor is a buffer given away of which the part fills less than half.
        if count < max(SMALL_PART, self._live() - count, self.capacity // 2):
            piece = memoryview(bytes(piece))
            self.consume(count)
            return piece
        given = self._buffer
        self.consume(count)
        self._move_to(self._unused(self._live()))
        if len(given) <= MOST_KEPT:
            self._given = (given, *self._given[: _MOST_GIVEN - 1])
        return piece.toreadonly()

    def _copy_out(self, count: int, allocator: Allocator) -> memoryview:
        piece = land(self._view[self._start : self._start + count], allocator)
        self.consume(count)
        if self.capacity > MOST_KEPT:
            self._move_to(bytearray(self._live()))
        return piece

    # --- room ------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Leave the buffers that were given away to those who have them."""
        self._given = ()

    def _unused(self, size: int) -> bytearray:
        """A buffer of at least this size: one that was given away and is free again, or new."""
        for buffer in self._given:
            if size <= len(buffer) and _is_free(buffer):
                self._given = tuple(other for other in self._given if other is not buffer)
                return buffer
        return bytearray(size)

    def _live(self) -> int:
        return self._end - self._start + self._filled - self._raw

    def _make_room(self, want: int) -> None:
        """Get ``want`` free octets, by a move to the front or a larger buffer."""
        live = self._live()
        needed = live + max(want, live // 2)
        self._move_to(self._buffer if needed <= self.capacity else self._unused(needed))

    def _move_to(self, buffer: bytearray) -> None:
        """Move what is live to the front of ``buffer``, and close the gap."""
        view = memoryview(buffer)
        ready, undecoded = self._end - self._start, self._filled - self._raw
        view[:ready] = self._view[self._start : self._end]
        view[ready : ready + undecoded] = self._view[self._raw : self._filled]
        self._buffer, self._view = buffer, view
        self._start, self._end = 0, ready
        self._raw, self._filled = ready, ready + undecoded


def _is_free(buffer: bytearray) -> bool:
    """Whether nobody has a view of it: only then can its size change."""
    try:
        buffer.append(buffer.pop())
    except BufferError:
        return False
    return True
