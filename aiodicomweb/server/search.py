"""Answers to searches, QIDO-RS (PS3.18 §10.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import anyio.to_thread
from pydicom import Dataset

from ..dicom import dataset_to_json, datasets_from_json, is_uid
from ..dicom.json_text import format_json, parse_json
from ..dicom.tags import parse_attribute_path
from ..errors import ConfigurationError
from ..http import Headers, OutgoingResponse, Request, Response
from ..services import Representation, SearchRequest
from ..services.content import write_datasets
from ..services.transaction import warning_headers
from .archive import Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..dicom import JsonObject
    from ..http import URL
    from ..services import Selector
    from .archive import Archive, Matches

__all__ = ["search"]

_RETRIEVE_URL: Final = "00081190"
_UNIQUE_KEYS: Final = (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018"))
"""Segments of paths, and the attributes whose UIDs follow them."""
_VALUE: Final = '"Value"'
_UID: Final = re.compile(rf'{_VALUE}:\["([0-9.]+)"\]')
_TIMEZONE: Final = parse_attribute_path("TimezoneOffsetFromUTC")
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
    # Not on the event loop: a thousand results take hundredths of a second.
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
    headers = Headers(warning_headers(_warnings(asked, matches), str(base)))
    is_json = asked.representation is Representation.JSON
    if not matches.datasets and not is_json:
        return OutgoingResponse.of(Response(204, headers, reason="No Content"))
    locate = _Locations(asked.selector, base)
    found = [_text(match, locate) for match in matches.datasets]
    if is_json:
        media_type, body = str(Representation.JSON), f"[{','.join(found)}]".encode()
    else:
        datasets = datasets_from_json(map(parse_json, found))
        written, body = write_datasets(datasets, asked.representation)
        media_type = str(written)
    return OutgoingResponse.of(Response(200, headers.add("Content-Type", media_type), body, "OK"))


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
    if matches.remaining != 0:
        count = "" if matches.remaining is None else f"{matches.remaining} "
        yield f"There are {count}additional results that can be requested"


def _listed(names: Iterable[str]) -> str:
    """Names that nobody knows; only those that are like ours are repeated."""
    unique = list(dict.fromkeys(name if _NAME.fullmatch(name) else "…" for name in names))
    shown = [name for name in unique if name != "…"][:_MOST_NAMES]
    more = [] if len(shown) == len(unique) else ["others"]
    return ", ".join(shown + more)


def _text(match: Dataset | JsonObject | Written, locate: _Locations) -> str:
    """A match in JSON, with where it can be retrieved, in the order of tags (PS3.18 §F.2.2)."""
    if isinstance(match, Written):
        texts = dict(match.attributes)
    else:
        found = dataset_to_json(match) if isinstance(match, Dataset) else match
        texts = {name: format_json(attribute).decode() for name, attribute in found.items()}
    url = locate(texts)
    if url is not None:
        texts[_RETRIEVE_URL] = f'{{"vr":"UR","Value":["{url}"]}}'
    return "{" + ",".join([f'"{name}":{texts[name]}' for name in sorted(texts)]) + "}"


class _Locations:
    """Tells where a match can be retrieved (PS3.18 Tables 10.6.3-3 to 10.6.3-5).

    Args:
        collection: What was searched.
        base: URL of the service, as the client sees it.
    """

    def __init__(self, collection: Selector, base: URL) -> None:
        levels = (collection.study, collection.series, collection.instance)
        searched = levels.index("") + 1
        self._levels = list(zip(_UNIQUE_KEYS, levels[:searched], strict=False))
        self._base = str(base).rstrip("/")

    def __call__(self, match: Mapping[str, str]) -> str | None:
        """A URL; ``None`` for a match with a UID that cannot be in a path.

        UIDs that the path gave need not be returned.

        Args:
            match: Its attributes, as texts.
        """
        path = ""
        for (keyword, name), given in self._levels:
            text = match.get(name, "")
            value = _UID.search(text)
            uid = value[1] if value else given
            if not uid or not is_uid(uid) or (not value and _VALUE in text):
                return None
            path = f"{path}/{keyword}/{uid}"
        return self._base + path
