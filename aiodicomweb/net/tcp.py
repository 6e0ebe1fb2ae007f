"""A byte stream over a non-blocking TCP socket."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from anyio import ClosedResourceError, ResourceGuard

from ..errors import ConnectionLost, LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

__all__ = ["TcpStream"]

_SENDFILE_MOST = 1 << 30
_MORE: int = getattr(socket, "MSG_MORE", 0)
"""Of octets that wait in the system for those that follow at once; Linux can."""

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER for 0 seconds
_STEPS_PER_CHECKPOINT = 16
"""Calls that need not wait before other tasks get their turn: 4 MiB at full blocks."""

_FILE_ERRNOS = frozenset({errno.EIO, errno.EINVAL, errno.EISDIR, errno.EOVERFLOW, errno.ESTALE})
"""What ``sendfile`` says of the file and not of the socket."""


def _lost(error: OSError) -> ConnectionLost:
    return ConnectionLost(f"the connection broke: {os.strerror(error.errno or 0)}")


def _not_sent(error: OSError) -> OSError | ConnectionLost:
    """What ``sendfile`` means: the file can't be read, or the connection broke."""
    return error if error.errno in _FILE_ERRNOS else _lost(error)


class TcpStream:
    """See :class:`~aiodicomweb.net.stream.ByteStream`. Owns the socket.

    Args:
        sock: A connected socket, non-blocking.
    """

    __slots__ = ("_reading", "_sending", "_socket", "_steps")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._reading = ResourceGuard("receiving from")
        self._sending = ResourceGuard("sending to")
        self._steps = 0

    async def receive_into(self, view: memoryview) -> int:
        """Receive; see the protocol."""
        with self._reading:
            count = await self._receive(view)
        await self._step()
        return count

    async def _receive(self, view: memoryview) -> int:
        while True:
            try:
                return self._socket.recv_into(view)
            except BlockingIOError:
                await self._wait(anyio.wait_readable)
            except OSError as error:
                raise _lost(error) from error

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send; see the protocol."""
        with self._sending:
            for segment in segments:
                rest = memoryview(segment).cast("B")
                while rest:
                    rest = rest[await self._send_some(rest) :]
                    await self._step()

    def send_now(self, octets: bytes | bytearray | memoryview) -> int:
        """Send what fits; see the protocol."""
        if self._steps >= _STEPS_PER_CHECKPOINT - 1:
            return 0  # it is the turn of others
        self._steps += 1
        with self._sending:
            try:
                return self._socket.send(octets)
            except BlockingIOError:
                return 0
            except OSError as error:
                raise _lost(error) from error

    async def _send_some(self, octets: memoryview, flags: int = 0) -> int:
        while True:
            try:
                return self._socket.send(octets, flags)
            except BlockingIOError:
                await self._wait(anyio.wait_writable)
            except OSError as error:
                raise _lost(error) from error

    def send_file_now(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> int:
        """Send what fits; see the protocol."""
        if self._steps >= _STEPS_PER_CHECKPOINT - 1:
            return 0  # it is the turn of others
        self._steps += 1
        count = 0
        with self._sending:
            try:
                if head:
                    count = self._socket.send(head, _MORE)
                if count == len(head):
                    count += os.sendfile(self._socket.fileno(), descriptor, offset, length)
            except BlockingIOError:
                pass
            except OSError as error:
                if not count:  # else the next call meets it
                    raise _not_sent(error) from error
        return count

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        """Send a piece of a file; the octets never enter this process (``sendfile``)."""
        with self._sending:
            rest = memoryview(head)
            while rest:
                rest = rest[await self._send_some(rest, _MORE) :]
            while length:
                try:
                    count = os.sendfile(
                        self._socket.fileno(), descriptor, offset, min(length, _SENDFILE_MOST)
                    )
                except BlockingIOError:
                    await self._wait(anyio.wait_writable)
                    continue
                except OSError as error:
                    raise _not_sent(error) from error
                if count == 0:
                    raise LocalProtocolError(f"the file ends {length} octets early")
                offset += count
                length -= count
                await self._step()

    async def send_eof(self) -> None:
        """Send FIN."""
        with self._sending:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise _lost(error) from error
        await self._step()

    async def _step(self) -> None:
        """Be fair to other tasks, where peer and kernel never make us wait."""
        self._steps += 1
        if self._steps >= _STEPS_PER_CHECKPOINT:
            self._steps = 0
            await anyio.lowlevel.checkpoint()

    async def _wait(self, ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._steps = 0
        if self._socket.fileno() < 0:
            raise ConnectionLost("the connection was closed on this side")
        try:
            await ready(self._socket)
        except ClosedResourceError:
            raise ConnectionLost("the connection was closed on this side") from None

    def is_readable(self) -> bool:
        """Whether octets, or the end, wait to be read."""
        if self._socket.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """Close the socket."""
        if self._socket.fileno() >= 0:
            with contextlib.suppress(RuntimeError):  # no event loop runs here: nobody waits
                anyio.notify_closing(self._socket)
            self._socket.close()

    def reset(self) -> None:
        """Close with RST."""
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    async def aclose(self) -> None:
        """Close the socket; what was sent still goes out."""
        self.abort()
        await anyio.lowlevel.checkpoint()
