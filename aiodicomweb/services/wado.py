"""Retrieve, WADO-RS (PS3.18 §10.4).

Here messages are whole. The client streams its answers: it reads their parts by
:mod:`aiodicomweb.wire.multipart` as they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError, ContentError, ProtocolError, UnexpectedMediaType
from ..http import (
    URL,
    ByteRange,
    ContentRange,
    Headers,
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
from .bulk_data import BulkData
from .content import (
    Part,
    read_dataset_part,
    read_message_parts,
    write_datasets,
    write_multipart,
)
from .media_types import MediaTypes, accept_for, complete_ranges, wanted_media_types
from .representation import Representation
from .routes import METHODS, Resource, Service, is_retrievable
from .transaction import (
    GivenParameters,
    Parameters,
    fix_parameters,
    further_headers,
    refusing,
    route_request,
    status_error,
    warning_headers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from ..dicom.json_model import BulkDataChooser, BulkDataResolver
    from ..http import MediaRange
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
_BYTE_RANGES: Final = frozenset({"multipart/byteranges", "multipart/x-byteranges"})
_DATASETS: Final = frozenset({Resource.INSTANCES, Resource.METADATA})
_SINGLE_PARTS: Final[dict[Resource, tuple[set[str], set[str]]]] = {
    Resource.INSTANCES: (set(), {"application/dicom", "application/octet-stream"}),
    Resource.FRAMES: ({"image", "video"}, {"application/octet-stream"}),
    Resource.PIXELDATA: ({"image", "video"}, {"application/octet-stream"}),
    Resource.RENDERED: ({"image", "video", "text"}, {"application/pdf"}),
    Resource.THUMBNAIL: ({"image"}, set()),
}
"""By type, and by type and subtype."""


@dataclass(frozen=True, slots=True, init=False)
class RetrieveRequest:
    """A retrieval (PS3.18 §10.4.1).

    Args:
        base_url: URL of the service.
        target: What to retrieve from; for bulk data also their URL, wherever it is.
        resource: What to retrieve of it.
        media_types: See :func:`accept_for`. An ``Accept`` among the headers takes their place.
        byte_range: First and last octet wanted, from 0, both included; ``None`` as last for all
            that follow (RFC 9110 §14.2). A ``Range`` among the headers takes its place.
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.

    Raises:
        ConfigurationError: The target has no such resource, a media type is malformed, or the
            range cannot be.
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
        target: Selector | URL,
        resource: Resource = Resource.INSTANCES,
        media_types: MediaTypes | None = None,
        byte_range: tuple[int, int | None] | None = None,
        parameters: GivenParameters = None,
        headers: Headers | None = None,
    ) -> None:
        _check_target(target, resource)
        headers = headers or Headers()
        wanted = wanted_media_types(resource, media_types)
        if "Accept" in headers:
            wanted = _parse_wanted(headers["Accept"])
        if "Range" in headers:
            byte_range = _parse_byte_range(headers["Range"])
        if byte_range is not None:
            first, last = byte_range
            if first < 0 or (last is not None and last < first):
                raise ConfigurationError("byte_range is (first, last), from 0")
        object.__setattr__(self, "base_url", base_url.child())
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "resource", resource)
        object.__setattr__(self, "media_types", wanted)
        object.__setattr__(self, "byte_range", byte_range)
        object.__setattr__(self, "parameters", fix_parameters(parameters))
        object.__setattr__(self, "headers", further_headers(headers, self._own_headers()))

    def _own_headers(self) -> Headers:
        headers = Headers()
        if self.media_types:
            headers = headers.add("Accept", format_accept(self.media_types))
        if self.byte_range is not None:
            headers = headers.add("Range", format_range(ByteRange(*self.byte_range)))
        return headers

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
        added = build_query(self.parameters)
        if added is not None:
            url = url.with_query(f"{url.query}&{added}" if url.query else added)
        return Request("GET", url, self._own_headers().merged(self.headers))

    @classmethod
    def from_http(
        cls, request: Request, *, base_url: URL | None = None, permissive: bool = False
    ) -> RetrieveRequest:
        """Read a request, as a server does.

        A path that is no resource of the service may still be that of bulk data, whose URLs are
        the server's own (PS3.18 §10.4.1.1.5): then ``target`` is the whole URL, query included.
        Who asks without ``Accept`` takes anything.

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
            if error.status_hint != 404 or request.method != METHODS[Service.RETRIEVE]:
                raise
            url = request.url.without_userinfo()
            own = base_url or URL(url.scheme, url.authority, "")
            return cls(own, url, Resource.BULKDATA, headers=headers)
        with refusing():
            return cls(
                base,
                route.selector,
                route.resource,
                parameters=request.url.parse_query(),
                headers=headers,
            )

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
        value = self._own_headers().merged(self.headers).get("Accept", "")
        parameter = [v for name, values in self.parameters if name == "accept" for v in values]
        return choose_media_type(
            offers, self._ranges(value), parameter=self._ranges(parameter), default=default
        )

    def _ranges(self, value: str | list[str]) -> tuple[MediaRange, ...]:
        return complete_ranges(self.resource, parse_accept(value))

    def admits(self, response: Response) -> bool:
        """Whether a response's media type can be an answer at all.

        A server that wants a log-in, or a gateway, answers 200 with a page of HTML. Multipart is
        always let pass, and so is one part in place of multipart, in any DICOM media type: many
        servers give that whatever was asked.
        """
        return response.status == 204 or _admits(self.resource, response.media_type)


def _check_target(target: Selector | URL, resource: Resource) -> None:
    """Check that a target has the resource (PS3.18 §10.1, Table 10.1-1)."""
    if isinstance(target, URL):
        if resource is not Resource.BULKDATA:
            raise ConfigurationError("only bulk data are retrieved by URL")
    elif not is_retrievable(target, resource):
        raise ConfigurationError(f"the target has no {resource or 'instances'} to be retrieved")


def _parse_wanted(accept: str) -> tuple[MediaType, ...]:
    """The members of an ``Accept`` field with their weights, in order."""
    return tuple(MediaType.parse(str(media_range)) for media_range in parse_accept(accept))


def _parse_byte_range(value: str) -> tuple[int, int | None] | None:
    """The one range of a field; more, and those from the end, stay in the headers."""
    ranges = parse_range(value) or ()
    if len(ranges) != 1 or ranges[0].first is None:
        return None
    return ranges[0].first, ranges[0].last


def _admits(resource: Resource, media_type: MediaType | None) -> bool:
    if media_type is None:
        # A DICOM file is known by its head; of anything else nobody could tell.
        return resource is Resource.INSTANCES
    if media_type.is_multipart:
        return True
    if resource is Resource.METADATA:
        return media_type.is_json
    if resource is Resource.BULKDATA:
        # An encapsulated document can be almost anything.
        return not media_type.is_json and media_type.essence != "text/html"
    types, essences = _SINGLE_PARTS[resource]
    return media_type.type in types or media_type.essence in essences


@dataclass(frozen=True, slots=True)
class RetrieveResponse:
    """What was retrieved (PS3.18 §10.4.3): data sets, or bulk data.

    Attributes:
        datasets: Instances, or their metadata.
        bulk_data: Bulk data, pixel data, frames, or rendered images. Ranges of octets say so
            themselves.
        representation: How data sets are written; ``DICOM`` where there is none.
        partial: Whether some of the instances asked for are missing: a 206 that answers no range
            (PS3.18 §10.4.3.1).
        warnings: Texts of the ``Warning`` fields.

    Raises:
        ConfigurationError: There are data sets and bulk data, ranges and wholes, or nothing of
            which a part is missing.
    """

    datasets: tuple[Dataset, ...] = field(default=(), repr=False)
    bulk_data: tuple[BulkData, ...] = ()
    representation: Representation = Representation.DICOM
    partial: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that it can be one answer."""
        object.__setattr__(self, "datasets", tuple(self.datasets))
        object.__setattr__(self, "bulk_data", tuple(self.bulk_data))
        if not self.datasets:
            object.__setattr__(self, "representation", Representation.DICOM)
        if self.datasets and self.bulk_data:
            raise ConfigurationError("an answer has data sets, or bulk data")
        ranges = {item.content_range is not None for item in self.bulk_data}
        if len(ranges) > 1 or (self.partial and (True in ranges or not self._items)):
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
            return first.headers, first.data
        media_type, body = write_multipart(
            [item.part() for item in self.bulk_data], first.media_type.essence
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
        media_type = response.media_type
        warnings = response.warnings
        if "Content-Range" in response.headers:
            piece = Part(media_type or _OCTETS, response.headers, response.body)
            return cls(bulk_data=(_bulk_data(piece),), warnings=warnings)
        parts = read_message_parts(response)
        if resource is not None and parts and not _is_answer(resource, parts, media_type):
            raise UnexpectedMediaType(
                "not an answer to the retrieval",
                media_type=str(media_type or ""),
                body=response.body[:1024],
            )
        partial = response.partial and bool(parts)
        represented = None if _is_bulk(resource, media_type) else _representation(parts)
        if represented is None:
            items = tuple(map(_bulk_data, parts))
            if _is_byte_ranges(media_type) and any(item.content_range is None for item in items):
                raise ContentError("a range of octets does not say which")
            return cls((), items, partial=partial, warnings=warnings)
        datasets = [dataset for part in parts for dataset in read_dataset_part(part, bulk_data)]
        return cls(tuple(datasets), (), represented, partial and bool(datasets), warnings)


def _is_answer(resource: Resource, parts: Sequence[Part], media_type: MediaType | None) -> bool:
    is_metadata = resource is Resource.METADATA and all(
        part.representation in (Representation.JSON, Representation.XML) for part in parts
    )
    return is_metadata or (resource is not Resource.METADATA and _admits(resource, media_type))


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


def _bulk_data(part: Part) -> BulkData:
    value = part.headers.get("Content-Range")
    content_range = None if value is None else ContentRange.parse(value)
    if value is not None and (content_range is None or content_range.length != len(part.octets)):
        raise ContentError("a range of other octets than it says")
    return BulkData(part.octets, part.media_type, part.location, content_range)


def resolve_bulkdata(base: URL, uri: str) -> URL:
    """The URL of a ``BulkDataURI`` (PS3.18 §F.2.6).

    Whether credentials go there is the client's decision: see :attr:`URL.origin`.

    Args:
        base: URL that the metadata came from, after redirects.
        uri: As in the metadata; a relative one is resolved against ``base`` (RFC 3986 §5).

    Raises:
        ContentError: It is not a URL, or not one of ``http`` or ``https``.
    """
    try:
        url = base.join(uri.strip())
    except ProtocolError:
        raise ContentError("a BulkDataURI is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ContentError("a BulkDataURI is not at an http or https server")
    return url.without_userinfo()
