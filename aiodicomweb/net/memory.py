"""Byte streams in memory: connections without a network, to which happens what happens to those."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio import ResourceGuard

from ..errors import ConnectionLost
from .stream import SendsInBlocks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Lane", "MemoryStream", "memory_pair"]

_CAPACITY = 64 * 1024


def memory_pair(capacity: int = _CAPACITY) -> tuple[MemoryStream, MemoryStream]:
    """Two streams: what is sent to one is received from the other.

    Args:
        capacity: Octets that are on the way in each direction at most; who sends more waits.
    """
    there, back = Lane(capacity), Lane(capacity)
    return MemoryStream(back, there), MemoryStream(there, back)


class Lane:
    """One direction of a pair: octets on their way, and what happens to them.

    Attributes:
        split: Octets that arrive at one time at most; ``None`` for as many as are there.
        delay: Seconds that octets take which are sent from now on.
    """

    split: int | None
    delay: float

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("a lane without room")
        self.split = None
        self.delay = 0.0
        self._capacity = capacity
        self._octets = bytearray()
        self._late: deque[tuple[float, int]] = deque()  # when how many of them arrive
        self._on_the_way = 0  # the sum of those
        self._left: int | None = None  # octets that pass before the cut
        self._clogged = False
        self._ended = False
        self._gone = False  # nobody receives any more
        self._reset = False
        self._changed: anyio.Event | None = None

    # --- what happens to octets ------------------------------------------------------------------

    def clog(self) -> None:
        """Let nothing arrive any more, not even the end, until :meth:`unclog`."""
        self._clogged = True

    def unclog(self) -> None:
        """Let octets arrive again."""
        self._clogged = False
        self._wake()

    def cut(self, after: int = 0) -> None:
        """Let only so many further octets pass: then comes an end, and the sender is told so."""
        self._left = after
        self._check_cut()

    # --- the sender's end ------------------------------------------------------------------------

    async def put(self, octets: memoryview) -> int:
        """Wait for room and take octets; how many.

        Raises:
            ConnectionLost: Nothing more passes.
        """
        while True:
            if self._ended or self._gone:
                raise ConnectionLost("the connection broke: nobody takes more octets")
            if room := self._capacity - len(self._octets):
                break
            await self._wait()
        count = min(len(octets), room)
        if self._left is not None:
            count = min(count, self._left)
            self._left -= count
        self._octets += octets[:count]
        if self.delay or self._late:
            due = anyio.current_time() + self.delay
            if self._late:
                due = max(due, self._late[-1][0])  # nothing overtakes
            self._late.append((due, count))
            self._on_the_way += count
        self._check_cut()
        self._wake()
        return count

    def end(self) -> None:
        """Nothing more is sent."""
        self._ended = True
        self._wake()

    def reset(self) -> None:
        """Nothing more is sent, and what is on the way is lost."""
        self._reset = True
        self._wake()

    # --- the receiver's end ----------------------------------------------------------------------

    async def take(self, view: memoryview) -> int:
        """Wait for octets and write them into ``view``; 0 at the end.

        Raises:
            ConnectionLost: The sender reset it, or the receiver closed.
        """
        while not self.is_readable():
            await self._wait(self._late[0][0] if self._late else math.inf)
        if self._gone:
            raise ConnectionLost("the connection was closed on this side")
        if self._reset:
            raise ConnectionLost("the connection broke: the peer reset it")
        count = min(len(view), self._arrived(), self.split or len(view))
        view[:count] = self._octets[:count]
        del self._octets[:count]
        self._wake()
        return count

    def is_readable(self) -> bool:
        """Whether octets arrived, or the end."""
        if self._gone:
            return True
        if self._clogged:
            return False
        return self._reset or self._arrived() > 0 or (self._ended and not self._octets)

    def leave(self) -> None:
        """Nobody receives any more."""
        self._gone = True
        self._octets.clear()
        self._late.clear()
        self._on_the_way = 0
        self._wake()

    # --- both ------------------------------------------------------------------------------------

    def _arrived(self) -> int:
        while self._late and self._late[0][0] <= anyio.current_time():
            self._on_the_way -= self._late.popleft()[1]
        return len(self._octets) - self._on_the_way

    def _check_cut(self) -> None:
        if self._left == 0:
            self.end()

    async def _wait(self, until: float = math.inf) -> None:
        """Wait for a change, or for a moment."""
        if self._changed is None:
            self._changed = anyio.Event()
        with anyio.CancelScope(deadline=math.inf if self._clogged else until):
            await self._changed.wait()

    def _wake(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


class MemoryStream(SendsInBlocks):
    """See :class:`~aiodicomweb.net.stream.ByteStream`. Made by :func:`memory_pair`.

    Attributes:
        incoming: Where octets come from; the peer's ``outgoing``.
        outgoing: Where octets go; the peer's ``incoming``.
    """

    __slots__ = ("_closed", "_reading", "_sending", "incoming", "outgoing")

    incoming: Lane
    outgoing: Lane

    def __init__(self, incoming: Lane, outgoing: Lane) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self._reading = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")
        self._closed = False

    async def receive_into(self, view: memoryview) -> int:
        """Receive; see the protocol."""
        with self._reading:
            await anyio.lowlevel.checkpoint()
            return await self.incoming.take(view)

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send; see the protocol."""
        with self._sending:
            for segment in segments:
                rest = memoryview(segment).cast("B")
                while rest:
                    await anyio.lowlevel.checkpoint()
                    rest = rest[await self.outgoing.put(rest) :]

    async def send_eof(self) -> None:
        """End this side."""
        with self._sending:
            await anyio.lowlevel.checkpoint()
            if self._closed:
                raise ConnectionLost("the connection was closed on this side")
            self.outgoing.end()

    def is_readable(self) -> bool:
        """Whether octets, or the end, wait to be read."""
        return self.incoming.is_readable()

    def abort(self) -> None:
        """Close both lanes; what was sent still arrives."""
        self._closed = True
        self.outgoing.end()
        self.incoming.leave()

    def reset(self) -> None:
        """Close both lanes; what was sent is lost."""
        if not self._closed:
            self.outgoing.reset()
        self.abort()

    async def aclose(self) -> None:
        """Close both lanes; what was sent still arrives."""
        self.abort()
        await anyio.lowlevel.checkpoint()
