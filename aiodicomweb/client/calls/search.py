"""Calls that give data sets from DICOM JSON, while it arrives: searches, by pages, and metadata."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from ...errors import ContentError, DicomWebError, LimitExceeded
from ...services import Resource
from ...services.paging import Pager
from ..ladder import Kind
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...dicom.json_model import JsonObject
    from ...services.qido import SearchRequest
    from ..object_stream import ObjectStream
    from ..retrieval import Retrieval
    from ..session import Session

__all__ = ["InstanceMetadataCall", "MetadataCall", "SearchCall"]

T = TypeVar("T")
Whole = TypeVar("Whole")


def _as_it_is(obj: JsonObject) -> JsonObject:
    return obj


class _JsonCall(Call[T, Whole]):
    """A call that reads JSON bodies and gives their objects one by one."""

    __slots__ = ("_convert", "_objects")

    def __init__(self, session: Session, convert: Callable[[JsonObject], T]) -> None:
        super().__init__(session)
        self._convert = convert
        self._objects: ObjectStream | None = None

    @abstractmethod
    async def _load(self) -> ObjectStream | None:
        """Ask for the next body; ``None`` if there is none."""

    def _is_due(self, obj: JsonObject) -> bool:
        """Whether an object is one to hand out."""
        return True

    def _begin_again(self) -> None:
        """What came of the body is forgotten: another one comes in its place."""

    async def _start(self) -> None:
        self._objects = await self._load()

    async def _next(self) -> T:
        while self._objects is not None:
            while (obj := await self._objects.next()) is not None:
                if self._is_due(obj):
                    return self._convert(obj)
            self._objects = await self._load()
        raise StopAsyncIteration

    async def _list(self) -> list[T]:
        """The objects of all bodies, each of which came to its end in one piece."""
        found: list[T] = []
        while self._objects is not None:
            self._objects.most = self._session.limits.body
            found += await self._all(self._objects)
            self._objects = await self._load()
        return found

    async def _all(self, objects: ObjectStream) -> list[T]:
        """The objects of one body; of one that breaks off none, but those of another attempt."""
        while True:
            found: list[T] = []
            try:
                while (obj := await objects.read()) is not None:
                    if self._is_due(obj):
                        found.append(self._convert(obj))
            except DicomWebError as error:
                if not await objects.repeat(error):
                    raise
                self._begin_again()
            else:
                return found


class SearchCall(_JsonCall[T, list[T]]):
    """A search (PS3.18 §10.6): results one by one, as they come; awaited, a list.

    One result is held at a time; of earlier ones only the UIDs, which tell whether the server
    really goes on, and what was given of an answer that breaks off.
    """

    __slots__ = ("_all_pages", "_pager", "_pages", "_request")

    def __init__(
        self,
        session: Session,
        request: SearchRequest,
        convert: Callable[[JsonObject], T],
        *,
        all_pages: bool,
    ) -> None:
        super().__init__(session, convert)
        self._request = request
        self._all_pages = all_pages
        self._pager = Pager(request, all_pages=all_pages)
        self._pages = 0

    def as_json(self) -> SearchCall[JsonObject]:
        """The same search, giving DICOM JSON objects (PS3.18 Annex F) in place of data sets."""
        return SearchCall(self._session, self._request, _as_it_is, all_pages=self._all_pages)

    def _is_due(self, obj: JsonObject) -> bool:
        return self._pager.is_new(obj)

    def _begin_again(self) -> None:
        self._pager.next_request()

    async def _load(self) -> ObjectStream | None:
        if self._objects is not None:
            self._pager.end_page(self._objects.count)
        request = self._pager.next_request()
        if request is None:
            return None
        self._pages += 1
        most = self._session.limits.pages
        if self._pages > most:
            raise LimitExceeded("the search does not end", limit="pages", value=most)
        named = "Accept" in request.headers or "accept" in dict(request.parameters)
        kind = None if named else Kind.SEARCH
        return await self._open_objects(request.to_http(), kind)

    async def _whole(self) -> list[T]:
        return await self._list()


class _OneBodyCall(_JsonCall[T, Whole]):
    """A call whose response is one JSON body."""

    __slots__ = ("_retrieval",)

    def __init__(
        self, session: Session, retrieval: Retrieval, convert: Callable[[JsonObject], T]
    ) -> None:
        super().__init__(session, convert)
        self._retrieval = retrieval

    async def _load(self) -> ObjectStream | None:
        if self._objects is not None:
            return None
        retrieval = self._retrieval
        kind = Resource.METADATA if retrieval.usual else None
        return await self._open_objects(retrieval.request.to_http(), kind)


class MetadataCall(_OneBodyCall[T, list[T]]):
    """Metadata of the instances of a study or series (PS3.18 §10.4.1.1.2); awaited, a list."""

    __slots__ = ()

    def as_json(self) -> MetadataCall[JsonObject]:
        """The same call, giving DICOM JSON objects (PS3.18 Annex F) in place of data sets."""
        return MetadataCall(self._session, self._retrieval, _as_it_is)

    async def _whole(self) -> list[T]:
        return await self._list()


class InstanceMetadataCall(_OneBodyCall[T, T]):
    """Metadata of one instance (PS3.18 §10.4.1.1.2); awaited, one data set."""

    __slots__ = ()

    def as_json(self) -> InstanceMetadataCall[JsonObject]:
        """The same call, giving the DICOM JSON object (PS3.18 Annex F) in place of a data set."""
        return InstanceMetadataCall(self._session, self._retrieval, _as_it_is)

    async def _whole(self) -> T:
        instances = await self._list()
        if len(instances) != 1:
            raise ContentError(f"asked for the metadata of one instance, got {len(instances)}")
        return instances[0]
