"""Which instances a study or series has, as the archive says: for what broke off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DicomWebError, LimitExceeded
from ..http import Response
from ..services import Resource, RetrieveRequest, SearchRequest, Selector
from ..services.paging import Pager
from ..services.qido import parse_results
from ..services.transaction import json_objects
from .ladder import Kind, with_accept
from .resume import listed_instances
from .resumption import NotResumable

if TYPE_CHECKING:
    from ..http import URL, Headers, Request
    from ..net import Deadlines
    from .session import Session

__all__ = ["Listing"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Asks for the instances of a study or series: by a search, else by their metadata.

    Attributes:
        session: Sends the requests.
        deadlines: Of the call.
        request: The retrieval, whose header fields go along.
        qido: URL for searches.
        target: The study or series.
    """

    session: Session
    deadlines: Deadlines
    request: RetrieveRequest
    qido: URL
    target: Selector

    async def __call__(self, known: set[str]) -> dict[str, str]:
        """SOP to Series Instance UIDs.

        Args:
            known: SOP Instance UIDs that must be among them. An archive that lists others than
                it sends is of no help.

        Raises:
            NotResumable: Neither way gives them.
        """
        reason: Exception | None = None
        for way in (self._search, self._metadata):
            try:
                instances = await way()
            except (DicomWebError, ValueError) as error:
                reason = error
                continue
            if known <= instances.keys():
                return instances
        raise NotResumable from reason

    async def _search(self) -> dict[str, str]:
        selector = Selector(self.target.study, self.target.series, "")
        pager = Pager(SearchRequest(self.qido, selector, headers=self._headers), all_pages=True)
        instances: dict[str, str] = {}
        pages = 0
        while (request := pager.next_request()) is not None:
            pages += 1
            most = self.session.limits.pages
            if pages > most:
                raise LimitExceeded("the search does not end", limit="pages", value=most)
            objects = parse_results(await self._fetch(request.to_http(), Kind.SEARCH))
            instances |= listed_instances(pager.take(objects), self.target.series)
        return instances

    async def _metadata(self) -> dict[str, str]:
        request = RetrieveRequest(
            self.request.base_url, self.target, Resource.METADATA, headers=self._headers
        )
        response = await self._fetch(request.to_http(), Resource.METADATA)
        return listed_instances(json_objects(response), self.target.series)

    @property
    def _headers(self) -> Headers:
        return self.request.headers.without("Accept")

    async def _fetch(self, request: Request, kind: Resource | Kind) -> Response:
        accept = self.session.forms.forms(request.url.origin, kind)[0]
        incoming = await self.session.open(with_accept(request, accept), self.deadlines)
        head = incoming.response
        body = bytes(await incoming.read_all())
        return Response(head.status, head.headers, body, head.reason)
