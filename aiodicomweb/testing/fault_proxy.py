"""A proxy between a client and a server that does to their octets what networks do.

::

    async with FaultProxy(server.url, [Fault.reset(1000)]) as proxy:
        async with Client(proxy.url) as client:
            await client.search_for_studies()  # the first answer breaks off after 1000 octets
"""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel

from ..errors import TransportError
from ..net.tcp import TcpStream
from .faults import Direction, Fault, FaultKind, Flow, Turn
from .listening import Listening

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from anyio.streams.memory import MemoryObjectReceiveStream

    from .faults import Plan

__all__ = ["FaultProxy"]

_BLOCK = 64 * 1024
_QUEUE = 2
"""Connections that fill a queue for none, which has room for one."""

_ON_THE_WAY = 256
"""Blocks that a proxy with latency holds in each direction of a connection."""


class FaultProxy(Listening):
    """A TCP proxy on a free port of 127.0.0.1 that follows a plan; an async context manager.

    It passes octets on, ``http`` or ``https``. Each turn, which is a request with its response,
    has one fault or none, as the plan says. What happens to the connection on one side of it
    happens to that on the other. Leaving it closes everything; enter and leave it in one task.

    Args:
        upstream: URL of the server behind it.
        plan: The faults of the turns.
        latency: Seconds that octets take in each direction; how many may follow each other is not
            bounded by it.

    Attributes:
        connections: Number of connections accepted so far.
        open_connections: Number of those that neither side has closed.
        most_open: The most that were open at one time.
        turns: Number of turns so far.
        done: The faults that happened, counted. One that was planned behind the end of a message
            does not.
        ends: Number of connections that the server ended, and the client was told so.

    Raises:
        Exception: On leaving: what the plan itself raised, if it did.
    """

    def __init__(self, upstream: str, plan: Plan = (), *, latency: float = 0.0) -> None:
        super().__init__()
        self._upstream = urlsplit(upstream)
        self._plan = plan if callable(plan) else _in_order(plan)
        self._released = anyio.Event()
        self._waiting: list[socket.socket] = []  # they fill the queue of who wants to connect
        self.latency: float = latency
        self.turns: int = 0
        self.done: Counter[Fault] = Counter()
        self.ends: int = 0

    @property
    def url(self) -> str:
        """The server's URL by way of the proxy, for ``Client``."""
        return self._upstream._replace(netloc=f"127.0.0.1:{self._port}").geturl()

    def refuse(self) -> None:
        """Refuse connections from now on, as if no program listened; those that are open stay."""
        refusing = socket.socket()
        refusing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        anyio.notify_closing(self._listener)
        self._listener.close()
        refusing.bind(("127.0.0.1", self._port))  # nobody else gets the port meanwhile
        self._listener = refusing

    def ignore(self) -> None:
        """Answer nothing to who connects from now on; those that are open stay. Linux alone can."""
        self.refuse()
        self._listener.listen(0)
        self._listener.setblocking(False)
        for _ in range(_QUEUE):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self._port))
            self._waiting.append(waiting)

    def accept(self) -> None:
        """Take connections again."""
        self._clear()
        self._listener.listen()
        self._listener.setblocking(False)
        self._tasks.start_soon(self._accept, self._listener)

    def release(self) -> None:
        """Let go on what is stalled at this moment.

        A client that leaves in the midst of an upload that is stalled is seen only then: what it
        sent stands before its end.
        """
        self._released.set()
        self._released = anyio.Event()

    async def wait_for_faults(self, count: int = 1) -> None:
        """Wait until so many faults have happened."""
        await self._wait(lambda: self.done.total() >= count)

    async def wait_for_ends(self, count: int = 1) -> None:
        """Wait until the server has ended so many connections, and the client can know."""
        await self._wait(lambda: self.ends >= count)

    def __repr__(self) -> str:
        """The counts."""
        return (
            f"<FaultProxy {self.turns} turns, {self.done.total()} faults, "
            f"{self.connections} connections, {self.open_connections} open>"
        )

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the listener and all connections."""
        self._clear()
        await super().__aexit__(*exc_info)

    def _clear(self) -> None:
        """Close the connections that fill the queue, on both sides."""
        if not self._waiting:
            return
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
        for waiting in self._waiting:
            waiting.close()
        self._waiting.clear()

    async def _serve(self, sock: socket.socket, number: int) -> None:
        client = TcpStream(sock)
        try:
            server = await self._connect()
        except OSError:
            client.reset()
        except BaseException:
            client.abort()
            raise
        else:
            await _Link(self, sock, server, number).run()

    async def _connect(self) -> socket.socket:
        port = self._upstream.port or (443 if self._upstream.scheme == "https" else 80)
        found = await anyio.getaddrinfo(self._upstream.hostname, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.connect_ex(where)
            await anyio.wait_writable(sock)
            _check_connected(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    # --- for the links ---------------------------------------------------------------------------

    def begin(self, connection: int, start: bytes) -> Fault | None:
        """A turn begins; its fault."""
        self.turns += 1
        try:
            return self._plan(Turn(self.turns, connection, start))
        except Exception as error:  # noqa: BLE001 - raised on leaving
            self._failure = self._failure or error
            return Fault.reset()

    def count(self, fault: Fault) -> None:
        """A fault happens."""
        self.done[fault] += 1
        self._tell()

    def count_end(self) -> None:
        """The client was told that the server has ended a connection."""
        self.ends += 1
        self._tell()

    async def released(self) -> None:
        """Wait until what is stalled goes on."""
        await self._released.wait()


def _in_order(faults: Iterable[Fault | None]) -> Callable[[Turn], Fault | None]:
    following = iter(faults)
    return lambda _: next(following, None)


def _check_connected(sock: socket.socket) -> None:
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, "the server can't be reached")


class _Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(
        self, proxy: FaultProxy, client: socket.socket, server: socket.socket, number: int
    ) -> None:
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._proxy = proxy
        self._number = number
        self._client_socket = client
        self._client, self._server = TcpStream(client), TcpStream(server)
        self._flows = {direction: Flow() for direction in Direction}
        self._over: set[Direction] = set()  # nothing more passes
        self._cut = False  # the client was told that the server has ended
        self._turn_over = True  # what comes next from the client begins another
        self._client_left = False
        self._response_stalled = False

    async def run(self) -> None:
        """Pass octets on until both sides have ended."""
        try:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._carry, Direction.RESPONSE)
                await self._carry(Direction.REQUEST)
                self._client_left = True
                if self._response_stalled:
                    self._tasks.cancel_scope.cancel()
        finally:
            self._client.abort()
            self._server.abort()

    async def _carry(self, direction: Direction) -> None:
        if not self._proxy.latency:
            await self._read(direction, partial(self._deliver, direction))
            return
        sender, receiver = anyio.create_memory_object_stream[tuple[float, bytes]](_ON_THE_WAY)
        self._tasks.start_soon(self._deliver_late, direction, receiver)

        async def send(octets: bytes) -> None:
            await sender.send((anyio.current_time() + self._proxy.latency, octets))

        with sender:
            await self._read(direction, send)

    async def _read(
        self, direction: Direction, deliver: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Give what arrives to ``deliver``, and no octets at the end."""
        source = self._client if direction is Direction.REQUEST else self._server
        block = memoryview(bytearray(_BLOCK))
        try:
            while count := await source.receive_into(block):
                octets = bytes(block[:count])
                if direction is Direction.REQUEST and self._turn_over:
                    self._begin_turn(octets)
                await deliver(octets)
            await deliver(b"")
        except TransportError:
            self._fail()

    def _begin_turn(self, start: bytes) -> None:
        self._turn_over = False
        fault = self._proxy.begin(self._number, start)
        for direction in Direction:
            is_its = fault is not None and fault.direction is direction
            self._flows[direction] = Flow(fault if is_its else None)

    async def _deliver_late(
        self, direction: Direction, receiver: MemoryObjectReceiveStream[tuple[float, bytes]]
    ) -> None:
        with receiver:
            async for due, octets in receiver:
                await anyio.sleep_until(due)
                await self._deliver(direction, octets)

    async def _deliver(self, direction: Direction, octets: bytes) -> None:
        """Pass octets on, or the end; with what the plan wants to happen to them."""
        flow = self._flows[direction]
        try:
            for step in flow.steps(octets) if octets else flow.end():
                if direction in self._over:
                    return
                if isinstance(step, Fault):
                    self._proxy.count(step)
                    await self._strike(direction, step.kind)
                else:
                    await self._send(direction, step)
            if not octets and direction not in self._over:
                await self._send_end(direction)
        except TransportError:
            self._fail()
            self._over.add(direction)

    async def _send(self, direction: Direction, octets: bytes) -> None:
        if direction is Direction.REQUEST:
            await self._server.send([octets])
        else:
            self._turn_over = True
            await self._client.send([octets])
        await anyio.lowlevel.checkpoint()

    async def _send_end(self, direction: Direction) -> None:
        if direction is Direction.REQUEST:
            await self._server.send_eof()
        else:
            await self._client.send_eof()
            self._proxy.count_end()

    async def _strike(self, direction: Direction, kind: FaultKind) -> None:
        match kind:
            case FaultKind.STALL | FaultKind.HOLD_END:
                await self._stall(direction)
            case FaultKind.CUT:
                await self._cut_off(direction)
            case FaultKind.RESET:
                self._over.update(Direction)
                self._reset()
            case _:
                pass  # the octets themselves are what is wrong

    async def _cut_off(self, direction: Direction) -> None:
        self._over.add(direction)
        if direction is Direction.REQUEST:
            await self._server.send_eof()
            return
        # To close while octets of the client's are unread would be a reset: they are read.
        self._cut = True
        self._over.add(Direction.REQUEST)
        self._server.abort()
        await self._client.send_eof()

    async def _stall(self, direction: Direction) -> None:
        """Wait for the release, or until the client leaves."""
        if direction is Direction.REQUEST:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_client, tasks.cancel_scope)
                await self._proxy.released()
                tasks.cancel_scope.cancel()
        elif self._client_left:
            self._reset()
        else:
            self._response_stalled = True
            await self._proxy.released()
            self._response_stalled = False

    async def _watch_client(self, stall: anyio.CancelScope) -> None:
        """End a stall when the client leaves; more octets of its hide that."""
        try:
            await anyio.wait_readable(self._client_socket)
            if self._client_socket.recv(1, socket.MSG_PEEK):
                return
        except (anyio.ClosedResourceError, OSError):
            pass  # it left in another way
        self._reset()
        stall.cancel()

    def _fail(self) -> None:
        """What happened to one side happens to the other."""
        if not self._cut:
            self._reset()

    def _reset(self) -> None:
        self._client.reset()
        self._server.reset()
