"""The call that gives frames, rendered or not (PS3.18 §10.4.1.1.6).

Frames that are asked for together travel together. A list goes in one request, unless its URL
would be too long. What several tasks await at the same moment is gathered: see
:mod:`~aiodicomweb.client.gathering`.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from copy import copy
from typing import TYPE_CHECKING

from ...errors import FrameMismatch, FramingError, MultipartError, TransportError
from ...services import Selector
from ..parts import Part
from ..results import Frame
from ..resume import Frames
from ..resumption import FrameResumption, of_selector
from ..retrieval import Retrieval
from .retrieve import PartsCall

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from ...http import Headers, Request, Response
    from ...wire import Allocator, PartHead
    from ..part_stream import PartStream
    from ..resumption import Resumption
    from ..session import Session

__all__ = ["FramesCall"]

_MOST_CHARACTERS = 6000
"""Of the list of numbers in one URL. Servers and proxies take 8 KiB, as a rule."""

_FRAME_LOCATION = re.compile(r".*/frames/([0-9]{1,10})(?:/rendered)?/?")


class FramesCall(PartsCall[Frame, list[Frame]]):
    """Frames, rendered or not, as they arrive; awaited, a list in the order asked for.

    That all arrived is checked at the end: fewer, or others, raise ``FrameMismatch``. Iterated,
    frames were handed out before. Where they don't say which they are their place in the answer
    tells, which is true of an answer that has what was asked for and no other: so the error has
    the numbers that were told thus (``by_place``). Awaited, no frame is given then.

    Args:
        session: Sends the requests.
        retrieval: Of the frames.
        asked: Their numbers, in the order wanted.
        allocator: Gives the memory for them.
        kind: The same for calls whose frames may be asked for together; ``None`` for none.
    """

    __slots__ = (
        "_allocator",
        "_asked",
        "_before",
        "_begun",
        "_frames",
        "_headers",
        "_is_film",
        "_kind",
        "_lists",
        "_number",
        "_numbers",
        "_told",
    )

    _frames: Frames
    _asked: frozenset[int]

    def __init__(
        self,
        session: Session,
        retrieval: Retrieval,
        asked: Sequence[int],
        allocator: Allocator | None = None,
        kind: Hashable | None = None,
    ) -> None:
        super().__init__(session, retrieval)
        self._allocator = allocator
        self._kind = kind if allocator is None else None
        self._numbers = tuple(asked)
        self._lists = _lists(self._numbers)  # that are asked for one after the other
        self._begun = 0  # numbers of those that were
        self._before: list[Frames] = []
        self._headers: Headers | None = None
        self._told: tuple[str, str | None, str | None] = ("", None, None)
        self._number: int | None = None
        self._is_film = False

    # --- together with others --------------------------------------------------------------------

    async def _run(self) -> list[Frame]:
        if self._kind is None or self._started or self._closed:
            return await super()._run()
        gathering = self._session.gathering
        try:
            with self._begin(self._request.base_url.origin).whole():
                frames, call = await gathering.frames(
                    self._kind, self._numbers, super()._run, self._alike
                )
        finally:
            self._close()
        if call is not None:
            self._response, self._url = call._response, call._url  # noqa: SLF001 - one of ours
        return frames

    def _alike(self, numbers: Sequence[int]) -> FramesCall:
        """A call like this one, and as part of it, for other frames of the instance."""
        request = of_selector(self._request, self._selector(numbers))
        retrieval = Retrieval(request, self._retrieval.usual, self._retrieval.qido)
        call = FramesCall(self._session, retrieval, numbers)
        call._deadlines = copy(self._deadlines)  # what fails of a batch is not held against us
        return call

    def _selector(self, numbers: Sequence[int]) -> Selector:
        target = self._retrieval.request.target
        assert isinstance(target, Selector)  # noqa: S101 - only bulk data have URLs
        return Selector(target.study, target.series, target.instance, tuple(numbers))

    # --- one list after the other ----------------------------------------------------------------

    async def _start(self) -> None:
        numbers = next(self._lists)
        self._begun += len(numbers)
        self._frames = Frames(numbers)
        self._asked = frozenset(numbers)
        if len(numbers) < len(self._numbers):
            self._request = of_selector(self._retrieval.request, self._selector(numbers))
        await super()._start()

    async def _next(self) -> Frame:
        while not self._frames.ready:
            try:
                await super()._next()
            except StopAsyncIteration:
                if not self._frames.ready:
                    await self._go_on()
            except (TransportError, FramingError, MultipartError) as error:
                if self._stream is None:
                    raise
                await self._stream.resume(error)
        return self._frames.ready.popleft()

    async def _go_on(self) -> None:
        """Ask for the next list, behind the end of one."""
        if self._begun == len(self._numbers):
            raise StopAsyncIteration
        self._before.append(self._frames)
        await self._start()

    def _resumption(self, sent: Request, response: Response) -> Resumption:
        return FrameResumption(self._request, sent, self._frames)

    # --- frames ----------------------------------------------------------------------------------

    async def _make_ready(self, head: PartHead, stream: PartStream) -> Frame:
        await self._make(head, stream)
        return self._frames.ready.popleft()

    async def _make(self, head: PartHead, stream: PartStream) -> Frame:
        place = self._frames.expected()
        if place is None:
            raise self._mismatch(self._frames.received + 1)
        octets = await stream.read_part(self._allocator)
        if head.headers is not self._headers:
            self._headers = head.headers
            self._describe(Part(head, stream))
        frame = Frame(octets, self._number or place, *self._told)
        self._frames.take(frame, named=self._number is not None)
        return frame

    def _describe(self, part: Part) -> None:
        """Note what a head tells of its frame: many frames have the same one."""
        self._told = part.media_type, part.transfer_syntax, part.location
        self._number = self._number_of(part)
        self._is_film = _is_film(part)

    def _number_of(self, part: Part) -> int | None:
        """Which frame a part says it is; its place tells else (PS3.18 §10.4.4).

        A server that drops numbers which the instance doesn't have shifts the places.
        """
        match = _FRAME_LOCATION.fullmatch(part.location or "")
        if match is not None and int(match[1]) in self._asked:
            return int(match[1])
        return None

    def _check_end(self) -> None:
        if self._is_film and len(self._frames.arrived) == 1:
            return
        asked, arrived = [*self._frames.asked], self._frames.arrived
        if asked != arrived and Counter(asked) != Counter(arrived):
            raise self._mismatch(self._frames.received)

    def _mismatch(self, received: int) -> FrameMismatch:
        """The error for other frames than were asked for.

        Args:
            received: Frames that this list brought.
        """
        earlier = sum(len(frames.arrived) for frames in self._before)
        later = self._numbers[self._begun :]
        error = FrameMismatch(
            "other frames arrived than were asked for",
            asked=self._numbers,
            missing=sorted([*self._frames.missing, *later]),
            received=earlier + received,
            by_place=self._frames.by_place,
        )
        error.complete = earlier + len(self._frames.arrived)
        return error

    async def _whole(self) -> list[Frame]:
        arrived: dict[int, deque[Frame]] = {number: deque() for number in self._numbers}
        async for frame in self:
            arrived[frame.number].append(frame)
        return [arrived[number].popleft() for number in self._numbers if arrived[number]]


def _lists(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Cut a list into such as fit into a URL."""
    begin = characters = 0
    for place, number in enumerate(numbers):
        characters += len(str(number)) + 1
        if characters > _MOST_CHARACTERS:
            yield tuple(numbers[begin:place])
            begin, characters = place, len(str(number)) + 1
    yield tuple(numbers[begin:])


def _is_film(part: Part) -> bool:
    """Whether a part stands for all frames that were asked for (PS3.18 §8.7.3.3.2).

    A video does, and so may a GIF that doesn't name its one frame.
    """
    if part.media_type == "image/gif":
        return _FRAME_LOCATION.fullmatch(part.location or "") is None
    return part.media_type.startswith("video/")
