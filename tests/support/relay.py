"""A relay before a server, which sees what a client does with its connections."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PIECE = 64 * 1024


class Relay:
    """Passes octets on, both ways.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        total: Connections so far.
        peak: The most at one time.
        server_closed: Set when the server has ended a connection, and the client can know it.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.total = 0
        self.peak = 0
        self.server_closed = asyncio.Event()
        self._server_port = server_port
        self._open = 0
        self._handlers: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection."""
        self._writers.append(writer)
        self._handlers.add(asyncio.create_task(self._handle(reader, writer)))

    async def aclose(self) -> None:
        """End all connections."""
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until both sides have ended it."""
        self.total += 1
        self._open += 1
        self.peak = max(self.peak, self._open)
        try:
            below, above = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._writers.append(above)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, above))
                await self._pass_on(below, writer)
                self.server_closed.set()
            above.close()
        finally:
            self._open -= 1
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # a client may break off
            while data := await reader.read(_PIECE):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


@contextlib.asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """Listen on a free port for connections to another one."""
    relay = Relay(port)
    async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as server:
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            await relay.aclose()
