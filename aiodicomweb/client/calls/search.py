"""Calls that give data sets from DICOM JSON: searches, page by page, and metadata."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from ...errors import ContentError, LimitExceeded
from ...services import Resource
from ...services.paging import Pager
from ...services.qido import parse_results
from ...services.transaction import json_objects
from ..ladder import Kind
from .call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...dicom.json_model import JsonObject
    from ...services.qido import SearchRequest
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
        self._objects: Iterator[JsonObject] = iter(())

    @abstractmethod
    async def _load(self) -> bool:
        """Get the objects of the next body; false if there is none."""

    async def _start(self) -> None:
        await self._load()

    async def _next(self) -> T:
        while True:
            for obj in self._objects:
                return self._convert(obj)
            if not await self._load():
                raise StopAsyncIteration


class SearchCall(_JsonCall[T, list[T]]):
    """A search (PS3.18 §10.6): results as they come, a page at a time; awaited, a list.

    One page is held at a time; of earlier ones only the UIDs, which tell whether the server
    really goes on.
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

    async def _load(self) -> bool:
        request = self._pager.next_request()
        if request is None:
            return False
        self._pages += 1
        most = self._session.limits.pages
        if self._pages > most:
            raise LimitExceeded("the search does not end", limit="pages", value=most)
        named = "Accept" in request.headers or "accept" in dict(request.parameters)
        kind = None if named else Kind.SEARCH
        results = parse_results(await self._read_json(request.to_http(), kind))
        self._objects = iter(self._pager.take(results))
        return True

    async def _whole(self) -> list[T]:
        return [result async for result in self]


class _OneBodyCall(_JsonCall[T, Whole]):
    """A call whose response is one JSON body."""

    __slots__ = ("_loaded", "_retrieval")

    def __init__(
        self, session: Session, retrieval: Retrieval, convert: Callable[[JsonObject], T]
    ) -> None:
        super().__init__(session, convert)
        self._retrieval = retrieval
        self._loaded = False

    async def _load(self) -> bool:
        if self._loaded:
            return False
        self._loaded = True
        retrieval = self._retrieval
        kind = Resource.METADATA if retrieval.usual else None
        response = await self._read_json(retrieval.request.to_http(), kind)
        self._objects = iter(json_objects(response))
        return True


class MetadataCall(_OneBodyCall[T, list[T]]):
    """Metadata of the instances of a study or series (PS3.18 §10.4.1.1.2); awaited, a list."""

    __slots__ = ()

    def as_json(self) -> MetadataCall[JsonObject]:
        """The same call, giving DICOM JSON objects (PS3.18 Annex F) in place of data sets."""
        return MetadataCall(self._session, self._retrieval, _as_it_is)

    async def _whole(self) -> list[T]:
        return [instance async for instance in self]


class InstanceMetadataCall(_OneBodyCall[T, T]):
    """Metadata of one instance (PS3.18 §10.4.1.1.2); awaited, one data set."""

    __slots__ = ()

    def as_json(self) -> InstanceMetadataCall[JsonObject]:
        """The same call, giving the DICOM JSON object (PS3.18 Annex F) in place of a data set."""
        return InstanceMetadataCall(self._session, self._retrieval, _as_it_is)

    async def _whole(self) -> T:
        instances = [instance async for instance in self]
        if len(instances) != 1:
            raise ContentError(f"asked for the metadata of one instance, got {len(instances)}")
        return instances[0]
