"""Calls that give parts as they arrive: instances, frames and bulk data (PS3.18 §10.4)."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ...errors import (
    ContentError,
    FramingError,
    UnexpectedMediaType,
)
from ...http import ContentRange, MediaType
from ...services import BulkData, Resource, Selector
from ..listing import Listing
from ..part_stream import PartStream
from ..parts import BulkDataPart, Instance, Part
from ..resumption import OneResumption, StudyResumption
from .call import Call

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...http import Request, Response
    from ...net import Incoming
    from ...services import RetrieveRequest
    from ...wire import PartHead
    from ..course import Course
    from ..resumption import Resumption
    from ..retrieval import Retrieval
    from ..session import Session

__all__ = [
    "BulkDataCall",
    "InstanceCall",
    "InstancesCall",
    "PartsCall",
]

T = TypeVar("T")
Whole = TypeVar("Whole")

_EXCERPT = 1024
_WORDS = frozenset({"text/html", "application/json", "application/dicom+json"})


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
        _check_range(self._request, incoming)
        deadlines = self._until(request)
        self._stream = PartStream(
            sent,
            incoming,
            partial(_open_further, self._session, self._request, deadlines),
            self._resumption(sent, incoming.response),
            self._session.retry,
            deadlines,
            self._session.limits.part,
        )

    async def __anext__(self) -> T:
        """The next item; raises what the verb's documentation says."""
        stream = self._stream
        head = None if stream is None or self._closed else stream.next_ready()
        if stream is None or head is None:
            return await super().__anext__()
        # Of many small parts most need no waiting, and none of what is made for it. Their heads
        # are as that of one before, and were checked with it.
        try:
            return await self._make_ready(head, stream)
        except BaseException:
            self._close()
            raise

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

    async def _make_ready(self, head: PartHead, stream: PartStream) -> T:
        """The item of a part that is here whole."""
        return await self._make(head, stream)

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


class BulkDataCall(PartsCall[BulkDataPart, list[BulkData]]):
    """Bulk data of one or more elements; awaited, a list of values.

    Iterated, it gives each :class:`~aiodicomweb.BulkDataPart` before its octets have arrived.
    """

    __slots__ = ()

    async def _make(self, head: PartHead, stream: PartStream) -> BulkDataPart:
        return BulkDataPart(head, stream)

    async def _whole(self) -> list[BulkData]:
        return [await part.bulk_data() async for part in self]


async def _open_further(
    session: Session, retrieval: RetrieveRequest, deadlines: Course, request: Request
) -> Incoming:
    """Send a request for what is missing of a retrieval."""
    incoming = await session.open(request, deadlines)
    await _check_answer(retrieval, incoming)
    # Another range is the rest of a part: whoever asks for that knows where it must begin.
    if request.headers.get("Range") == retrieval.to_http().headers.get("Range"):
        _check_range(retrieval, incoming)
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


def _check_range(retrieval: RetrieveRequest, incoming: Incoming) -> None:
    """Close a response of other octets than were asked for (RFC 9110 §15.3.7).

    A 206 without ``Content-Range`` has all of them, and leaves instances out (PS3.18 §10.4.3.1).
    """
    response, asked = incoming.response, retrieval.byte_range
    value = response.headers.get("Content-Range") if response.status == 206 else None
    given = ContentRange.parse(value) if value else None
    if asked is not None:
        first, last = asked
        if given is None or given.first != first or (last is not None and given.last > last):
            incoming.close()
            raise ContentError(
                "the server gives other octets than the byte_range",
                hint="many servers ignore Range; ask without byte_range",
            )
        return
    is_all = value is None or (given is not None and given.length == given.complete_length)
    if not is_all and "Range" not in retrieval.headers:
        incoming.close()
        raise ContentError("the server gives a range of octets that nobody asked for")
