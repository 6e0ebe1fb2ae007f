"""Answers to searches, QIDO-RS (PS3.18 §10.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import anyio.to_thread

from ..dicom import is_uid
from ..dicom.tags import parse_attribute_path
from ..errors import ConfigurationError
from ..http import Headers, OutgoingResponse, Request, Response
from ..services import Representation, SearchRequest, SearchResponse, Selector
from ..services.transaction import warning_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset

    from ..http import URL
    from .archive import Archive, Matches

__all__ = ["search"]

_RETRIEVE_URL: Final = 0x00081190
_KEYWORDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_TIMEZONE: Final = parse_attribute_path("TimezoneOffsetFromUTC")
_CUT: Final = "There are additional results that can be requested."
_FIELDS: Final = "includefield"
_ANSWERED: Final = frozenset({"accept", "charset", _FIELDS})
"""Parameters of all transactions (PS3.18 §8.3.3), of which the first has had its effect; and the
one of which more is said."""
_NAME: Final = re.compile(r"[0-9A-Za-z_.]{1,64}")
_MOST_NAMES: Final = 10


async def search(archive: Archive, request: Request, base: URL, most: int) -> OutgoingResponse:
    """Answer a search.

    Where nothing is found, the answer in JSON is 200 with an empty array, which clients take that
    never saw a 204; the standard's 204 is that in XML (PS3.18 §10.6.3.1).

    Args:
        archive: What is searched.
        request: The request.
        base: URL of the service, as the client sees it.
        most: The most results of one answer.

    Raises:
        RemoteProtocolError: It is no search, or one that cannot be done; ``status_hint`` is the
            status to answer with.
    """
    asked = SearchRequest.from_http(_with_spaces(request), base_url=base)
    matches = await archive.search(asked, most)
    # Not on the event loop: a thousand data sets take a tenth of a second.
    return await anyio.to_thread.run_sync(_answer, asked, matches, base)


def _with_spaces(request: Request) -> Request:
    """The request with spaces for bare pluses, which dicomweb-client and forms write for them.

    To the standard a plus is a plus (PS3.18 §8.3.1, RFC 3986), and our client encodes one that is
    meant. It stays where a value can have one: in the offsets of date-times and time zones.
    """
    query = request.url.query
    if query is None or "+" not in query:
        return request
    pieces = (piece.partition("=") for piece in query.split("&"))
    changed = "&".join(
        name + equals + (value if _may_have_offset(name) else value.replace("+", "%20"))
        for name, equals, value in pieces
    )
    return Request(request.method, request.url.with_query(changed), request.headers)


def _may_have_offset(name: str) -> bool:
    try:
        path = parse_attribute_path(name)
    except ConfigurationError:
        return False
    return path.vr == "DT" or path == _TIMEZONE


def _answer(asked: SearchRequest, matches: Matches, base: URL) -> OutgoingResponse:
    for dataset in matches.datasets:
        _add_retrieve_url(dataset, asked.selector, base)
    warnings = tuple(_warnings(asked, matches))
    if not matches.datasets and asked.representation is Representation.JSON:
        headers = Headers(warning_headers(warnings)).add("Content-Type", Representation.JSON)
        return OutgoingResponse.of(Response(200, headers, b"[]", "OK"))
    found = SearchResponse(tuple(matches.datasets), asked.representation, warnings)
    return OutgoingResponse.of(found.to_http())


def _warnings(asked: SearchRequest, matches: Matches) -> Iterator[str]:
    """Texts of ``Warning`` fields (PS3.18 §8.3.4)."""
    yield from matches.warnings
    fields = [
        field for name, fields in asked.parameters if name == _FIELDS for field in fields if field
    ]
    if listed := _listed(fields):
        yield f"Fields that are not known have been ignored: {listed}."
    if listed := _listed(name for name, _ in asked.parameters if name not in _ANSWERED):
        yield f"Parameters that are not supported have been ignored: {listed}."
    if matches.remaining:
        yield _CUT


def _listed(names: Iterable[str]) -> str:
    """Names that nobody knows; only those that are like ours are repeated."""
    unique = list(dict.fromkeys(name if _NAME.fullmatch(name) else "…" for name in names))
    shown = [name for name in unique if name != "…"][:_MOST_NAMES]
    more = [] if len(shown) == len(unique) else ["others"]
    return ", ".join(shown + more)


def _add_retrieve_url(dataset: Dataset, collection: Selector, base: URL) -> None:
    """Say where a match can be retrieved (PS3.18 Tables 10.6.3-3 to 10.6.3-5).

    UIDs that the path gave need not be returned. A match with a UID that cannot be in a path has
    no URL.
    """
    levels = (collection.study, collection.series, collection.instance)
    searched = levels.index("") + 1
    uids = [
        str(dataset.get(keyword) or given or "")
        for keyword, given in zip(_KEYWORDS[:searched], levels, strict=False)
    ]
    if all(map(is_uid, uids)):
        study, series, instance, *_ = (*uids, None, None)
        url = base.child(*Selector(study, series, instance).parts())
        dataset.add_new(_RETRIEVE_URL, "UR", str(url))
