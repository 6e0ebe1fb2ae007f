"""Calls that give parts as they arrive: instances, frames and bulk data (PS3.18 §10.4)."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ...errors import (
    ContentError,
    FrameMismatch,
    FramingError,
    MultipartError,
    TransportError,
    UnexpectedMediaType,
)
from ...http import ContentRange, MediaType
from ...services import BulkData, Resource, Selector
from ..listing import Listing
from ..part_stream import PartStream
from ..parts import BulkDataPart, Instance, Part
from ..results import Frame
from ..resume import Frames
from ..resumption import FrameResumption, OneResumption, StudyResumption
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from ...http import Request, Response
    from ...net import Deadlines, Incoming
    from ...services import RetrieveRequest
    from ...wire import PartHead
    from ..resumption import Resumption
    from ..retrieval import Retrieval
    from ..session import Session

__all__ = [
    "BulkDataCall",
    "FramesCall",
    "InstanceCall",
    "InstancesCall",
    "PartsCall",
]

T = TypeVar("T")
Whole = TypeVar("Whole")

_EXCERPT = 1024
_WORDS = frozenset({"text/html", "application/json", "application/dicom+json"})
_FRAME_LOCATION = re.compile(r".*/frames/([0-9]{1,10})(?:/rendered)?/?")


class PartsCall(Call[T, Whole]):
    """A call whose response is a body of parts."""

    __slots__ = ("_request", "_retrieval", "_stream")

    def __init__(self, session: Session, retrieval: Retrieval) -> None:
        super().__init__(session)
        self._retrieval = retrieval
        self._request = retrieval.request
        self._stream: PartStream | None = None

    def __del__(self) -> None:
        """Give up the connection of a call that was left half-way."""
        super().__del__()
        if self._stream is not None:
            self._stream.abandon()

    async def _start(self) -> None:
        request = self._request.to_http()
        if self._retrieval.usual:
            resource, admits = self._request.resource, self._request.admits
            sent, incoming = await self._negotiate(request, resource, admits)
        else:
            sent, incoming = request, await self._open(request)
        await _check_answer(self._request, incoming)
        self._check_head(incoming.response)
        deadlines = self._until(request)
        self._stream = PartStream(
            sent,
            incoming,
            partial(_open_further, self._session, self._request, deadlines),
            self._resumption(sent, incoming.response),
            self._session.retry,
            deadlines,
        )

    async def _next(self) -> T:
        stream = self._stream
        if stream is None or stream.ended:
            raise StopAsyncIteration
        head = await stream.next_part()
        if head is None:
            self._check_end()
            raise StopAsyncIteration
        self._check_part(Part(head, stream))
        return await self._make(head, stream)

    def _close(self) -> None:
        super()._close()
        if self._stream is not None:
            self._stream.close()

    def _resumption(self, sent: Request, response: Response) -> Resumption:
        """What to ask for if the response breaks off."""
        media_type = response.media_type
        single = media_type is None or not media_type.is_multipart
        return OneResumption(sent, single=single)

    def _check_part(self, part: Part) -> None:
        """Complain about a gateway's words in the place of what was asked for."""
        resource = self._request.resource
        if resource is Resource.BULKDATA or part.media_type not in _WORDS:
            return
        # A report is rendered as HTML, for whoever wants that.
        is_rendering = resource is Resource.RENDERED and part.media_type == "text/html"
        if is_rendering and self._request.asks_for(MediaType.parse(part.media_type)):
            return
        raise UnexpectedMediaType("a part is not what was asked for", media_type=part.media_type)

    @abstractmethod
    async def _make(self, head: PartHead, stream: PartStream) -> T:
        """The item of a part."""

    def _check_head(self, response: Response) -> None:
        """Complain about a head that can't lead to what was asked for."""

    def _check_end(self) -> None:
        """Complain if parts are missing; the body itself was whole."""


class InstancesCall(PartsCall[Instance, "list[Dataset]"]):
    """Instances of a study or series; awaited, a list of data sets.

    Iterated, it gives each :class:`~aiodicomweb.Instance` once its first octets have arrived. If
    the response breaks off, those that are missing are asked for.
    """

    __slots__ = ()

    def _resumption(self, sent: Request, response: Response) -> Resumption:
        request, target = self._request, self._request.target
        assert isinstance(target, Selector)  # noqa: S101 - only bulk data have URLs
        deadlines, qido = self._until(sent), self._retrieval.qido
        listing = Listing(self._session, deadlines, request, qido, target)
        return StudyResumption(request, sent, partial=response.partial, listing=listing)

    async def _make(self, head: PartHead, stream: PartStream) -> Instance:
        return Instance(head, stream)

    async def _whole(self) -> list[Dataset]:
        return [await instance.dataset() async for instance in self]


class InstanceCall(PartsCall[Instance, "Dataset"]):
    """One instance; awaited, its data set. That it is one is checked at the end."""

    __slots__ = ("_arrived",)

    def __init__(self, session: Session, retrieval: Retrieval) -> None:
        super().__init__(session, retrieval)
        self._arrived = False

    def _resumption(self, sent: Request, response: Response) -> Resumption:
        return OneResumption(sent, single=True, is_instance=True)

    async def _make(self, head: PartHead, stream: PartStream) -> Instance:
        if self._arrived:
            raise ContentError("asked for one instance, got more")
        self._arrived = True
        return Instance(head, stream)

    def _check_end(self) -> None:
        if not self._arrived:
            raise ContentError("asked for one instance, got none")

    async def _whole(self) -> Dataset:
        datasets = [await instance.dataset() async for instance in self]
        return datasets.pop()


class FramesCall(PartsCall[Frame, list[Frame]]):
    """Frames, rendered or not, as they arrive; awaited, a list in the order asked for.

    That all arrived is checked at the end: fewer, or others, raise ``FrameMismatch``.
    """

    __slots__ = ("_frames", "_is_film")

    def __init__(self, session: Session, retrieval: Retrieval, asked: Sequence[int]) -> None:
        super().__init__(session, retrieval)
        self._frames = Frames(asked)
        self._is_film = False

    def _resumption(self, sent: Request, response: Response) -> Resumption:
        return FrameResumption(self._request, sent, self._frames)

    async def _next(self) -> Frame:
        ready = self._frames.ready
        while not ready:
            try:
                await super()._next()
            except StopAsyncIteration:
                if not ready:
                    raise
            except (TransportError, FramingError, MultipartError) as error:
                if self._stream is None:
                    raise
                await self._stream.resume(error)
        return ready.popleft()

    async def _make(self, head: PartHead, stream: PartStream) -> Frame:
        part = Part(head, stream)
        place = self._frames.expected()
        if place is None:
            raise self._mismatch(self._frames.received + 1)
        data = await part.read()
        number = self._number(part)
        self._is_film = _is_film(part)
        frame = Frame(data, number or place, part.media_type, part.transfer_syntax, part.location)
        self._frames.take(frame, named=number is not None)
        return frame

    def _number(self, part: Part) -> int | None:
        """Which frame a part says it is; its place tells else (PS3.18 §10.4.4).

        A server that drops numbers which the instance doesn't have shifts the places.
        """
        match = _FRAME_LOCATION.fullmatch(part.location or "")
        if match is not None and int(match[1]) in self._frames.asked:
            return int(match[1])
        return None

    def _check_end(self) -> None:
        if self._is_film and len(self._frames.arrived) == 1:
            return
        if Counter(self._frames.asked) != Counter(self._frames.arrived):
            raise self._mismatch(self._frames.received)

    def _mismatch(self, received: int) -> FrameMismatch:
        error = FrameMismatch(
            "other frames arrived than were asked for",
            asked=self._frames.asked,
            missing=sorted(self._frames.missing),
            received=received,
        )
        error.complete = len(self._frames.arrived)
        return error

    async def _whole(self) -> list[Frame]:
        arrived: dict[int, deque[Frame]] = {number: deque() for number in self._frames.asked}
        async for frame in self:
            arrived[frame.number].append(frame)
        return [arrived[number].popleft() for number in self._frames.asked if arrived[number]]


def _is_film(part: Part) -> bool:
    """Whether a part stands for all frames that were asked for (PS3.18 §8.7.3.3.2).

    A video does, and so may a GIF that doesn't name its one frame.
    """
    if part.media_type == "image/gif":
        return _FRAME_LOCATION.fullmatch(part.location or "") is None
    return part.media_type.startswith("video/")


class BulkDataCall(PartsCall[BulkDataPart, list[BulkData]]):
    """Bulk data of one or more elements; awaited, a list of values.

    Iterated, it gives each :class:`~aiodicomweb.BulkDataPart` before its octets have arrived.
    """

    __slots__ = ()

    async def _make(self, head: PartHead, stream: PartStream) -> BulkDataPart:
        return BulkDataPart(head, stream)

    def _check_head(self, response: Response) -> None:
        """An answer of all octets to a request for a range would be taken for the range."""
        asked = self._request.byte_range
        if asked is None:
            return
        value = response.headers.get("Content-Range")
        given = ContentRange.parse(value) if value else None
        first, last = asked
        if given is None or given.first != first or (last is not None and given.last > last):
            raise ContentError(
                "the server gives other octets than the byte_range",
                hint="many servers ignore Range; ask without byte_range",
            )

    async def _whole(self) -> list[BulkData]:
        return [await part.bulk_data() async for part in self]


async def _open_further(
    session: Session, retrieval: RetrieveRequest, deadlines: Deadlines, request: Request
) -> Incoming:
    """Send a request for what is missing of a retrieval."""
    incoming = await session.open(request, deadlines)
    await _check_answer(retrieval, incoming)
    return incoming


async def _check_answer(retrieval: RetrieveRequest, incoming: Incoming) -> None:
    """Close a response that can't be what was asked for."""
    response = incoming.response
    if not retrieval.admits(response):
        raise UnexpectedMediaType(
            "the answer is not what was asked for",
            media_type=response.headers.get("Content-Type", ""),
            body=await incoming.read_start(_EXCERPT),
        )
    if not incoming.verifiable:
        incoming.close()
        raise FramingError(
            "the answer has neither a length nor parts: nothing would show that it was cut off"
        )
