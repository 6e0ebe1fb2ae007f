"""What everything above writes against instead of sockets: a stream of octets, both ways."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

import anyio.to_thread

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ByteSink", "ByteStream", "SendsInBlocks"]

_MOST_READ = 512 * 1024
"""Octets of a file that are in memory at once."""

_FROM_MEMORY: int = getattr(os, "RWF_NOWAIT", 0)
"""Linux reads a file without waiting for a disk, if told so; 0 elsewhere."""

_NOT_IN_MEMORY = frozenset({errno.EAGAIN, errno.EOPNOTSUPP})
"""What it says if it would have to wait, or can't tell."""


class ByteSink(Protocol):
    """What octets are sent to, in order; one task may send at a time."""

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send all octets of all segments, in order.

        Raises:
            ConnectionLost: The peer does not take them.
        """
        ...

    def send_now(self, octets: bytes | bytearray | memoryview) -> int:
        """Send what can be sent without waiting, so that nobody needs to bound the wait.

        Returns:
            Number of octets; 0 says that :meth:`send` is to be called.

        Raises:
            ConnectionLost: The peer does not take them.
        """
        ...

    def send_file_now(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> int:
        """Do of what :meth:`send_file` does what can be done without waiting.

        Returns:
            Number of octets, those of the head included; 0 says that :meth:`send_file` is to be
            called, which also finds out where the file ends.

        Raises:
            ConnectionLost: The peer does not take them.
            OSError: The file can't be read.
        """
        ...

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        """Send a few octets and a piece of an open file behind them, together if possible.

        Args:
            descriptor: Of the file.
            offset: Where the piece starts.
            length: Its octets.
            head: What goes before.

        Raises:
            ConnectionLost: The peer does not take it.
            LocalProtocolError: The file ends before.
            OSError: The file can't be read.
        """
        ...


class ByteStream(ByteSink, Protocol):
    """A connected, reliable stream of octets.

    One task may receive while another sends; two that receive, or two that send, at the same
    time get ``anyio.BusyResourceError``. An operation that was cancelled or failed leaves the
    direction in an unknown state: close the stream then.

    What need not wait is no checkpoint, except every so often, to be fair to other tasks.
    """

    async def receive_into(self, view: memoryview) -> int:
        """Wait for octets and write them into ``view``, as many as are there.

        Returns:
            Number of octets; 0 says that the peer ended its side in an orderly way.

        Raises:
            ConnectionLost: The peer went away otherwise, or the stream was closed here.
            TlsError: TLS broke: the peer says so, or what it sent is no TLS.
        """
        ...

    async def send_eof(self) -> None:
        """Say that nothing more will be sent; what the peer sends can still be received.

        Raises:
            ConnectionLost: The peer is not there any more.
        """
        ...

    def is_readable(self) -> bool:
        """Whether something arrived, or the peer closed, on a connection at rest."""
        ...

    def abort(self) -> None:
        """Close at once, without a farewell; may be called again. Wakes who waits."""
        ...

    def reset(self) -> None:
        """Close at once, so that the peer can't take it for the end of what was being sent.

        What it has not read of that may be lost.
        """
        ...

    async def aclose(self) -> None:
        """Close in the orderly way of the protocol; closes even if it is cancelled."""
        ...


class SendsInBlocks(ABC):
    """A sink that the system sends no files to, and that sends nothing without waiting."""

    __slots__ = ()

    @abstractmethod
    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send all octets of all segments; see the protocol."""

    def send_now(self, octets: bytes | bytearray | memoryview) -> int:
        """Nothing."""
        return 0

    def send_file_now(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> int:
        """Nothing: it has to be read first."""
        return 0

    async def send_file(
        self, descriptor: int, offset: int, length: int, head: bytes | bytearray = b""
    ) -> None:
        """Send a piece of a file through one reusable buffer."""
        await _send_in_blocks(self, descriptor, offset, length, head)


async def _send_in_blocks(
    sink: ByteSink, descriptor: int, offset: int, length: int, head: bytes | bytearray
) -> None:
    """Do what ``send_file`` says through one reusable buffer, where the system can't do it.

    Raises:
        ConnectionLost: The peer does not take it.
        LocalProtocolError: The file ends before.
        OSError: The file can't be read.
    """
    start = len(head)
    buffer = memoryview(bytearray(start + min(length, _MOST_READ)))
    buffer[:start] = head
    while length:
        piece = buffer[start : start + length]
        count = await _read(descriptor, piece, offset)
        if count == 0:
            raise LocalProtocolError(f"the file ends {length} octets early")
        await sink.send([buffer[: start + count]])
        start = 0
        offset += count
        length -= count


async def _read(descriptor: int, buffer: memoryview, offset: int) -> int:
    """Read of a file, here what the system has in memory, else in a thread.

    Its way there and back takes longer than to copy a block.
    """
    if _FROM_MEMORY:
        try:
            return os.preadv(descriptor, [buffer], offset, _FROM_MEMORY)
        except OSError as error:
            if error.errno not in _NOT_IN_MEMORY:
                raise
    return await anyio.to_thread.run_sync(os.preadv, descriptor, [buffer], offset)
