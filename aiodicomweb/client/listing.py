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
from .resumption import NotResumable

if TYPE_CHECKING:
    from ..http import URL, Headers, Request
    from ..net import Deadlines
    from .session import Session

__all__ = ["Listing"]

_MOST_INSTANCES = 100_000
"""Ten times as many as the largest studies have; their UIDs take some 30 MB."""


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
        """SOP to Series Instance UIDs of all instances.

        A list is believed if nothing casts doubt on it and the other way, if it was tried
        before, names no others; or if both together have as many as the archive says there are.

        Args:
            known: SOP Instance UIDs that must be among them. An archive that lists others than
                it sends is of no help.

        Raises:
            NotResumable: Neither way surely gives them all.
        """
        most = min(self.session.limits.parts, _MOST_INSTANCES)
        everything = Inventory(self.target.series, most)
        reason: Exception | None = None
        for way in (self._search, self._metadata):
            listed = Inventory(self.target.series, most)
            try:
                await way(listed)
            except (DicomWebError, ValueError) as error:
                reason = error
                listed.doubted = True
            everything.merge(listed)
            same = listed.instances.keys() == everything.instances.keys()
            whole = same and not listed.doubted and not everything.is_short
            if known <= everything.instances.keys() and (whole or everything.is_counted):
                return everything.instances
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
        _, incoming = await negotiate(
            self.session.forms,
            partial(self.session.open, deadlines=self.deadlines),
            request,
            kind,
            may_be_json,
        )
        head = incoming.response
        body = bytes(await incoming.read_all())
        return Response(head.status, head.headers, body, head.reason)
