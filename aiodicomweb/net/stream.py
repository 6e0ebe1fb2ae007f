"""What everything above writes against instead of sockets: a stream of octets, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ByteSink", "ByteStream"]


class ByteSink(Protocol):
    """What octets are sent to, in order; one task may send at a time."""

    async def send(self, segments: Sequence[bytes | bytearray | memoryview]) -> None:
        """Send all octets of all segments, in order.

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
