"""From a request to the response's head, and then part by part: what the client streams from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import anyio.lowlevel

from ..errors import ConnectionLost, DicomWebError
from .body_stream import BodyStream
from .pool import Pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from ssl import SSLContext

    from ..http import Request, Response
    from ..wire import Limits, PartHead
    from .connection import Connection
    from .deadline import Deadlines

__all__ = ["Incoming", "Transport"]

T = TypeVar("T")


class Transport:
    """Sends requests over pooled connections.

    Args:
        tls: For ``https`` origins; ``None`` is a default that verifies.
        limits: Bounds.
    """

    def __init__(self, *, tls: SSLContext | None, limits: Limits) -> None:
        self._limits = limits
        self._pool = Pool(tls, limits)

    async def send(self, request: Request, deadlines: Deadlines) -> Incoming:
        """Send a request; the response comes back with its head read, its body not.

        A connection that was idle may die at the very moment of its reuse. A request without
        effect is then sent again, once, on another (RFC 9110 §9.2.2, RFC 9112 §9.3.1). One that
        expects ``100-continue`` of a server that can't is sent again without.

        Raises:
            TransportError: The way to the peer failed.
            ProtocolError: Request or response are not legal.
        """
        fresh = False
        while True:
            connection = await self._pool.acquire(request.url.origin, deadlines, fresh=fresh)
            try:
                response = await connection.send(request, deadlines)
            except ConnectionLost:
                reused = connection.exchanges > 1
                self._pool.release(connection, reusable=False)
                if reused and connection.received == 0 and request.method in ("GET", "HEAD"):
                    fresh = True
                    continue
                raise
            except BaseException:
                self._pool.release(connection, reusable=False)
                raise
            if response.status == 417 and "Expect" in request.headers:
                self._pool.release(connection, reusable=False)
                request = replace(request, headers=request.headers.without("Expect"))
                continue
            return Incoming(response, connection, self._pool)

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
        response: The head.
        ended: Whether the body was read to its end.
    """

    __slots__ = ("_body", "_connection", "_pool", "ended", "response")

    response: Response
    ended: bool

    def __init__(self, response: Response, connection: Connection, pool: Pool) -> None:
        self.response = response
        self.ended = False
        self._connection: Connection | None = connection
        self._body = BodyStream(connection.body, connection.receive)
        self._pool = pool

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
        return multipart or connection.body.delimited or connection.origin.scheme == "https"

    @property
    def part_number(self) -> int:
        """Number of the current part; 0 before the first."""
        return self._body.part_number

    async def next_part(self) -> PartHead | None:
        """The next part's head; ``None`` once the body was read to its end, which closes this.

        Raises:
            MultipartError: The parts are malformed or not complete.
            FramingError: The body is cut short.
            ConnectionLost: The connection broke.
            LimitExceeded: More than a bound of ``Limits``.
        """
        head = await self._read(self._body.next_part)
        if self._body.ended:
            await self._finish()
        return head

    async def read_part(self) -> memoryview:
        """The current part whole, read-only, the caller's own. Raises like :meth:`next_part`."""
        return await self._read(self._body.read_part)

    async def read_chunk(self) -> memoryview | None:
        """A piece of the current part, valid until the next call; ``None`` at its end."""
        return await self._read(self._body.read_chunk)

    async def read_all(self) -> memoryview:
        """The body as one part, whatever it is, at most ``Limits.body`` octets."""
        body = await self._read(self._body.read_all)
        await self._finish()
        return body

    async def read_start(self, most: int) -> bytes:
        """The first ``most`` octets of the body, whatever it is; closes this.

        For the body of an error: what is wrong with it must not hide the error.
        """
        self._body.join_parts()
        start = bytearray()
        try:
            await self.next_part()
            while len(start) < most and (chunk := await self.read_chunk()) is not None:
                start += chunk[: most - len(start)]
            if len(start) < most:
                await self.next_part()
        except DicomWebError:
            pass  # what came of it has to do
        finally:
            self.close()
        return bytes(start)

    def close(self) -> None:
        """Give up the rest of the body, if any: its connection is closed. Never fails."""
        self._release(reusable=False)

    def abandon(self) -> None:
        """The same for a finaliser, which may run in any thread, and without an event loop."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.abandon(connection)

    async def _read(self, step: Callable[[], Awaitable[T]]) -> T:
        """Read on; what fails or is cancelled ends this."""
        self._require()
        try:
            return await step()
        except BaseException:
            self.close()
            raise

    async def _finish(self) -> None:
        """The body was read to its end."""
        self.ended = True
        self._release(reusable=self._require().finish())
        await anyio.lowlevel.checkpoint()

    def _require(self) -> Connection:
        if self._connection is None:
            # Who missed an error must not take what is left for the end.
            raise self._body.failure or RuntimeError(
                "the response was read to its end, or given up"
            )
        return self._connection

    def _release(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(connection, reusable=reusable)
