"""Connected pairs of streams over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.abc
import trustme

from aiodicomweb.net import AnyioStream, Deadlines, Timeout, Tls
from aiodicomweb.net.dial import Dialer
from aiodicomweb.net.tcp import TcpStream
from aiodicomweb.net.tls import TlsStream
from aiodicomweb.wire import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from aiodicomweb.http import Origin
    from aiodicomweb.net import ByteStream

__all__ = [
    "Contexts",
    "anyio_pair",
    "contexts",
    "dial",
    "in_own_task",
    "receive",
    "socket_pair",
    "tcp_pair",
    "tls_pair",
]


T = TypeVar("T")


@dataclass(frozen=True)
class Contexts:
    """TLS contexts that trust each other, for 127.0.0.1."""

    client: ssl.SSLContext
    server: ssl.SSLContext
    authority: trustme.CA


@cache
def contexts() -> Contexts:
    """Made once: keys cost time."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Contexts(client, server, authority)


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two TCP sockets that are connected, non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for sock in (one, other):
        sock.setblocking(False)
    return one, other


@asynccontextmanager
async def tcp_pair() -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    """Two TCP streams that are connected."""
    one, other = map(TcpStream, socket_pair())
    try:
        yield one, other
    finally:
        one.abort()
        other.abort()


@asynccontextmanager
async def anyio_pair() -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    """Two streams over connected TCP streams of anyio."""
    async with anyio.create_task_group() as tasks:
        one, other = [
            AnyioStream(await anyio.abc.SocketStream.from_socket(sock), tasks)
            for sock in socket_pair()
        ]
        try:
            yield one, other
        finally:
            one.abort()
            other.abort()


@asynccontextmanager
async def in_own_task(pair: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave it in one task: the two halves of a fixture have one each on asyncio."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with pair as value:
            entered.set_result(value)
            await leave.wait()

    task = asyncio.create_task(hold())
    try:
        yield await entered
    finally:
        leave.set()
        await task


@asynccontextmanager
async def tls_pair(
    client: ssl.SSLContext | None = None, server: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[ByteStream, ByteStream]]:
    """Two TLS streams that are connected: the client's and the server's."""
    streams: dict[str, ByteStream] = {}
    async with tcp_pair() as (one, other):

        async def serve() -> None:
            streams["server"] = await TlsStream.server(other, server or contexts().server)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            streams["client"] = await TlsStream.client(
                one, client or contexts().client, "127.0.0.1"
            )
        # Session tickets follow the server's handshake, and are read with what it sends first.
        await streams["server"].send([b"!"])
        await receive(streams["client"], 1)
        yield streams["client"], streams["server"]


async def dial(
    origin: Origin, tls: Tls | ssl.SSLContext | None = None, timeout: Timeout | None = None
) -> ByteStream:
    """Connect to an origin, without a proxy."""
    deadlines = Deadlines(timeout or Timeout(), str(origin))
    return await Dialer(tls or Tls(), Limits()).dial(origin, deadlines)


async def receive(stream: ByteStream, count: int, step: int = 65536) -> bytes:
    """Exactly so many octets, or fewer if the peer ends."""
    octets = bytearray()
    room = memoryview(bytearray(step))
    while len(octets) < count and (got := await stream.receive_into(room[: count - len(octets)])):
        octets += room[:got]
    return bytes(octets)
