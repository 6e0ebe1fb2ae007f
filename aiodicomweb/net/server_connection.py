"""One connection of a server: exchanges that follow each other, and the waiting between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ..errors import DeadlineExceeded, TransportError
from ..wire import Arena
from .served_exchange import ServedExchange

if TYPE_CHECKING:
    from .served_exchange import Service
    from .stream import ByteStream

__all__ = ["ServerConnection"]

_HEAD_READ = 32 * 1024


class ServerConnection:
    """Serves one connection. Owns the stream.

    Requests that arrive before the first was answered are served in their order.

    Args:
        stream: The connection.
        service: How to serve.

    Attributes:
        idle_since: When it began to wait for a request, on the event loop's clock; ``None`` while
            it serves one.
    """

    __slots__ = ("_arena", "_current", "_idle", "_retired", "_service", "_stream", "idle_since")

    idle_since: float | None

    def __init__(self, stream: ByteStream, service: Service) -> None:
        self._stream = stream
        self._service = service
        self._arena = Arena()
        self._current: ServedExchange | None = None
        self._idle: anyio.CancelScope | None = None
        self._retired = False
        self.idle_since = None

    async def serve(self) -> None:
        """Serve until either side ends the connection. Closes the stream."""
        try:
            while await self._wait_for_request():
                if not await self._serve_exchange():
                    return
            await self._stream.aclose()
        except TransportError:
            pass  # the peer is gone; who observes was told
        finally:
            self._stream.abort()

    def retire(self) -> None:
        """Serve no further request: close now if none is there, else behind its response."""
        self._retired = True
        if self._current is not None:
            self._current.last = True
        if self._idle is not None:
            self._idle.cancel()

    async def _wait_for_request(self) -> bool:
        """Wait for the first octets of a request; false if none are to be served."""
        if self._retired:
            return False
        if self._arena.undecoded:
            return True
        count = 0
        self.idle_since = anyio.current_time()
        try:
            with self._service.deadlines.phase("idle") as self._idle:
                count = await self._stream.receive_into(self._arena.writable(_HEAD_READ))
        except DeadlineExceeded:
            pass
        self._idle = self.idle_since = None
        self._arena.commit(count)
        return count > 0

    async def _serve_exchange(self) -> bool:
        """Serve one exchange; whether another may follow."""
        self._current = ServedExchange(self._stream, self._arena, self._service)
        try:
            return await self._current.run()
        finally:
            self._current = None
