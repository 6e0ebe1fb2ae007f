"""Making connections: names to addresses, TCP, the tunnel through a proxy, TLS."""

from __future__ import annotations

import os
import socket
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import anyio.to_thread

from ..errors import ConnectFailed, DeadlineExceeded, TlsError, TransportError
from .happy_eyeballs import Attempts, interleave
from .proxy import open_tunnel
from .tcp import TcpStream
from .tls_settings import Tls

if TYPE_CHECKING:
    from ssl import SSLContext

    from ..http import Origin, Proxy
    from ..wire import Limits
    from .deadline import Deadlines
    from .stream import ByteStream

__all__ = ["Dialer"]


class _Address(NamedTuple):
    """What a socket is made of, and where it connects to."""

    family: int
    kind: int
    protocol: int
    where: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.where[0]} port {self.where[1]}"


_PROXY_HINT = (
    "is the proxy right? It is that of proxy=..., or of HTTP_PROXY and HTTPS_PROXY in the "
    'environment; proxy="direct" goes without one'
)


class Dialer:
    """Connects to origins, directly or through a proxy.

    Args:
        tls: For ``https``; of a ``Tls`` the context is made in a thread, once.
        limits: Bounds over what a proxy may answer.
    """

    def __init__(self, tls: Tls | SSLContext, limits: Limits) -> None:
        self._tls = tls
        self._making_context = anyio.Lock()
        self._limits = limits

    async def dial(
        self, origin: Origin, deadlines: Deadlines, proxy: Proxy | None = None
    ) -> ByteStream:
        """Connect to an origin.

        Args:
            origin: Where to; ``https`` means TLS.
            deadlines: Of the call.
            proxy: Leads there: to ``https`` through a tunnel; to ``http`` by forwarding requests,
                so that the stream is one to the proxy.

        Raises:
            ConnectFailed: No address answers; ``attempts`` has the reason for each.
            ProxyError: The proxy answers, and does not lead on.
            TlsError: The server can't be trusted, or speaks no TLS.
            DeadlineExceeded: It took too long.
        """
        if proxy is None:
            return await self._reach(origin, deadlines)
        stream = await self._reach_proxy(proxy, deadlines)
        if origin.scheme != "https":
            return stream
        try:
            await open_tunnel(stream, origin, proxy, self._limits, deadlines)
        except BaseException:
            stream.abort()
            raise
        return await self._secure(stream, origin, deadlines)

    async def _reach_proxy(self, proxy: Proxy, deadlines: Deadlines) -> ByteStream:
        try:
            return await self._reach(proxy.origin, deadlines)
        except TransportError as error:
            error.message = f"the proxy can't be reached: {error.message}"
            error.origin = str(proxy)
            if not isinstance(error, TlsError):
                error.hint = _PROXY_HINT
            raise

    async def _reach(self, origin: Origin, deadlines: Deadlines) -> ByteStream:
        stream = TcpStream(await _connect(origin, deadlines))
        if origin.scheme != "https":
            return stream
        return await self._secure(stream, origin, deadlines)

    async def _secure(self, stream: ByteStream, origin: Origin, deadlines: Deadlines) -> ByteStream:
        """Begin TLS on a stream, which is closed if that fails."""
        from .tls import TlsStream

        try:
            with deadlines.phase("tls"):
                return await TlsStream.client(stream, await self._context(), origin.host)
        except BaseException as error:
            stream.abort()
            if isinstance(error, TlsError):
                error.origin = str(origin)
            raise

    async def _context(self) -> SSLContext:
        async with self._making_context:
            if isinstance(self._tls, Tls):
                self._tls = await anyio.to_thread.run_sync(self._tls.context)
            return self._tls


async def _connect(origin: Origin, deadlines: Deadlines) -> socket.socket:
    race = _Race()
    try:
        with deadlines.phase("connect"):
            winner = await race.run(await _resolve(origin))
    except DeadlineExceeded as error:
        tried = "; ".join(f"{address}: {reason}" for address, reason in race.outcomes.items())
        error.message += f" ({tried or 'the name of the host was not resolved'})"
        raise
    if winner is None:
        raise ConnectFailed(
            "no connection could be made",
            phase="connect",
            origin=str(origin),
            attempts=list(race.outcomes.items()),
        )
    return winner


async def _resolve(origin: Origin) -> list[_Address]:
    """The addresses of a host, in the order that the system prefers (RFC 6724)."""
    try:
        if _is_address(origin.host):
            return _look_up(origin, socket.AI_NUMERICHOST)
        # A name server that doesn't answer holds up nobody who no longer wants to know.
        return await anyio.to_thread.run_sync(_look_up, origin, 0, abandon_on_cancel=True)
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(
            "the host's name can't be resolved",
            phase="connect",
            origin=str(origin),
            attempts=[(origin.host, _reason(error))],
        ) from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(origin: Origin, flags: int) -> list[_Address]:
    found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM, flags=flags)
    return [_Address(family, kind, number, where) for family, kind, number, _, where in found]


class _Race:
    """Tries the addresses of a host; the first connection wins, and the others are closed.

    Attributes:
        outcomes: What became of each address that was tried.
    """

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self._winner: socket.socket | None = None
        self._failed = anyio.Event()

    async def run(self, addresses: list[_Address]) -> socket.socket | None:
        """The first connection; ``None`` if there is none."""
        self._attempts = Attempts(interleave(addresses, lambda address: address.family))
        try:
            async with anyio.create_task_group() as tasks:
                while not self._attempts.over:
                    self._failed = anyio.Event()
                    while (address := self._attempts.begin(time.monotonic())) is not None:
                        tasks.start_soon(self._try, address, tasks.cancel_scope)
                    with anyio.move_on_after(self._attempts.pause(time.monotonic())):
                        await self._failed.wait()
        except BaseException:
            if self._winner is not None:
                self._winner.close()
            raise
        return self._winner

    async def _try(self, address: _Address, others: anyio.CancelScope) -> None:
        self.outcomes[str(address)] = "no answer"
        try:
            sock = await _connect_to(address)
        except (OSError, OverflowError) as error:
            self.outcomes[str(address)] = _reason(error)
            self._attempts.fail()
            self._failed.set()
            return
        if self._winner is None:
            self._winner = sock
            others.cancel()
        else:
            sock.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


async def _connect_to(address: _Address) -> socket.socket:
    sock = socket.socket(address.family, address.kind, address.protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(address.where)
        except BlockingIOError:
            await anyio.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code)) from None
    except BaseException:
        sock.close()
        raise
    return sock
