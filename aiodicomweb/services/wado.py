"""Retrieve, WADO-RS (PS3.18 §10.4).

Here messages are whole. The client streams its answers: it reads their parts by
:mod:`aiodicomweb.wire.multipart` as they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError, ContentError, ProtocolError, UnexpectedMediaType
from ..http import (
    URL,
    ByteRange,
    Headers,
    MediaRange,
    MediaType,
    Request,
    Response,
    build_query,
    choose_media_type,
    format_accept,
    format_range,
    parse_accept,
    parse_range,
)
from .bulk_data import BulkData, resolve_bulkdata
from .content import (
    Part,
    read_dataset_part,
    read_message_parts,
    write_datasets,
    write_multipart,
)
from .media_types import (
    MediaTypes,
    accept_for,
    check_families,
    complete_ranges,
    is_possible,
    wanted_media_types,
)
from .rendering import RenderingOptions, Viewport
from .representation import Representation
from .routes import METHODS, Resource, Service, is_retrievable
from .transaction import (
    GivenParameters,
    Parameters,
    fix_parameters,
    fix_warnings,
    further_headers,
    refusing,
    route_request,
    status_error,
    warning_headers,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydicom import Dataset

    from ..dicom.json_model import BulkDataChooser, BulkDataResolver
    from .selector import Selector

__all__ = [
    "BulkData",
    "MediaTypes",
    "Resource",
    "RetrieveRequest",
    "RetrieveResponse",
    "accept_for",
    "resolve_bulkdata",
]

_ANYTHING: Final = MediaType("*", "*")
_OCTETS: Final = MediaType("application", "octet-stream")
_HTML: Final = MediaType("text", "html")
_BYTE_RANGES: Final = frozenset({"multipart/byteranges", "multipart/x-byteranges"})
_DATASETS: Final = frozenset({Resource.INSTANCES, Resource.METADATA})


@dataclass(frozen=True, slots=True, init=False)
class RetrieveRequest:
    """A retrieval (PS3.18 §10.4.1).

    Args:
        base_url: URL of the service.
        selector_or_url: What to retrieve from; for bulk data also their URL, wherever it is.
        resource: What to retrieve of it.
        media_types: See :func:`accept_for`. An ``Accept`` among the headers takes their place.
        byte_range: First and last octet wanted, from 0, both included; ``None`` as last for all
            that follow (RFC 9110 §14.2). A ``Range`` among the headers takes its place.
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.
        rendering: How to render, for ``RENDERED``; for ``THUMBNAIL`` the size of a viewport only.
            They become parameters.

    Attributes:
        target: What to retrieve from. A URL is as it is sent: with the parameters, without user
            information and fragment.

    Raises:
        ConfigurationError: The target has no such resource, a media type is malformed, DICOM and
            rendered media types are mixed, or the range or rendering cannot be.
    """

    base_url: URL
    target: Selector | URL
    resource: Resource
    media_types: tuple[MediaType, ...]
    byte_range: tuple[int, int | None] | None
    parameters: Parameters = field(repr=False)
    headers: Headers

    def __init__(
        self,
        base_url: URL,
        selector_or_url: Selector | URL,
        resource: Resource = Resource.INSTANCES,
        media_types: MediaTypes | None = None,
        byte_range: tuple[int, int | None] | None = None,
        parameters: GivenParameters = None,
        headers: Headers | None = None,
        rendering: RenderingOptions | None = None,
    ) -> None:
        self._fill(
            base_url,
            selector_or_url,
            resource,
            media_types,
            byte_range,
            parameters,
            Headers() if headers is None else headers,
            rendering,
        )
        usual = media_types is None and not headers and not parameters
        if not usual and resource is not Resource.BULKDATA:
            # An encapsulated document comes as what it is, such as a PDF (RET-65).
            check_families((*self._accepted(), *self._asked()))

    def _fill(
        self,
        base_url: URL,
        selector_or_url: Selector | URL,
        resource: Resource,
        media_types: MediaTypes | None,
        byte_range: tuple[int, int | None] | None,
        parameters: GivenParameters,
        headers: Headers,
        rendering: RenderingOptions | None,
    ) -> None:
        _check_target(selector_or_url, resource)
        given = fix_parameters(parameters)
        wanted = wanted_media_types(resource, media_types)
        if "Accept" in headers:
            wanted = _parse_wanted(headers["Accept"])
        if "Range" in headers:
            byte_range = _parse_byte_range(headers["Range"])
        if byte_range is not None:
            _check_byte_range(*byte_range)
        if rendering is not None:
            _check_rendering(rendering, resource)
            given = (*fix_parameters(rendering.parameters()), *given)
        if isinstance(selector_or_url, URL):
            selector_or_url, given = _with_parameters(selector_or_url, given), ()
        object.__setattr__(self, "base_url", base_url.child())
        object.__setattr__(self, "target", selector_or_url)
        object.__setattr__(self, "resource", resource)
        object.__setattr__(self, "media_types", wanted)
        object.__setattr__(self, "byte_range", byte_range)
        object.__setattr__(self, "parameters", given)
        object.__setattr__(self, "headers", further_headers(headers, self._own_headers()))

    @property
    def rendering(self) -> RenderingOptions:
        """How to render, as the parameters say; of a thumbnail the viewport only.

        Raises:
            RemoteProtocolError: A parameter has a value that it cannot have (400).
        """
        if self.resource not in (Resource.RENDERED, Resource.THUMBNAIL):
            return RenderingOptions()
        is_thumbnail = self.resource is Resource.THUMBNAIL
        known = [pair for pair in self.parameters if pair[0] == "viewport" or not is_thumbnail]
        options = RenderingOptions.parse(known)
        with refusing():
            _check_rendering(options, self.resource)
        return options

    def _own_headers(self) -> Headers:
        return _write_headers(self.media_types, self.byte_range)

    def to_http(self) -> Request:
        """The HTTP request.

        Raises:
            LocalProtocolError: A parameter holds a character that no URL can carry.
        """
        if isinstance(self.target, URL):
            url = self.target
        else:
            suffix = "" if self.resource is Resource.FRAMES else self.resource
            url = self.base_url.child(*self.target.parts(), suffix)
            url = url.with_query(build_query(self.parameters))
        return Request("GET", url, self._own_headers().merged(self.headers))

    @classmethod
    def from_http(
        cls, request: Request, *, base_url: URL | None = None, permissive: bool = False
    ) -> RetrieveRequest:
        """Read a request, as a server does.

        A path that is no resource of the service may still be that of bulk data, whose URLs are
        the server's own (PS3.18 §10.4.1.1.5): then ``target`` is the whole URL, query included.
        Who asks without ``Accept`` takes anything. Media types of both families may be named, as
        browsers do: those that the resource is not given as say nothing (PS3.18 §8.7.7).

        Args:
            request: The request.
            base_url: URL of the service, where it is known; see :meth:`Route.parse`.
            permissive: Take UIDs in the path that are none: see :class:`Selector`.

        Raises:
            RemoteProtocolError: It is no retrieval; ``status_hint`` is the status to answer with:
                400 or 405.
        """
        headers = request.headers
        if "Accept" not in headers:
            headers = headers.add("Accept", str(_ANYTHING))
        try:
            base, route = route_request(request, Service.RETRIEVE, base_url, permissive=permissive)
        except ProtocolError as error:
            if error.status_hint != 404 or request.method not in METHODS[Service.RETRIEVE]:
                raise
            url = request.url.without_userinfo()
            own = base_url or URL(url.scheme, url.authority, "")
            return cls(own, url, Resource.BULKDATA, headers=headers)
        with refusing():
            found = cls.__new__(cls)
            query = request.url.parse_query()
            cls._fill(found, base, route.selector, route.resource, None, None, query, headers, None)
        _ = found.rendering  # refuses what cannot be
        return found

    def choose(
        self, offers: Sequence[MediaType], default: MediaType | None = None
    ) -> MediaType | None:
        """Choose the media type to answer with, as a server does (PS3.18 §8.7.8).

        Who names no transfer syntax means the default of the media type, and older names of
        media types mean today's.

        Args:
            offers: What there is, by preference: media types with their transfer syntaxes.
            default: The default of the resource's category, one of them.

        Returns:
            One of ``offers``; ``None`` if none is acceptable, which is a 406.
        """
        accepted = complete_ranges(self.resource, self._accepted(), offers)
        asked = complete_ranges(self.resource, self._asked(), offers)
        return choose_media_type(offers, accepted, parameter=asked, default=default)

    def _accepted(self) -> tuple[MediaRange, ...]:
        """The members of the ``Accept`` field."""
        return parse_accept(self._own_headers().merged(self.headers).get("Accept", ""))

    def _asked(self) -> tuple[MediaRange, ...]:
        """The members of the ``accept`` parameter."""
        return parse_accept(
            [v for name, values in self.parameters if name == "accept" for v in values]
        )

    def admits(self, response: Response) -> bool:
        """Whether a response's media type can be an answer at all.

        A server that wants a log-in, or a gateway, answers 200 with a page of HTML: a rendering
        is that only if it was asked for. Multipart is always let pass, and so is one part in
        place of multipart, in any DICOM media type: many servers give that whatever was asked.
        """
        if response.status == 204:
            return True
        media_type = response.media_type
        is_page = media_type is not None and media_type.essence == _HTML.essence
        if is_page and self.resource is Resource.RENDERED:
            return self.asks_for(_HTML)
        return is_possible(self.resource, media_type)

    def asks_for(self, media_type: MediaType) -> bool:
        """Whether a media type is acceptable, alone or in multipart; wildcards count."""
        asked = (*self._accepted(), *self._asked())
        return any(
            one.quality > 0
            and MediaRange(one.media_type.root or one.media_type).matches(media_type)
            for one in asked
        )


@lru_cache(64)  # a viewer asks for thousands of tiles with the same ones
def _write_headers(
    media_types: tuple[MediaType, ...], byte_range: tuple[int, int | None] | None
) -> Headers:
    """The fields that say in which form what is wanted."""
    headers = Headers()
    if media_types:
        headers = headers.add("Accept", format_accept(media_types))
    if byte_range is not None:
        headers = headers.add("Range", format_range(ByteRange(*byte_range)))
    return headers


def _check_target(target: Selector | URL, resource: Resource) -> None:
    """Check that a target has the resource (PS3.18 §10.1, Table 10.1-1)."""
    if isinstance(target, URL):
        if resource is not Resource.BULKDATA:
            raise ConfigurationError("only bulk data are retrieved by URL")
    elif not is_retrievable(target, resource):
        raise ConfigurationError(f"the target has no {resource or 'instances'} to be retrieved")


def _with_parameters(url: URL, parameters: Parameters) -> URL:
    """A URL as it is sent, its parameters with it."""
    added = build_query(parameters)
    query = "&".join(filter(None, (url.query, added)))
    return replace(url.without_userinfo(), query=query or None, fragment=None)


def _check_byte_range(first: int, last: int | None) -> None:
    if first < 0 or (last is not None and last < first):
        raise ConfigurationError("byte_range is (first, last), from 0")


def _check_rendering(rendering: RenderingOptions, resource: Resource) -> None:
    """Check that a resource can be rendered so (PS3.18 Tables 8.3.5-1 and 8.3.5-2)."""
    if resource is Resource.RENDERED:
        return
    size = (
        Viewport(rendering.viewport.width, rendering.viewport.height)
        if rendering.viewport
        else None
    )
    if resource is not Resource.THUMBNAIL or rendering != RenderingOptions(viewport=size):
        raise ConfigurationError("a thumbnail has the size of a viewport, other resources none")


def _parse_wanted(accept: str) -> tuple[MediaType, ...]:
    """The members of an ``Accept`` field with their weights, in order."""
    return tuple(MediaType.parse(str(media_range)) for media_range in parse_accept(accept))


def _parse_byte_range(value: str) -> tuple[int, int | None] | None:
    """The one range of a field; more, and those from the end, stay in the headers."""
    ranges = parse_range(value) or ()
    if len(ranges) != 1 or ranges[0].first is None:
        return None
    return ranges[0].first, ranges[0].last


@dataclass(frozen=True, slots=True, init=False)
class RetrieveResponse:
    """What was retrieved (PS3.18 §10.4.3): data sets, or bulk data.

    Args:
        datasets: Instances, or their metadata; bulk data may stand here too.
        representation: How data sets are written; ``DICOM`` where there is none.
        partial: Whether some of the instances asked for are missing: a 206 that answers no range
            (PS3.18 §10.4.3.1).
        warnings: Texts of the ``Warning`` fields; empty ones are none.
        bulk_data: Bulk data, pixel data, frames, or rendered images. Ranges of octets say so
            themselves.

    Raises:
        ConfigurationError: There are data sets and bulk data, ranges and wholes, or nothing of
            which a part is missing; or there is no such representation.
    """

    datasets: tuple[Dataset, ...] = field(repr=False)
    representation: Representation
    partial: bool
    warnings: tuple[str, ...]
    bulk_data: tuple[BulkData, ...]

    def __init__(
        self,
        datasets: Iterable[Dataset | BulkData] = (),
        representation: Representation = Representation.DICOM,
        partial: bool = False,
        warnings: Iterable[str] = (),
        *,
        bulk_data: Iterable[BulkData] = (),
    ) -> None:
        if representation not in list(Representation):
            raise ConfigurationError("data sets are DICOM, JSON or XML")
        given = (*datasets, *bulk_data)
        values = tuple(item for item in given if isinstance(item, BulkData))
        found = tuple(item for item in given if not isinstance(item, BulkData))
        object.__setattr__(self, "datasets", found)
        object.__setattr__(self, "bulk_data", values)
        object.__setattr__(self, "partial", partial)
        object.__setattr__(self, "warnings", fix_warnings(warnings))
        written = Representation(representation if found else Representation.DICOM)
        object.__setattr__(self, "representation", written)
        if found and values:
            raise ConfigurationError("an answer has data sets, or bulk data")
        ranges = {item.content_range is not None for item in values}
        if len(ranges) > 1 or (partial and (True in ranges or not given)):
            raise ConfigurationError("an answer is whole, or has ranges, or is partial")

    @property
    def _items(self) -> int:
        return len(self.datasets) + len(self.bulk_data)

    def to_http(
        self, *, single_part: bool = False, bulk_data: BulkDataChooser | None = None
    ) -> Response:
        """The HTTP response: 200, 206 for a range or a partial answer, 204 for nothing.

        Args:
            single_part: Give one item alone, not in multipart. Metadata in JSON always are one
                part, and so is one range.
            bulk_data: For metadata: called with each element that may travel as bulk data,
                returns its ``BulkDataURI``, or ``None`` for a value in line.

        Raises:
            ConfigurationError: A single part is asked for, and there are several items.
            ContentError: A data set cannot be written so.
            LocalProtocolError: A location or warning cannot be sent.
        """
        headers = Headers(warning_headers(self.warnings))
        if not self._items:
            return Response(204, headers, reason="No Content")
        described, body = self._content(single_part, bulk_data)
        is_range = any(item.content_range for item in self.bulk_data)
        if self.partial or is_range:
            return Response(206, described.merged(headers), body, "Partial Content")
        return Response(200, described.merged(headers), body, "OK")

    def _content(
        self, single_part: bool, bulk_data: BulkDataChooser | None
    ) -> tuple[Headers, bytes]:
        """The body, and the fields that describe it."""
        if single_part and self._items > 1:
            raise ConfigurationError("several items are no single part")
        if self.datasets:
            media_type, body = write_datasets(
                self.datasets, self.representation, bulk_data, single_part=single_part
            )
            return Headers({"Content-Type": str(media_type)}), body
        first = self.bulk_data[0]
        if single_part or (first.content_range is not None and self._items == 1):
            return first.headers, bytes(first)
        media_type, body = write_multipart(
            [item.part() for item in self.bulk_data], first.media_type
        )
        if first.content_range is not None:
            media_type = MediaType("multipart", "byteranges").with_parameters(
                {"boundary": media_type.boundary or ""}
            )
        return Headers({"Content-Type": str(media_type)}), body

    @classmethod
    def from_http(
        cls,
        response: Response,
        *,
        resource: Resource | None = None,
        bulk_data: BulkDataResolver | None = None,
    ) -> RetrieveResponse:
        """Read a response, whole: multipart or a single part, whatever was asked for.

        Args:
            response: The response.
            resource: What was asked for. Other media types than it can have, such as a log-in
                page, are an error then. Where it is not known, DICOM, JSON and XML are data sets
                and all else is bulk data, HTML too.
            bulk_data: For metadata: gets the value of a ``BulkDataURI``; see
                :func:`~aiodicomweb.dicom.dataset_from_json`. Without it such elements are empty.

        Raises:
            StatusError: The status is not success.
            UnexpectedMediaType: The answer cannot be one to such a request.
            ContentError: A data set is malformed, or a range is not what it says.
            MultipartError: The body is malformed, or cut short.
        """
        if not response.is_success:
            raise status_error(response)
        if response.status != 206:
            # There the field says nothing (RFC 9110 §14.4).
            response = replace(response, headers=response.headers.without("Content-Range"))
        media_type = response.media_type
        warnings = response.warnings
        is_range = "Content-Range" in response.headers
        if is_range:
            media_type = media_type or _OCTETS
            parts = [Part(media_type, response.headers, response.body)]
        else:
            parts = read_message_parts(response)
        if resource is not None and parts and not _is_answer(resource, parts, media_type):
            raise UnexpectedMediaType(
                "not an answer to the retrieval",
                media_type=str(media_type or ""),
                body=response.body[:1024],
            )
        partial = response.partial and bool(parts)
        is_bulk = is_range or _is_bulk(resource, media_type)
        represented = None if is_bulk else _representation(parts)
        if represented is None:
            items = tuple(part.bulk_data() for part in parts)
            if _is_byte_ranges(media_type) and any(item.content_range is None for item in items):
                raise ContentError("a range of octets does not say which")
            return cls(items, partial=partial, warnings=warnings)
        datasets = [dataset for part in parts for dataset in read_dataset_part(part, bulk_data)]
        return cls(datasets, represented, partial and bool(datasets), warnings)


def _is_answer(resource: Resource, parts: Sequence[Part], media_type: MediaType | None) -> bool:
    is_metadata = resource is Resource.METADATA and all(
        part.representation in (Representation.JSON, Representation.XML) for part in parts
    )
    return is_metadata or (resource is not Resource.METADATA and is_possible(resource, media_type))


def _is_byte_ranges(media_type: MediaType | None) -> bool:
    return media_type is not None and media_type.essence in _BYTE_RANGES


def _is_bulk(resource: Resource | None, media_type: MediaType | None) -> bool:
    return _is_byte_ranges(media_type) or (resource is not None and resource not in _DATASETS)


def _representation(parts: Sequence[Part]) -> Representation | None:
    """How the parts are data sets; ``None`` if they are bulk data."""
    found = {part.representation for part in parts}
    if len(found) > 1:
        raise UnexpectedMediaType("the parts are of several kinds")
    return found.pop() if found else None
