"""A listening socket, and the connections that come by it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from ..errors import ConfigurationError, TransportError
from ..http import Origin
from ..wire import Limits
from .deadline import ServerTimeout
from .pace import ServerDeadlines
from .served_exchange import Service
from .server_connection import ServerConnection
from .tcp import TcpStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ssl import SSLContext
    from typing import Self

    from anyio.abc import TaskGroup

    from .served_exchange import Exchange, Handler
    from .stream import ByteStream

__all__ = ["HttpServer", "slowest"]

_log = logging.getLogger("aiodicomweb.server")

T = TypeVar("T")

_TIMEOUT = ServerTimeout()
_LIMITS = Limits()

_BACKLOG = 128
"""Connections that the system keeps until they are accepted."""

_SHORTAGE_SECONDS = 0.1
"""A pause where the system has no descriptor or memory for another connection."""

_SLOW_SECONDS = 5.0
"""By how much a peer must be behind to give way to another: more than lost packets cost."""

_LOOK_SECONDS = 0.5
"""How often it is looked who has to give way, as long as another waits."""


class _Accepted:
    """A connection: its socket, how far the client is behind, and once TLS is there, who serves it.

    Args:
        sock: A socket as it was accepted.
        peer: The client's address.
        timeout: How long to wait for the client.
    """

    __slots__ = ("connection", "deadlines", "peer", "scope", "socket", "stream")

    def __init__(self, sock: socket.socket, peer: str, timeout: ServerTimeout) -> None:
        self.socket = sock
        self.peer = peer
        self.stream = TcpStream(sock)
        self.deadlines = ServerDeadlines(timeout, peer)
        self.scope = anyio.CancelScope()
        self.connection: ServerConnection | None = None


def slowest(behind: Iterable[tuple[float, T]]) -> T | None:
    """Who has to give way to another client: the one that is behind by most, if that is much.

    Args:
        behind: Seconds, and the client that is behind by them.
    """
    seconds, client = max(behind, key=lambda pair: pair[0], default=(0.0, None))
    return client if seconds > _SLOW_SECONDS else None


class _Host:
    """A task group that is not bound to the task which starts it, where the backend allows that.

    Attributes:
        tasks: The task group, once it is started.
    """

    tasks: TaskGroup

    def __init__(self) -> None:
        self._ending: anyio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the task group."""
        if _is_asyncio():
            started, self._ending = anyio.Event(), anyio.Event()
            self._task = asyncio.create_task(self._run(started, self._ending))
            try:
                await started.wait()
            except BaseException:
                self._ending.set()
                raise
        else:
            self.tasks = anyio.create_task_group()
            await self.tasks.__aenter__()

    async def end(self) -> None:
        """Cancel what runs in the group, and wait until it is gone."""
        self.tasks.cancel_scope.cancel()
        if self._task is None or self._ending is None:
            await self.tasks.__aexit__(None, None, None)
            return
        self._ending.set()
        with anyio.CancelScope(shield=True):  # cancelled tasks don't take long
            await self._task

    async def _run(self, started: anyio.Event, ending: anyio.Event) -> None:
        async with anyio.create_task_group() as self.tasks:
            started.set()
            with anyio.CancelScope(shield=True):
                await ending.wait()


def _is_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _reason(error: OSError | UnicodeError) -> str:
    """Why nobody can listen; Python's own text repeats the address."""
    if not isinstance(error, OSError):
        return "that is no name"
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__  # of the search for a name's addresses


class HttpServer:
    """An HTTP/1.1 server; an async context manager that listens inside.

    Leaving it in the ordinary way is :meth:`stop`; leaving it by an exception cuts all
    connections. With asyncio it may be left in another task than it was entered in, as fixtures of
    pytest do; with trio in the same one.

    Args:
        handler: Makes the responses; runs once for each request, many at the same time.
        host: Name or address to listen on.
        port: Port to listen on; 0 is any that is free.
        tls: For ``https``; ``None`` for ``http``.
        timeout: How long to wait for the peers.
        limits: Bounds over what they send.
        connections: The most connections at one time. For a further one the one that has been
            idle for longest is closed; where none is idle the one whose client is behind by most,
            if that is more than 5 seconds; else it waits until one has its response.
        observe: Is told of each exchange behind its end; the access log is made of it.

    Attributes:
        host: The address that is listened on, known inside.
        port: The port that is listened on, known inside.

    Raises:
        ConfigurationError: On entering: nobody can listen there.
    """

    host: str
    port: int

    def __init__(
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: SSLContext | None = None,
        timeout: ServerTimeout = _TIMEOUT,
        limits: Limits = _LIMITS,
        connections: int = 512,
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:
        if connections < 1:
            raise ConfigurationError("a server needs at least 1 connection")
        if not 0 <= port <= 65535:
            raise ConfigurationError(f"there is no port {port}")
        self.host = host
        self.port = port
        self._handler = handler
        self._tls = tls
        self._timeout = timeout
        self._limits = limits
        self._observe = observe
        self._room = anyio.Semaphore(connections)
        self._open: set[_Accepted] = set()
        self._closed = anyio.Event()
        self._stopping = False
        self._host = _Host()
        self._listener: socket.socket | None = None

    @property
    def origin(self) -> str:
        """Such as ``http://127.0.0.1:8080``."""
        return str(Origin("http" if self._tls is None else "https", self.host, self.port))

    def __repr__(self) -> str:
        """Where it listens, and how many connections are open."""
        return f"<HttpServer {self.origin}, {len(self._open)} open>"

    async def bind(self) -> socket.socket:
        """Take the port already, before entering; who comes by it waits, and nobody else gets it.

        Raises:
            ConfigurationError: Nobody can listen there.
        """
        self._listener = listener = await self._listen()
        self.host, self.port = listener.getsockname()[:2]
        return listener

    def unbind(self) -> None:
        """Give the port back."""
        listener, self._listener = self._listener, None
        if listener is not None:
            anyio.notify_closing(listener)
            listener.close()

    async def __aenter__(self) -> Self:
        """Listen."""
        listener = self._listener or await self.bind()
        try:
            await self._host.start()
        except BaseException:
            self.unbind()
            raise
        self._host.tasks.start_soon(self._accept, listener)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop; at once if there is an exception."""
        try:
            if exc_info[0] is None:
                await self.stop()
        finally:
            self.unbind()
            try:
                await self._host.end()
            finally:
                for accepted in self._open:  # those whose task never began
                    accepted.stream.abort()

    async def stop(self, grace: float = 5.0) -> None:
        """Take no new connections and requests, finish what runs, and then cut what is left.

        May be called by any task, and again.

        Args:
            grace: Seconds for what runs.
        """
        self._stopping = True
        self.unbind()
        for accepted in self._open:
            if accepted.connection is not None:
                accepted.connection.retire()
        with anyio.move_on_after(grace):
            await self._wait_until_closed()
        for accepted in self._open:
            accepted.scope.cancel()
        await self._wait_until_closed()

    async def _wait_until_closed(self) -> None:
        while self._open:
            await self._closed.wait()

    # --- listening -------------------------------------------------------------------------------

    async def _listen(self) -> socket.socket:
        try:
            # Not anyio's: asyncio in debug mode formats the octets into which that puts the name.
            addresses = await anyio.to_thread.run_sync(self._resolve)
            # IPv4 first: who is told of a name tries that in any case.
            family, _, _, _, address = min(addresses, key=lambda a: a[0] != socket.AF_INET)
            listener = socket.create_server(address, family=family, backlog=_BACKLOG)
        except (OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"nobody can listen on {self.host} port {self.port}: {_reason(error)}"
            ) from error
        listener.setblocking(False)
        return listener

    def _resolve(self) -> list[tuple[Any, ...]]:
        found = socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return list(found)

    async def _accept(self, listener: socket.socket) -> None:
        while not self._stopping:
            if self._room.value == 0:
                with contextlib.suppress(anyio.ClosedResourceError):
                    await anyio.wait_readable(listener)
                await self._make_room()
            await self._room.acquire()
            accepted = await self._accept_one(listener)
            if accepted is None:
                return
            self._open.add(accepted)
            self._host.tasks.start_soon(self._serve, accepted)

    async def _make_room(self) -> None:
        """Let somebody go: nobody can lock others out by being idle or slow."""
        while self._room.value == 0:
            self._let_go()
            with anyio.move_on_after(_LOOK_SECONDS):
                await self._closed.wait()

    def _let_go(self) -> None:
        """Close who is idle for longest, or cut who is slowest, or all behind their responses."""
        connections = [a.connection for a in self._open if a.connection is not None]
        idle = [(c.idle_since, c) for c in connections if c.idle_since is not None]
        if idle:
            min(idle, key=lambda pair: pair[0])[1].retire()
            return
        now = anyio.current_time()
        slow = slowest((accepted.deadlines.behind(now), accepted) for accepted in self._open)
        if slow is not None:
            slow.scope.cancel()
            return
        for connection in connections:
            connection.retire()

    async def _accept_one(self, listener: socket.socket) -> _Accepted | None:
        """The next connection; ``None`` once the listener is closed."""
        while True:
            try:
                sock, (peer, *_) = listener.accept()
            except BlockingIOError:
                with contextlib.suppress(anyio.ClosedResourceError):
                    await anyio.wait_readable(listener)
            except OSError as error:
                if listener.fileno() < 0:
                    return None
                if not isinstance(error, ConnectionError):  # a client that has left already
                    _log.warning("no connection can be accepted: %s", error.strerror)
                    await anyio.sleep(_SHORTAGE_SECONDS)
            else:
                return _Accepted(sock, str(peer), self._timeout)

    # --- connections -----------------------------------------------------------------------------

    async def _serve(self, accepted: _Accepted) -> None:
        try:
            with accepted.scope:
                await self._serve_stream(accepted)
        except TransportError:
            pass  # no TLS came about
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            _log.error("a connection failed: %s", type(error).__qualname__)
        finally:
            accepted.stream.abort()
            self._open.discard(accepted)
            self._room.release()
            self._closed.set()
            self._closed = anyio.Event()

    async def _serve_stream(self, accepted: _Accepted) -> None:
        sock = accepted.socket
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            own = Origin("", *sock.getsockname()[:2])
        except OSError:
            return  # the client was faster to leave
        service = Service(
            handler=self._handler,
            scheme="http" if self._tls is None else "https",
            authority=str(own).removeprefix("://"),
            peer=accepted.peer,
            deadlines=accepted.deadlines,
            limits=self._limits,
            observe=self._observe,
        )
        stream = await self._secure(accepted.stream, service)
        accepted.connection = ServerConnection(stream, service)
        if not self._stopping:
            await accepted.connection.serve()

    async def _secure(self, stream: ByteStream, service: Service) -> ByteStream:
        if self._tls is not None:
            from .tls import TlsStream

            with service.deadlines.phase("tls"):
                stream = await TlsStream.server(stream, self._tls)
        return stream
