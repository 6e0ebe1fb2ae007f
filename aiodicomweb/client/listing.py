"""Which instances a study or series has, as the archive says: for what broke off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..errors import DicomWebError, LimitExceeded
from ..http import Response
from ..services import Resource, RetrieveRequest, SearchRequest, Selector
from ..services.qido import parse_results
from ..services.transaction import json_objects
from .inventory import Inventory
from .ladder import Kind
from .negotiation import may_be_json, negotiate
from .patience import Patience
from .resumption import NotResumable

if TYPE_CHECKING:
    from ..http import URL, Headers, Request
    from .course import Course
    from .session import Session

__all__ = ["Listing"]

_MOST_INSTANCES = 100_000
"""Ten times as many as the largest studies have; their UIDs take some 30 MB."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Asks for the instances of a study or series: by a search, and if need be by their metadata.

    Attributes:
        session: Sends the requests.
        deadlines: Of the call.
        request: The retrieval, whose header fields go along.
        qido: URL for searches.
        target: The study or series.
    """

    session: Session
    deadlines: Course
    request: RetrieveRequest
    qido: URL
    target: Selector

    async def __call__(self, known: set[str]) -> dict[str, str]:
        """SOP to Series Instance UIDs of all instances.

        What is listed is all if there are as many as the archive says. Where it doesn't say how
        many, pages of a search that led to an empty one, with nothing that casts doubt on them,
        have to do. Metadata have no pages: one that leaves instances out looks like one that
        doesn't.

        Args:
            known: SOP Instance UIDs that must be among them. An archive that lists others than
                it sends is of no help.

        Raises:
            NotResumable: Neither way surely gives them all.
        """
        most = min(self.session.limits.parts, _MOST_INSTANCES)
        listed = Inventory(self.target.series, most)
        reason: Exception | None = None
        for way in (self._search, self._count, self._metadata):
            try:
                await way(listed)
            except (DicomWebError, ValueError) as error:
                reason = error
                # Of a list that failed some may be missing; a number is just not known.
                if way != self._count:
                    listed.doubt()
            paged = way == self._count and not listed.doubted and not listed.is_short
            if (paged or listed.is_counted) and known <= listed.instances.keys():
                return listed.instances
        raise NotResumable("no list of the instances is surely whole") from reason

    async def _search(self, listed: Inventory) -> None:
        selector = Selector(self.target.study, self.target.series, "")
        offset = 0
        most = self.session.limits.pages
        for _ in range(most):
            request = SearchRequest(
                self.qido, selector, offset=offset or None, headers=self._headers
            )
            response = await self._fetch(request.to_http(), Kind.SEARCH)
            objects = parse_results(response)
            if not listed.take(response, objects):
                return
            offset += len(objects)
        raise LimitExceeded("the search does not end", limit="pages", value=most)

    async def _count(self, listed: Inventory) -> None:
        """Ask for the number of instances, where the list of them doesn't have it.

        Results of a search for studies or series have it (PS3.18 Tables 10.6.3-3 and -4).
        """
        if listed.is_told:
            return
        study, series = self.target.study or "", self.target.series
        request = SearchRequest(
            self.qido,
            Selector("") if series is None else Selector(study, ""),
            {"StudyInstanceUID": study} if series is None else {"SeriesInstanceUID": series},
            headers=self._headers,
        )
        response = await self._fetch(request.to_http(), Kind.SEARCH)
        listed.count(parse_results(response), study)

    async def _metadata(self, listed: Inventory) -> None:
        request = RetrieveRequest(
            self.request.base_url, self.target, Resource.METADATA, headers=self._headers
        )
        response = await self._fetch(request.to_http(), Resource.METADATA)
        listed.take(response, json_objects(response))

    @property
    def _headers(self) -> Headers:
        return self.request.headers.without("Accept")

    async def _fetch(self, request: Request, kind: Resource | Kind) -> Response:
        """The answer to a request; where it breaks off, that to another attempt."""
        patience = Patience(self.session.retry, self.deadlines)
        opener = partial(self.session.open, deadlines=self.deadlines)
        while True:
            forms = self.session.forms
            _, incoming = await negotiate(forms, opener, request, kind, may_be_json)
            try:
                body = bytes(await incoming.read_all())
            except DicomWebError as error:
                if not await patience.outlasts(error, incoming):
                    raise
                continue
            head = incoming.response
            return Response(head.status, head.headers, body, head.reason)
