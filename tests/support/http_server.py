"""A server under test, and a raw socket that talks to it."""

from __future__ import annotations

import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from aiodicomweb.http import Headers, OutgoingResponse, Request, Response
from aiodicomweb.net import BodyStream, Exchange, HttpServer
from aiodicomweb.net.tcp import TcpStream

from .streams import receive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiodicomweb.http import OutgoingBody

__all__ = ["Talk", "answer", "body_of", "echo", "open_files", "serving", "talk"]

PATIENCE = 10.0


def answer(
    *body: Any, status: int = 200, headers: dict[str, str] | None = None
) -> OutgoingResponse:
    """A response with these segments."""
    segments: OutgoingBody = body
    return OutgoingResponse(Response(status, Headers(headers or {})), segments)


async def body_of(body: BodyStream) -> bytes:
    """The whole body."""
    return bytes(await body.read_all())


async def echo(request: Request, body: BodyStream) -> OutgoingResponse:
    """Answer with the target and the body."""
    return answer(request.url.target.encode() + b" ", await body_of(body))


def open_files() -> int:
    """Number of the descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


class Served(HttpServer):
    """A server that remembers what it told its observer."""

    def __init__(
        self, handler: Callable[[Request, BodyStream], Awaitable[OutgoingResponse]], **settings: Any
    ) -> None:
        self.exchanges: list[Exchange] = []
        self._told = anyio.Event()
        super().__init__(handler, observe=self._observe_one, **settings)

    def _observe_one(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._told.set()
        self._told = anyio.Event()

    async def told(self, count: int = 1) -> list[Exchange]:
        """Wait until so many exchanges are over."""
        while len(self.exchanges) < count:
            await self._told.wait()
        return self.exchanges


@asynccontextmanager
async def serving(
    handler: Callable[[Request, BodyStream], Awaitable[OutgoingResponse]] = echo, **settings: Any
) -> AsyncIterator[Served]:
    """A server. Afterwards no socket, file or task of it is left."""
    # What a loop opens once, and worker threads, are there before.
    await anyio.to_thread.run_sync(int)
    files, tasks = open_files(), len(anyio.get_running_tasks())
    with anyio.fail_after(PATIENCE):
        async with Served(handler, **settings) as server:
            yield server
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
    assert (files, tasks) == (open_files(), len(anyio.get_running_tasks()))


class Talk:
    """The client's side of a connection, octet by octet."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.stream = TcpStream(sock)

    async def send(self, octets: bytes) -> None:
        """Send."""
        await self.stream.send([octets])

    async def read(self, count: int) -> bytes:
        """Exactly so many octets, or fewer at the end."""
        return await receive(self.stream, count)

    async def rest(self) -> bytes:
        """All octets up to the end."""
        return await self.read(1 << 30)

    async def head(self) -> str:
        """The head of a response."""
        head = b""
        while not head.endswith(b"\r\n\r\n") and (octet := await self.read(1)):
            head += octet
        return head.decode()

    async def response(self) -> tuple[int, bytes]:
        """Status and body of a response that has a length."""
        head = await self.head()
        length = head.partition("Content-Length: ")[2].partition("\r\n")[0]
        return int(head.split(" ")[1]), await self.read(int(length or 0))


@asynccontextmanager
async def talk(server: HttpServer, octets: bytes = b"") -> AsyncIterator[Talk]:
    """A connection to a server."""
    sock = socket.create_connection((server.host, server.port))
    sock.setblocking(False)
    client = Talk(sock)
    try:
        await client.send(octets)
        yield client
    finally:
        client.stream.abort()
