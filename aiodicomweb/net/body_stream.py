"""The octets of a body as parts, with I/O: what client and server stream from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ..errors import DicomWebError
from ..wire import BLOCK, END, NEED_DATA, Arena, BodyReader
from ..wire.framing import Announced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..http import Request, Response
    from ..wire import Allocator, End, Limits, NeedData, PartHead, PartReader, WholePart

__all__ = ["BodyStream"]

T = TypeVar("T")


class BodyStream:
    """A body that is still coming, read part by part.

    For each part call :meth:`next_part`, then either :meth:`read_part` for the whole or
    :meth:`read_chunk` again and again for pieces. What is not read of a part is skipped.
    Behind a part that was read :meth:`take_ready` may give many more at once.

    Args:
        body: The body.
        receive: Receives octets for it, about as many as asked for.

    Attributes:
        ended: Whether the body was read to its end, and is whole.
        failure: What ended it otherwise, and is raised again by all methods.
    """

    __slots__ = ("_body", "_joined", "_reader", "_receive", "ended", "failure")

    ended: bool
    failure: DicomWebError | None

    def __init__(self, body: BodyReader, receive: Callable[[int], Awaitable[None]]) -> None:
        self._body = body
        self._receive = receive
        self._reader: PartReader | None = None
        self._joined = False
        self.ended = False
        self.failure = None

    @classmethod
    def over(
        cls,
        message: Request | Response,
        octets: Callable[[], Awaitable[bytes | None]],
        limits: Limits,
    ) -> BodyStream:
        """A body whose octets somebody else has framed, such as a web framework.

        Its content coding is undone as usual.

        Args:
            message: The message that it belongs to.
            octets: Gives the next octets, and ``None`` behind the last.
            limits: Bounds.
        """
        arena, framing = Arena(), Announced()
        body = BodyReader(arena, framing, message, limits)

        async def receive(_wanted: int) -> None:
            piece = await octets()
            if piece is None:
                framing.end()
            else:
                arena.write(piece)
            body.receive(eof=False)

        return cls(body, receive)

    @property
    def part_number(self) -> int:
        """Number of the current part; 0 before the first."""
        return 0 if self._reader is None else self._reader.part_number

    @property
    def complete_parts(self) -> int:
        """Number of parts that were seen whole."""
        return 0 if self._reader is None else self._reader.complete_parts

    async def next_part(self) -> PartHead | None:
        """The next part's head; ``None`` once the body was read to its end.

        The parts are those of a multipart body, or the one part that it is otherwise.

        Raises:
            MultipartError: The parts are malformed or not complete.
            FramingError: The body is cut short.
            UnexpectedMediaType: The body has a content coding that can't be undone.
            LimitExceeded: More than a bound of ``Limits``.
            TransportError: The connection broke, or too long nothing came.
        """
        head = await self._drive(self._parts().next_part)
        if head is None:
            await self._finish()
        return head

    async def peek(self, most: int) -> bytes:
        """The first octets of a part that is not read yet, ``most`` or all; none is taken.

        Raises like :meth:`next_part`.
        """
        return await self._drive(lambda: self._parts().peek(most)) or b""

    async def read_part(self, allocator: Allocator | None = None) -> memoryview:
        """The current part whole, read-only, the caller's own. Raises like :meth:`next_part`."""
        read = self._parts().read_part
        part = await self._drive(read if allocator is None else partial(read, allocator))
        assert part is not None  # noqa: S101 - a whole part never ends without having come
        return part

    def take_ready(self) -> list[WholePart]:
        """Parts that follow the one that was read, and are here whole; perhaps none."""
        return [] if self._reader is None else self._reader.take_ready()

    async def read_chunk(self) -> memoryview | None:
        """A piece of the current part, valid until the next call; ``None`` at its end.

        Raises like :meth:`next_part`.
        """
        return await self._drive(self._parts().read_chunk)

    async def is_ready(self) -> bool:
        """Whether there is a next piece, or the end, of a body that is read as one part."""
        reader = self._parts()
        reader.let_go()
        try:
            while not (self._body.arrived or self._body.arena.available):
                if not self._body.advance(reader):
                    return False
        except DicomWebError as error:
            self._fail(error)
            raise
        return True

    async def read_all(self) -> memoryview:
        """The body as one part, whatever it is, at most ``Limits.body`` octets.

        Read-only, the caller's own. Raises like :meth:`next_part`.
        """
        self.join_parts()
        await self.next_part()
        body = await self.read_part()
        await self._finish()
        return body

    def take_arrived(self) -> memoryview:
        """What arrived and was not read, of a body that failed: read-only, the caller's own."""
        arena = self._body.arena
        return arena.detach(arena.available).toreadonly()

    def join_parts(self) -> None:
        """Let the body be one part from its start, whatever it is. Called before it is read."""
        self._reader = self._body.whole()
        self._joined = True

    def _parts(self) -> PartReader:
        """The reader of the body's parts, made when it is first needed."""
        if self.failure is not None:
            raise self.failure
        if self._reader is None:
            try:
                self._reader = self._body.parts()
            except DicomWebError as error:
                self._fail(error)
                raise
        return self._reader

    async def _drive(self, step: Callable[[], T | NeedData | End]) -> T | None:
        """Call a reader's method, and receive until it answers; ``None`` for ``END``."""
        reader = self._parts()
        try:
            while (event := step()) is NEED_DATA:
                if not self._body.advance(reader):
                    await self._receive(reader.wanted)
        except DicomWebError as error:
            self._fail(error)
            raise
        return None if event is END else event

    async def _finish(self) -> None:
        """All parts were read; let the framing confirm the end, within bounds.

        Where only the end of the connection would confirm it, the close delimiter has to do:
        some servers announce keep-alive and give no length, and would let us wait for ever.
        """
        try:
            while not self._body.complete and self._body.delimited and self._body.discard():
                await self._receive(BLOCK)
            self._body.discard()
        except DicomWebError as error:
            self._fail(error)
            raise
        self.ended = True

    def _fail(self, error: DicomWebError) -> None:
        # A body that is one whole, such as an answer in JSON, has no parts that anybody counts.
        parted = self._reader is not None and not self._joined
        error.complete = self.complete_parts if parted else None
        self.failure = error
