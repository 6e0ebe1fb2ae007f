"""Sending bodies: octets, pieces of files, and what is made when its turn comes.

Client and server send alike. Small pieces wait for what follows them, so that a head and the
beginning of its body go out together; files go by ``sendfile`` where the stream can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import anyio.to_thread

from ..errors import LocalProtocolError
from ..http import Deferred, FileSpan, Produced
from ..wire import BLOCK
from ..wire.framing import LAST_CHUNK, chunk_start
from .open_files import OpenFiles

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from ..http import Segment
    from .deadline import Deadlines
    from .stream import ByteSink

__all__ = ["Sender"]

_Octets: TypeAlias = bytes | bytearray | memoryview

_SMALL = 16 * 1024
"""Pieces below wait for what follows; to copy them costs less than a call of the system."""


class Sender:
    """Sends one message over a stream, piece by piece; a context manager that closes its files.

    Each block of 256 KiB has the time of the phase ``write``, so that silence is bounded and not
    the whole.

    Args:
        stream: Where to. Nobody else sends meanwhile.
        deadlines: The phases' seconds.

    Attributes:
        sent: Octets that were handed to the operating system.
    """

    __slots__ = ("_deadlines", "_files", "_held", "_stream", "sent")

    sent: int

    def __init__(self, stream: ByteSink, deadlines: Deadlines) -> None:
        self._stream = stream
        self._deadlines = deadlines
        self._held = bytearray()
        self._files = OpenFiles()
        self.sent = 0

    def __enter__(self) -> Self:
        """No file is open yet."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the files."""
        self._files.close()

    def hold(self, octets: bytes) -> None:
        """Let these octets, a head, go out with what is sent next."""
        self._held += octets

    def drop(self) -> None:
        """Forget what is held back."""
        self._held.clear()

    async def flush(self) -> None:
        """Send what is held back.

        Raises:
            ConnectionLost: The peer takes nothing more.
            DeadlineExceeded: It took too long to take it.
        """
        if self._held:
            count = self._stream.send_now(self._held)
            self.sent += count
            del self._held[:count]
        if self._held:
            with self._deadlines.phase("write"):
                await self._send_held()

    async def _send_held(self) -> None:
        if self._held:
            held, self._held = self._held, bytearray()
            await self._stream.send([held])
            self.sent += len(held)

    async def send(self, segments: Iterable[Segment | Produced]) -> None:
        """Send the segments of a body whose length was told. The last may be held back.

        Raises:
            ConnectionLost, DeadlineExceeded: As from :meth:`flush`.
            LocalProtocolError: A file was changed or ends early, or a promise had another length.
            OSError: A file can't be read.
        """
        for segment in self._in_order(segments):
            await self._send_segment(await _made(segment))

    async def send_chunked(self, segments: Iterable[Segment | Produced]) -> None:
        """Send the segments of a body in chunks, and the last chunk. Raises like :meth:`send`."""
        for segment in self._in_order(segments):
            piece = await _made(segment)
            length = piece.length if isinstance(piece, FileSpan) else memoryview(piece).nbytes
            if length:
                self._held += chunk_start(length)
                await self._send_segment(piece)
                self._held += b"\r\n"
        self._held += LAST_CHUNK

    def _in_order(self, segments: Iterable[Segment | Produced]) -> tuple[Segment | Produced, ...]:
        """The segments of a body, once it is known which files they are of."""
        body = tuple(segments)
        self._files.expect(piece.path for piece in body if isinstance(piece, FileSpan))
        return body

    async def _send_segment(self, segment: _Octets | FileSpan) -> None:
        if isinstance(segment, FileSpan):
            await self._send_file(segment)
            return
        with memoryview(segment) as view:
            if len(self._held) + view.nbytes <= _SMALL:
                self._held += view.cast("B")
                return
        await self.flush()
        octets = memoryview(segment).cast("B")
        for begin in range(0, len(octets), BLOCK):
            await self._send_block(octets[begin : begin + BLOCK])

    async def _send_block(self, octets: bytearray | memoryview) -> None:
        with self._deadlines.phase("write"):
            await self._stream.send([octets])
        self.sent += len(octets)

    async def _send_file(self, span: FileSpan) -> None:
        file = await self._files.turn_to(span.path)
        if span.modified not in (None, file.modified):
            raise LocalProtocolError("a file was changed since it was looked at")
        offset, end = span.offset, span.offset + span.length
        while offset < end:
            left = end - offset
            count = left if left <= BLOCK + _SMALL else BLOCK
            sent = self._stream.send_file_now(file.descriptor, offset, count, self._held)
            if sent:
                self.sent += sent
                offset += max(0, sent - len(self._held))
                del self._held[:sent]
            else:
                await self._send_block_of_file(file.descriptor, offset, count)
                offset += count

    async def _send_block_of_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send what is held back, and all of a block behind it."""
        head, self._held = self._held, bytearray()
        self.sent += len(head)  # even if the file can't be read: the head may be gone then
        with self._deadlines.phase("write"):
            await self._stream.send_file(descriptor, offset, count, head)
        self.sent += count


async def _made(segment: Segment | Produced) -> _Octets | FileSpan:
    """A segment with its octets, made now if they were promised."""
    if not isinstance(segment, Deferred | Produced):
        return segment
    # What is made is nobody's but ours: who is cancelled need not wait for it.
    octets = await anyio.to_thread.run_sync(segment.produce, abandon_on_cancel=True)
    if isinstance(segment, Deferred) and len(octets) != segment.length:
        raise LocalProtocolError(
            f"a piece of the body has {len(octets)} octets now and had {segment.length}: "
            "was it changed meanwhile?"
        )
    return octets
