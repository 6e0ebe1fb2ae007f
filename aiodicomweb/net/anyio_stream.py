"""A byte stream over one of anyio's: a Unix socket, the pipes of a process, an SSH tunnel.

Theory of operation. A task reads one block ahead, which is how it is known that something arrived
on a connection at rest. The same task owns the stream of anyio: there a close takes an ``await``,
which :meth:`AnyioStream.abort` hasn't; it cancels the task, and that closes.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, ResourceGuard
from anyio.abc import ByteStream, SocketAttribute, TaskGroup

from ..errors import ConnectionLost
from .stream import SendsInBlocks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AnyioStream"]

_BLOCK = 256 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER for 0 seconds
_FAREWELL_SECONDS = 1.0
_BROKEN = (BrokenResourceError, ClosedResourceError, OSError)


class AnyioStream(SendsInBlocks):
    """See :class:`~aiodicomweb.net.stream.ByteStream`. Owns the stream below.

    A reset is one where there is a TCP socket below, and else a close: a Unix socket or a pipe has
    no other. Where the stream below can't end one side alone, :meth:`send_eof` raises what it
    raises, ``NotImplementedError`` for anyio's TLS; better let TLS be spoken above this one.

    Args:
        stream: Connected; nobody else uses it any more.
        tasks: Runs a task until the stream is closed. Who cancels the group closes the stream.
    """

    __slots__ = (
        "_arrived",
        "_block",
        "_closed",
        "_end",
        "_life",
        "_reading",
        "_said_end",
        "_sending",
        "_stream",
        "_taken",
        "_writing",
    )

    def __init__(self, stream: ByteStream, tasks: TaskGroup) -> None:
        self._stream = stream
        self._block = memoryview(b"")  # what was read ahead
        self._end: Exception | None = None  # nothing follows it
        self._arrived = anyio.Event()
        self._taken = anyio.Event()
        self._reading = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")
        self._life = anyio.CancelScope()
        self._writing: anyio.CancelScope | None = None
        self._said_end = False
        self._closed = False
        tasks.start_soon(self._run)

    async def receive_into(self, view: memoryview) -> int:
        """Receive; see the protocol."""
        with self._reading:
            await anyio.lowlevel.checkpoint()
            while not (self._block or self._closed or self._end):
                self._arrived = anyio.Event()
                await self._arrived.wait()
            self._check_open()
            if not self._block:
                if isinstance(self._end, EndOfStream):
                    return 0
                raise ConnectionLost("the connection broke") from self._end
            count = min(len(view), len(self._block))
            view[:count] = self._block[:count]
            self._block = self._block[count:]
            if not self._block:
                self._taken.set()
            return count

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send; see the protocol. Streams of anyio take ``bytes``, which costs a copy."""
        with self._sending:
            for segment in segments:
                rest = memoryview(segment).cast("B")
                while rest:
                    await self._send(bytes(rest[:_BLOCK]))
                    rest = rest[_BLOCK:]

    async def _send(self, octets: bytes) -> None:
        self._check_open()
        if self._said_end:
            raise ConnectionLost("this side of the connection was ended")
        with anyio.CancelScope() as self._writing:  # to be woken by a close
            try:
                await self._stream.send(octets)
            except _BROKEN as error:
                raise self._lost() from error
        self._check_open()

    async def send_eof(self) -> None:
        """End this side."""
        with self._sending:
            self._check_open()
            self._said_end = True
            try:
                await self._stream.send_eof()
            except _BROKEN as error:
                raise self._lost() from error

    def is_readable(self) -> bool:
        """Whether octets, or the end, were read ahead."""
        return bool(self._block) or self._closed or self._end is not None

    def abort(self) -> None:
        """Have the stream below closed by its task."""
        self._closed = True
        self._arrived.set()
        with contextlib.suppress(RuntimeError):  # no event loop runs here: nobody waits
            self._life.cancel()
            if self._writing is not None:
                self._writing.cancel()

    def reset(self) -> None:
        """Close with RST, if there is a TCP socket."""
        sock = self._stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - not Django's
        if not self._closed and sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    async def aclose(self) -> None:
        """Close as the stream below does, within a second."""
        try:
            if not self._closed:
                with anyio.move_on_after(_FAREWELL_SECONDS), contextlib.suppress(*_BROKEN):
                    await self._stream.aclose()
        finally:
            self.abort()
        await anyio.lowlevel.checkpoint()

    # --- the task --------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            with self._life:
                await self._read_ahead()
                await anyio.sleep_forever()
        finally:
            self.abort()
            with contextlib.suppress(*_BROKEN), anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)

    async def _read_ahead(self) -> None:
        try:
            while True:
                self._block = memoryview(await self._stream.receive(_BLOCK))
                if self._block:
                    self._taken = anyio.Event()
                    self._arrived.set()
                    await self._taken.wait()
        except (EndOfStream, *_BROKEN) as end:
            self._end = end
            self._arrived.set()

    def _check_open(self) -> None:
        if self._closed:
            raise self._lost()

    def _lost(self) -> ConnectionLost:
        if self._closed:
            return ConnectionLost("the connection was closed on this side")
        return ConnectionLost("the connection broke")
