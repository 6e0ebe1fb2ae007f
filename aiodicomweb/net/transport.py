"""From a request to the response's head, and then part by part: what the client streams from.

Nothing is sent twice here: what is, and why, is decided where it is told of.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import anyio.lowlevel

from ..errors import DeadlineExceeded, DicomWebError
from ..http import Proxies
from ..wire import BLOCK
from .body_stream import BodyStream
from .pool import Pool
from .tls_settings import Tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from ssl import SSLContext

    from ..http import Request, Response
    from ..wire import Allocator, Limits, PartHead, WholePart
    from .closing import Closing
    from .connection import Connection
    from .deadline import Deadlines, Phase

__all__ = ["Incoming", "Transport", "Watcher"]

T = TypeVar("T")

_LONGEST_LOOK = 0.005
"""Seconds between two looks whether something arrived."""

_SOON = 5.0
"""Seconds in which the body of an error must have come. What it says is of use, the error is more.
"""


class Watcher(Protocol):
    """Is told how one exchange goes. Its methods neither wait nor raise."""

    @property
    def watches_parts(self) -> bool:
        """Whether the methods that begin with ``part`` are to be called."""
        ...

    def connected(self, connection: Connection) -> None:
        """The request is going out on this connection."""
        ...

    def part_began(self, head: PartHead | None) -> None:
        """A part begins, and the one before is over; ``None`` says that there is no more."""
        ...

    def part_read(self, octets: int) -> None:
        """Octets of the part were handed out."""
        ...

    def part_ended(self) -> None:
        """The part was handed out to its end."""
        ...

    def ended(self, error: BaseException | None, *, complete: bool) -> None:
        """The response is over: read to its end, or broken off by an error or by its reader."""
        ...

    def abandoned(self) -> None:
        """The response was left to the garbage collector: in any thread, at any moment."""
        ...


class Transport:
    """Sends requests over pooled connections.

    Args:
        tls: For ``https`` origins; ``None`` is ``Tls()``, a default that verifies.
        limits: Bounds.
        proxies: Which proxy leads to which origin; ``None`` is none to any.
    """

    def __init__(
        self, *, tls: Tls | SSLContext | None, limits: Limits, proxies: Proxies | None = None
    ) -> None:
        self._limits = limits
        self._pool = Pool(tls or Tls(), limits, proxies or Proxies())

    async def send(
        self,
        request: Request,
        deadlines: Deadlines,
        watcher: Watcher | None = None,
        *,
        fresh: bool = False,
    ) -> Incoming:
        """Send a request, once; the response comes back with its head read, its body not.

        A connection that was idle may die at the very moment of its reuse: ``ConnectionLost``
        with ``stale``. Who may send the request again does, on a fresh one.

        Args:
            request: The request.
            deadlines: Of the call.
            watcher: Is told how the response goes on; not of errors that this raises.
            fresh: Send it on a new connection, in the place of an idle one.

        Raises:
            TransportError: The way to the peer failed.
            ProtocolError: Request or response are not legal.
        """
        connection = await self._pool.acquire(request.url.origin, deadlines, fresh=fresh)
        if watcher is not None:
            watcher.connected(connection)
        try:
            response = await connection.send(request, deadlines)
        except BaseException:
            self._pool.release(connection, reusable=False)
            raise
        return Incoming(request, response, connection, self._pool, watcher)

    @property
    def closing(self) -> Closing:
        """The end of the transport, and of those who wait."""
        return self._pool.closing

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    def __repr__(self) -> str:
        """The pool's counts."""
        return f"<Transport {self._pool!r}>"


class Incoming:
    """A response whose body is still coming.

    Ends by itself when the body was read to its end, or when reading it fails: the connection
    goes back to the pool then, or is closed. Who stops before calls :meth:`close`.

    Attributes:
        request: What this answers, as it was sent.
        response: The head.
        sent: Octets of the request that were handed to the operating system before the head came.
        begun: Whether the request's body was begun: a server may refuse one that waits for it.
        ended: Whether the body was read to its end.
        delimited: Whether the response says itself where its body ends; else a close is the end.
        cut: Whether reading failed and the peer had closed: the body is cut short, not malformed.
    """

    __slots__ = (
        "_body",
        "_connection",
        "_part_watcher",
        "_pool",
        "_watcher",
        "begun",
        "cut",
        "delimited",
        "ended",
        "request",
        "response",
        "sent",
    )

    request: Request
    response: Response
    sent: int
    begun: bool
    ended: bool
    delimited: bool
    cut: bool

    def __init__(
        self,
        request: Request,
        response: Response,
        connection: Connection,
        pool: Pool,
        watcher: Watcher | None = None,
    ) -> None:
        self.request = request
        self.response = response
        self.sent = connection.sent
        self.begun = connection.begun
        self.ended = False
        self.delimited = connection.body.delimited
        self.cut = False
        self._connection: Connection | None = connection
        self._body = BodyStream(connection.body, connection.receive)
        self._pool = pool
        self._watcher = watcher
        self._part_watcher = watcher if watcher is not None and watcher.watches_parts else None

    @property
    def open(self) -> bool:
        """Whether the body may still be read."""
        return self._connection is not None

    @property
    def verifiable(self) -> bool:
        """Whether it would be noticed if the body were cut off.

        A length or chunks tell, and so do a close delimiter and the farewell of TLS. A single
        part that just ends with a TCP connection looks the same whole and cut off.
        """
        connection, media_type = self._require(), self.response.media_type
        multipart = media_type is not None and media_type.is_multipart
        return multipart or self.delimited or connection.origin.scheme == "https"

    @property
    def part_number(self) -> int:
        """Number of the current part; 0 before the first."""
        return self._body.part_number

    def join_parts(self) -> None:
        """Let the body be one part, whatever it is, of which nobody is told as of a part.

        Called before it is read.
        """
        self._body.join_parts()
        self._part_watcher = None

    async def next_part(self) -> PartHead | None:
        """The next part's head; ``None`` once the body was read to its end, which closes this.

        Raises:
            MultipartError: The parts are malformed or not complete.
            FramingError: The body is cut short.
            ConnectionLost: The connection broke.
            LimitExceeded: More than a bound of ``Limits``.
        """
        head = await self._read(self._body.next_part)
        if self._part_watcher is not None:
            self._part_watcher.part_began(head)
        if self._body.ended:
            await self._finish()
        return head

    async def peek(self, most: int) -> bytes:
        """The first octets of a part that is not read yet, ``most`` or all; none is taken.

        Raises like :meth:`next_part`.
        """

        async def peek() -> bytes:
            return await self._body.peek(most)

        return await self._read(peek)

    async def read_part(self, allocator: Allocator | None = None) -> memoryview:
        """The current part whole, read-only, the caller's own. Raises like :meth:`next_part`."""
        read = self._body.read_part
        part = await self._read(read if allocator is None else partial(read, allocator))
        if self._part_watcher is not None:
            self._part_watcher.part_read(len(part))
            self._part_watcher.part_ended()
        return part

    def take_ready(self) -> list[WholePart]:
        """Parts that follow the one that was read, and are here whole; perhaps none."""
        parts = [] if self._connection is None else self._body.take_ready()
        if self._part_watcher is not None:
            for head, octets in parts:
                self._part_watcher.part_began(head)
                self._part_watcher.part_read(len(octets))
                self._part_watcher.part_ended()
        return parts

    def take_arrived(self) -> memoryview:
        """What arrived and was not read, where reading failed: read-only, the caller's own."""
        return self._body.take_arrived()

    async def read_chunk(self) -> memoryview | None:
        """A piece of the current part, valid until the next call; ``None`` at its end."""
        chunk = await self._read(self._body.read_chunk)
        if self._part_watcher is not None:
            if chunk is None:
                self._part_watcher.part_ended()
            else:
                self._part_watcher.part_read(len(chunk))
        return chunk

    async def arrives(self, within: float) -> bool:
        """Whether the body can be read on without waiting for the peer; false once it was read.

        For a body that is read as one part. What is here is received; nothing is waited for in a
        read, so that the wait may be cancelled, and costs nothing if it was in vain.

        Args:
            within: Seconds to wait for it; 0 for what is here already.
        """
        connection = self._connection
        if connection is None:
            return False
        end = anyio.current_time() + min(within, connection.deadlines.left)
        pause = 0.0
        while not await self._read(self._body.is_ready):
            if connection.is_readable():  # it may be framing, and no octet of the body
                await self._read(partial(connection.receive, BLOCK))
                continue
            left = end - anyio.current_time()
            if left <= 0:
                return False
            await anyio.sleep(min(pause, left))
            pause = min(pause + _LONGEST_LOOK / 8, _LONGEST_LOOK)
        return True

    async def read_all(self) -> memoryview:
        """The body as one part, whatever it is, at most ``Limits.body`` octets."""
        body = await self._read(self._body.read_all)
        await self._finish()
        return body

    async def read_start(
        self, most: int, phase: Phase | None = None, *, soon: float = _SOON
    ) -> bytes:
        """The first ``most`` octets of the body, whatever it is; closes this.

        For the body of an error: what is wrong with it must not hide the error, and who sends it
        octet by octet must not hold it back.

        Args:
            most: Octets to read.
            phase: The whole has the seconds of this phase; ``None`` for those of ``read``, and
                not more than ``soon``.
            soon: Seconds.
        """
        deadlines = self._require().deadlines
        self.join_parts()
        start = bytearray()
        failure: BaseException | None = None
        try:
            with (
                anyio.move_on_after(math.inf if phase else soon),
                deadlines.phase(phase or "read"),
            ):
                await self._read_into(start, most)
        except DeadlineExceeded:
            pass  # the rest is given up, as it is where there is too much of it
        except DicomWebError as error:
            failure = error  # what came before has to do
        except BaseException as error:
            failure = error
            raise
        finally:
            self._release(reusable=False, error=failure)
        return bytes(start)

    async def _read_into(self, start: bytearray, most: int) -> None:
        await self._body.next_part()
        while len(start) < most and (chunk := await self._body.read_chunk()) is not None:
            start += chunk[: most - len(start)]
        if len(start) < most:
            await self._body.next_part()
            await self._finish()

    def close(self) -> None:
        """Give up the rest of the body, if any: its connection is closed. Never fails."""
        self._release(reusable=False)

    def abandon(self) -> None:
        """The same for a finaliser, which may run in any thread, and without an event loop."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._watcher is not None:
                self._watcher.abandoned()
            self._pool.abandon(connection)

    async def _read(self, step: Callable[[], Awaitable[T]]) -> T:
        """Read on; what fails or is cancelled ends this."""
        self._require()
        try:
            return await step()
        except BaseException as error:
            self.cut = self._connection is not None and self._connection.closed
            self._release(reusable=False, error=error)
            raise

    async def _finish(self) -> None:
        """The body was read to its end."""
        self.ended = True
        self._release(reusable=self._require().finish())
        # Others had their turn while the response was waited for.
        await anyio.lowlevel.checkpoint_if_cancelled()

    def _require(self) -> Connection:
        if self._connection is None:
            # Who missed an error must not take what is left for the end.
            raise self._body.failure or RuntimeError(
                "the response was read to its end, or given up"
            )
        return self._connection

    def _release(self, *, reusable: bool, error: BaseException | None = None) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(connection, reusable=reusable)
            if self._watcher is not None:
                self._watcher.ended(error, complete=self.ended)
