"""A server that does what a test says, octet by octet, on a real socket.

::

    async with ScriptedPeer([response(b"[]", {"Content-Type": "application/dicom+json"})]) as peer:
        async with Client(peer.url) as client:
            assert [] == await client.search_for_studies()
        assert "/studies" == peer.requests[0].target

It knows just enough of HTTP to see where a request ends. What it answers is up to the script, and
need be neither whole nor legal.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio

from ..errors import RemoteProtocolError, TransportError
from ..http import Headers
from ..net.tcp import TcpStream
from ..wire import BLOCK, Arena, Limits
from ..wire.framing import ChunkedFraming, LengthFraming
from ..wire.heads import head_length
from .listening import Listening

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext

    from ..net import ByteStream
    from ..wire.framing import Framing

__all__ = ["Answer", "Chunk", "End", "PeerRequest", "Reply", "Script", "ScriptedPeer", "response"]

_HEAD_MOST = 1024 * 1024

Chunk: TypeAlias = bytes | bytearray | memoryview | anyio.Event
"""Octets to send at once, or an event to wait for before what follows."""


class End(Enum):
    """What becomes of the connection behind a reply."""

    KEEP = "the next request may come on it"
    CLOSE = "closed in an orderly way: TLS farewell and FIN"
    CUT = "closed with FIN alone: under TLS a truncation"
    RESET = "closed with RST"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the peer does with one request.

    Attributes:
        octets: The response as it goes over the wire, head and body, whole or in chunks. Each
            chunk is sent by itself; an event among them stalls the reply until it is set.
        end: What becomes of the connection.
        early: Reply as soon as the request's head is there, and don't read its body.
    """

    octets: bytes | Iterable[Chunk] | AsyncIterable[Chunk] = b""
    end: End = End.KEEP
    early: bool = False


class PeerRequest:
    """A request that the peer got.

    Attributes:
        head: Its head, as it came.
        method: Such as ``GET``.
        target: Path and query, as in the request line.
        headers: Its header fields.
        body: The first octets of its body, at most ``ScriptedPeer(keep=...)``.
        body_length: Octets of the body that came.
        complete: Whether the body came whole.
        connection: Number of the connection, from 1.
    """

    __slots__ = (
        "body",
        "body_length",
        "complete",
        "connection",
        "head",
        "headers",
        "method",
        "target",
    )

    def __init__(self, head: bytes, connection: int) -> None:
        line, *fields = head.rstrip(b"\r\n").split(b"\r\n")
        method, target, _ = line.decode("latin-1").split(" ")
        self.head: bytes = head
        self.method: str = method
        self.target: str = target
        pairs = (field.partition(b":") for field in fields)
        self.headers: Headers = Headers.from_wire((name, value.strip()) for name, _, value in pairs)
        self.body: bytes = b""
        self.body_length: int = 0
        self.complete: bool = False
        self.connection: int = connection

    def __repr__(self) -> str:
        """Method and size, without the query."""
        path = self.target.partition("?")[0]
        return f"<PeerRequest {self.method} {path}, {self.body_length} bytes>"


Answer: TypeAlias = Reply | bytes | Sequence[Chunk]
Script: TypeAlias = Iterable[Answer] | Callable[[PeerRequest], Answer]
"""The replies in order; or a function of the request. Bare octets are ``Reply(octets)``."""


def response(
    body: bytes = b"", headers: Mapping[str, str] | None = None, status: int = 200
) -> bytes:
    """A whole response with ``Content-Length``.

    Args:
        body: Its body.
        headers: Its header fields, sent as they are.
        status: Status code.
    """
    fields = {"Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode("latin-1") + body


class ScriptedPeer(Listening):
    """A server on a free port of 127.0.0.1 that follows a script; an async context manager.

    Leaving it closes everything, whatever the script was at. Enter and leave it in one task, as
    ``async with`` in a test does, and fixtures of pytest-asyncio do not. A request behind the end
    of the script is answered with 599.

    Args:
        script: The replies to the requests, in the order in which their heads arrive; or a
            function that is called with each request once its body was read.
        tls: To serve ``https`` with; ``None`` for ``http``.
        keep: Octets kept of each request's body.
        ready: Connections are accepted at once, but nothing is read from them before this is set,
            and no handshake of TLS begun.

    Attributes:
        requests: The requests so far.
        connections: Number of connections accepted so far.
        open_connections: Number of those that neither side has closed.
        most_open: The most that were open at one time.

    Raises:
        Exception: On leaving: what the script itself raised, if it did.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        tls: SSLContext | None = None,
        keep: int = 1024 * 1024,
        ready: anyio.Event | None = None,
    ) -> None:
        super().__init__()
        self._script = script if callable(script) else iter(script)
        self._tls = tls
        self._keep = keep
        self._ready = ready
        self.requests: list[PeerRequest] = []

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:port``, or ``https``."""
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """URL of a service at the peer's root, for ``Client``."""
        return self.origin + "/"

    async def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests' heads have arrived."""
        await self._wait(lambda: len(self.requests) >= count)

    def __repr__(self) -> str:
        """The counts."""
        return (
            f"<ScriptedPeer {len(self.requests)} requests, {self.connections} connections, "
            f"{self.open_connections} open>"
        )

    # --- connections -----------------------------------------------------------------------------

    async def _serve(self, sock: socket.socket, number: int) -> None:
        wire = _Wire(sock)
        try:
            if self._ready is not None:
                await self._ready.wait()
            stream: ByteStream = wire
            if self._tls is not None:
                from ..net.tls import TlsStream

                stream = await TlsStream.server(wire, self._tls)
            await _Conversation(self, stream, wire, number).run()
        except (_ClientLeft, TransportError, RemoteProtocolError):
            pass  # a test looks at its client's side, and at what was recorded
        finally:
            wire.abort()

    # --- for the conversations -------------------------------------------------------------------

    def begin(self, request: PeerRequest) -> Reply | None:
        """Record a request; its reply, unless that is a function's to decide."""
        self.requests.append(request)
        self._tell()
        if callable(self._script):
            return None
        return _as_reply(next(self._script, _OUT_OF_SCRIPT))

    def decide(self, request: PeerRequest) -> Reply:
        """Ask the function for the reply to a request that is complete."""
        assert callable(self._script)  # noqa: S101 - only then it was left to it
        return _as_reply(self._script(request))

    def record(self, request: PeerRequest, octets: memoryview) -> None:
        """Record octets of a request's body."""
        request.body_length += len(octets)
        request.body += bytes(octets[: self._keep - len(request.body)])


class _ClientLeft(Exception):
    """The client closed the connection."""


class _Wire(TcpStream):
    """A socket that can be closed on its sending side only."""

    __slots__ = ("_lingers",)

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._lingers = False

    async def wait_readable(self) -> None:
        """Wait until octets, or the end, wait to be read."""
        await anyio.wait_readable(self._socket)

    def linger(self) -> None:
        """Let the next :meth:`abort` send FIN and no more."""
        self._lingers = True

    def abort(self) -> None:
        """Close the socket, or only send FIN."""
        if not self._lingers:
            super().abort()
            return
        self._lingers = False
        with contextlib.suppress(OSError):  # the client was faster
            self._socket.shutdown(socket.SHUT_WR)


class _Conversation:
    """The exchanges on one connection."""

    def __init__(self, peer: ScriptedPeer, stream: ByteStream, wire: _Wire, number: int) -> None:
        self._peer = peer
        self._stream = stream
        self._wire = wire
        self._number = number
        self._arena = Arena()
        self._unread = False  # octets of a body lie behind what was read

    async def run(self) -> None:
        """Serve requests until either side closes."""
        end = End.KEEP
        while end is End.KEEP:
            end = await self._exchange()
        if end is End.RESET:
            self._wire.reset()
            return
        self._wire.linger()
        if end is End.CLOSE:
            await self._stream.aclose()
        else:
            self._wire.abort()
        # To close while octets of the client's are unread would be a reset.
        while await self._wire.receive_into(self._arena.writable(BLOCK)):
            pass

    async def _exchange(self) -> End:
        request = PeerRequest(await self._read_head(), self._number)
        framing = _framing(request)
        reply = self._peer.begin(request)
        self._unread = reply is not None and reply.early
        if not self._unread:
            await self._read_body(request, framing)
        if reply is None:
            reply = self._peer.decide(request)
        await self._send(reply.octets)
        if self._unread and reply.end is End.KEEP:
            await self._read_body(request, framing)
        return reply.end

    async def _read_head(self) -> bytes:
        while (length := head_length(self._arena.undecoded_view(), _HEAD_MOST)) is None:
            await self._receive()
        head = bytes(self._arena.undecoded_view()[:length])
        self._arena.skip(length)
        return head

    async def _read_body(self, request: PeerRequest, framing: Framing) -> None:
        while True:
            framing.advance(self._arena)
            self._peer.record(request, self._arena.view(self._arena.available))
            self._arena.consume(self._arena.available)
            if framing.complete:
                break
            await self._receive()
        request.complete = True

    async def _receive(self) -> None:
        count = await self._stream.receive_into(self._arena.writable(BLOCK))
        if count == 0:
            raise _ClientLeft
        self._arena.commit(count)

    async def _send(self, octets: bytes | Iterable[Chunk] | AsyncIterable[Chunk]) -> None:
        if isinstance(octets, bytes):
            await self._send_chunk(octets)
        elif isinstance(octets, AsyncGenerator):
            # Closed here, whatever happens: trio leaves it to nobody else.
            async with contextlib.aclosing(cast("AsyncGenerator[Chunk, None]", octets)) as chunks:
                await self._send_each(chunks)
        elif isinstance(octets, AsyncIterable):
            await self._send_each(octets)
        else:
            for chunk in octets:
                await self._send_chunk(chunk)

    async def _send_each(self, chunks: AsyncIterable[Chunk]) -> None:
        async for chunk in chunks:
            await self._send_chunk(chunk)

    async def _send_chunk(self, chunk: Chunk) -> None:
        if not isinstance(chunk, anyio.Event):
            await self._stream.send([chunk])
        elif self._unread:
            await chunk.wait()  # whether the client left stands behind what is unread
        else:
            await self._stall(chunk)

    async def _stall(self, event: anyio.Event) -> None:
        """Wait for the event, or until the client leaves."""
        left = False

        async def watch() -> None:
            nonlocal left
            await self._wire.wait_readable()
            left = True
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await event.wait()
            tasks.cancel_scope.cancel()
        if left:
            raise _ClientLeft


_OUT_OF_SCRIPT = response(b"the script has no reply to this request", status=599)


def _as_reply(answer: Answer) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(answer)


def _framing(request: PeerRequest) -> Framing:
    if "chunked" in request.headers.tokens("Transfer-Encoding"):
        return ChunkedFraming(Limits())
    return LengthFraming(int(request.headers.get("Content-Length") or 0))
