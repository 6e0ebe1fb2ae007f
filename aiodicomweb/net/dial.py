"""Making connections: names to addresses, TCP, TLS."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import anyio

from ..errors import ConnectFailed, TlsError
from .tcp import TcpStream

if TYPE_CHECKING:
    from ssl import SSLContext

    from ..http import Origin
    from .stream import ByteStream

__all__ = ["dial"]


async def dial(origin: Origin, tls: SSLContext | None) -> ByteStream:
    """Connect to an origin, trying its addresses one after the other.

    Args:
        origin: Where to; ``https`` means TLS.
        tls: For ``https``; ``None`` is :func:`~aiodicomweb.net.tls.default_context`.

    Raises:
        ConnectFailed: No address answers; ``attempts`` has the reason for each.
        TlsError: The server can't be trusted, or speaks no TLS.
    """
    stream = TcpStream(await _connect(origin))
    if origin.scheme != "https":
        return stream
    from .tls import TlsStream, default_context

    try:
        return await TlsStream.client(stream, tls or default_context(), origin.host)
    except TlsError as error:
        error.origin = str(origin)
        raise


async def _connect(origin: Origin) -> socket.socket:
    try:
        addresses = await anyio.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(
            "the host's name can't be resolved",
            phase="connect",
            origin=str(origin),
            attempts=[(origin.host, _reason(error))],
        ) from error
    attempts: list[tuple[str, str]] = []
    for family, kind, protocol, _, address in addresses:
        try:
            return await _connect_to(family, kind, protocol, address)
        except (OSError, OverflowError) as error:
            attempts.append((f"{address[0]} port {address[1]}", _reason(error)))
    raise ConnectFailed(
        "no connection could be made", phase="connect", origin=str(origin), attempts=attempts
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


async def _connect_to(
    family: int, kind: int, protocol: int, address: tuple[str | int, ...]
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(address)
        except BlockingIOError:
            await anyio.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code)) from None
    except BaseException:
        sock.close()
        raise
    return sock
