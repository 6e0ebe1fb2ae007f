"""What everything above writes against instead of sockets: a stream of octets, both ways."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import anyio.to_thread

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ByteSink", "ByteStream", "send_in_blocks"]

_BLOCK = 256 * 1024


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

    async def send_file(self, descriptor: int, offset: int, length: int) -> None:
        """Send a piece of an open file.

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


async def send_in_blocks(sink: ByteSink, descriptor: int, offset: int, length: int) -> None:
    """Send a piece of a file through one reusable buffer, where the system can't do it.

    Raises:
        ConnectionLost: The peer does not take it.
        LocalProtocolError: The file ends before.
        OSError: The file can't be read.
    """
    buffer = memoryview(bytearray(min(length, _BLOCK)))
    while length:
        piece = buffer[: min(length, _BLOCK)]
        count = await anyio.to_thread.run_sync(os.preadv, descriptor, [piece], offset)
        if count == 0:
            raise LocalProtocolError(f"the file ends {length} octets early")
        await sink.send([piece[:count]])
        offset += count
        length -= count
