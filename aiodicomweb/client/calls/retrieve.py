"""Calls that give parts as they arrive: instances, frames and bulk data (PS3.18 §10.4)."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter, deque
from typing import TYPE_CHECKING, TypeVar

from ...errors import ContentError, FrameMismatch, FramingError, UnexpectedMediaType
from ...http import ContentRange, MediaType
from ...services import BulkData, Resource
from ..parts import BulkDataPart, Instance, Part
from ..results import Frame
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from ...http import Response
    from ...net import Incoming
    from ...services import RetrieveRequest
    from ...wire import PartHead
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

    __slots__ = ("_request",)

    def __init__(self, session: Session, request: RetrieveRequest) -> None:
        super().__init__(session)
        self._request = request

    async def _start(self) -> None:
        incoming = await self._open(self._request.to_http())
        response = incoming.response
        if not self._request.admits(response):
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
        self._check_head(response)

    async def _next(self) -> T:
        incoming = self._incoming
        if incoming is None or incoming.ended:
            raise StopAsyncIteration
        if self.response.status == 204:
            await incoming.read_all()
            head = None
        else:
            head = await incoming.next_part()
        if head is None:
            self._check_end()
            raise StopAsyncIteration
        self._check_part(Part(head, incoming))
        return await self._make(head, incoming)

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
    async def _make(self, head: PartHead, incoming: Incoming) -> T:
        """The item of a part."""

    def _check_head(self, response: Response) -> None:
        """Complain about a head that can't lead to what was asked for."""

    def _check_end(self) -> None:
        """Complain if parts are missing; the body itself was whole."""


class InstancesCall(PartsCall[Instance, "list[Dataset]"]):
    """Instances of a study or series; awaited, a list of data sets.

    Iterated, it gives each :class:`~aiodicomweb.Instance` before its octets have arrived.
    """

    __slots__ = ()

    async def _make(self, head: PartHead, incoming: Incoming) -> Instance:
        return Instance(head, incoming)

    async def _whole(self) -> list[Dataset]:
        return [await instance.dataset() async for instance in self]


class InstanceCall(PartsCall[Instance, "Dataset"]):
    """One instance; awaited, its data set. That it is one is checked at the end."""

    __slots__ = ("_arrived",)

    def __init__(self, session: Session, request: RetrieveRequest) -> None:
        super().__init__(session, request)
        self._arrived = False

    async def _make(self, head: PartHead, incoming: Incoming) -> Instance:
        if self._arrived:
            raise ContentError("asked for one instance, got more")
        self._arrived = True
        return Instance(head, incoming)

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

    __slots__ = ("_arrived", "_asked", "_is_film")

    def __init__(self, session: Session, request: RetrieveRequest, asked: Sequence[int]) -> None:
        super().__init__(session, request)
        self._asked = tuple(asked)
        self._arrived: list[int] = []
        self._is_film = False

    async def _make(self, head: PartHead, incoming: Incoming) -> Frame:
        part = Part(head, incoming)
        if len(self._arrived) == len(self._asked):
            raise self._mismatch(len(self._arrived) + 1)
        data = await part.read()
        number = self._number(part)
        self._arrived.append(number)
        self._is_film = _is_film(part)
        return Frame(data, number, part.media_type, part.transfer_syntax, part.location)

    def _number(self, part: Part) -> int:
        """Which frame a part is: what it says of itself, else its place (PS3.18 §10.4.4).

        A server that drops numbers which the instance doesn't have shifts the places.
        """
        match = _FRAME_LOCATION.fullmatch(part.location or "")
        if match is not None and int(match[1]) in self._asked:
            return int(match[1])
        return self._asked[len(self._arrived)]

    def _check_end(self) -> None:
        if self._is_film and len(self._arrived) == 1:
            return
        if Counter(self._asked) != Counter(self._arrived):
            raise self._mismatch(len(self._arrived))

    def _mismatch(self, received: int) -> FrameMismatch:
        missing = Counter(self._asked)
        missing.subtract(self._arrived)
        error = FrameMismatch(
            "other frames arrived than were asked for",
            asked=self._asked,
            missing=sorted((+missing).elements()),
            received=received,
        )
        error.complete = len(self._arrived)
        return error

    async def _whole(self) -> list[Frame]:
        arrived: dict[int, deque[Frame]] = {number: deque() for number in self._asked}
        async for frame in self:
            arrived[frame.number].append(frame)
        return [arrived[number].popleft() for number in self._asked if arrived[number]]


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

    async def _make(self, head: PartHead, incoming: Incoming) -> BulkDataPart:
        return BulkDataPart(head, incoming)

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
