"""Retrieve, WADO-RS (PS3.18 §10.4): requests outward, and where bulk data are.

Answers are multipart and streamed: they are read by :mod:`aiodicomweb.wire.multipart`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError, ContentError, ProtocolError
from ..http import URL, Headers, MediaType, Request, build_query, format_accept
from .transaction import extra_parameters

if TYPE_CHECKING:
    from ..http import Response
    from .selector import Selector

__all__ = ["MediaTypes", "Resource", "RetrieveRequest", "accept_for", "resolve_bulkdata"]

MediaTypes = Sequence[str | tuple[str, str]]
"""Media types to ask for, by preference: see :func:`accept_for`."""


class Resource(StrEnum):
    """What to retrieve of a study, series, instance or frames (PS3.18 §10.4.1.1)."""

    INSTANCES = ""
    METADATA = "metadata"
    FRAMES = "frames"
    BULKDATA = "bulkdata"
    PIXELDATA = "pixeldata"
    RENDERED = "rendered"
    THUMBNAIL = "thumbnail"


_SINGLE_PART: Final = frozenset({Resource.METADATA, Resource.RENDERED, Resource.THUMBNAIL})
_SINGLE_PARTS: Final[dict[Resource, tuple[set[str], set[str]]]] = {
    Resource.INSTANCES: (set(), {"application/dicom", "application/octet-stream"}),
    Resource.FRAMES: ({"image", "video"}, {"application/octet-stream"}),
    Resource.PIXELDATA: ({"image", "video"}, {"application/octet-stream"}),
    Resource.RENDERED: ({"image", "video", "text"}, {"application/pdf"}),
    Resource.THUMBNAIL: ({"image"}, set()),
}
"""By type, and by type and subtype."""
_CONSUMER: Final = frozenset({Resource.RENDERED, Resource.THUMBNAIL})
_FRAME_RESOURCES: Final = _CONSUMER | {Resource.FRAMES}

# "*" asks for data as they are stored: without it servers transcode, or refuse.
_DEFAULTS: Final[dict[Resource, MediaTypes]] = {
    Resource.INSTANCES: [("application/dicom", "*")],
    Resource.METADATA: ["application/dicom+json"],
    Resource.FRAMES: [("application/octet-stream", "*")],
    # Whatever an encapsulated document is, and single parts, are welcome too.
    Resource.BULKDATA: [("application/octet-stream", "*"), "*/*; q=0.5"],
    Resource.PIXELDATA: [("application/octet-stream", "*")],
    Resource.RENDERED: ["image/jpeg"],
    Resource.THUMBNAIL: ["image/jpeg"],
}


def accept_for(resource: Resource, media_types: MediaTypes | None = None) -> str:
    """Write the ``Accept`` field of a retrieval (PS3.18 §8.7.5).

    Args:
        resource: Decides whether media types stand alone or within ``multipart/related``.
        media_types: Each a media type such as ``image/jpeg``, or a pair of it and a transfer
            syntax UID (``*`` for any). One that has parameters of its own, such as
            ``multipart/related; type="image/jpeg"``, is taken as it is, as is ``*/*``. ``None``
            for the usual ones, with data as they are stored.

    Raises:
        ConfigurationError: There is none, or one is malformed.
    """
    wanted = _DEFAULTS[resource] if media_types is None else media_types
    if isinstance(wanted, str) or not wanted:
        raise ConfigurationError("media_types is a sequence of one or more media types")
    return format_accept([_media_type(resource, item) for item in wanted])


def _media_type(resource: Resource, item: str | tuple[str, str]) -> MediaType:
    text, transfer_syntax = (item, None) if isinstance(item, str) else item
    try:
        media_type = MediaType.parse(text)
    except ProtocolError:
        raise ConfigurationError(f"not a media type: {text!r}") from None
    if transfer_syntax is not None and resource in _CONSUMER:
        raise ConfigurationError(f"{resource} has no transfer syntax")
    whole = media_type.parameters or media_type.is_multipart or media_type.essence == "*/*"
    if not whole and resource not in _SINGLE_PART:
        media_type = MediaType("multipart", "related", (("type", media_type.essence),))
    if transfer_syntax is None:
        return media_type
    return media_type.with_parameters({"transfer-syntax": transfer_syntax})


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """A retrieval (PS3.18 §10.4.1).

    Attributes:
        base_url: URL of the service.
        target: What to retrieve from; for bulk data also their URL, wherever it is.
        resource: What to retrieve of it.
        media_types: See :func:`accept_for`.
        byte_range: First and last octet wanted, from 0, both included; ``None`` as last for all
            that follow (RFC 9110 §14.2).
        parameters: Further parameters: see :func:`extra_parameters`.
        headers: Further header fields, which replace ours.

    Raises:
        ConfigurationError: The target has no such resource, or the range cannot be.
    """

    base_url: URL
    target: Selector | URL
    resource: Resource = Resource.INSTANCES
    media_types: MediaTypes | None = None
    byte_range: tuple[int, int | None] | None = None
    parameters: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Headers = field(default_factory=Headers)

    def __post_init__(self) -> None:
        """Check that the target has the resource (PS3.18 §10.1, Table 10.1-1)."""
        if isinstance(self.target, URL):
            if self.resource is not Resource.BULKDATA:
                raise ConfigurationError("only bulk data are retrieved by URL")
        elif not self.target.study or self.target.is_collection:
            raise ConfigurationError("a retrieval needs a study, series or instance")
        elif self.target.frames is None:
            if self.resource is Resource.FRAMES:
                raise ConfigurationError("frames are retrieved by their numbers")
        elif self.resource not in _FRAME_RESOURCES:
            raise ConfigurationError(f"frames have no {self.resource or 'instances'}")
        if self.byte_range is not None:
            first, last = self.byte_range
            if first < 0 or (last is not None and last < first):
                raise ConfigurationError("byte_range is (first, last), from 0")

    def to_http(self) -> Request:
        """The HTTP request.

        Raises:
            ConfigurationError: A media type is malformed.
            LocalProtocolError: A parameter holds a character that no URL can carry.
        """
        if isinstance(self.target, URL):
            url = self.target
        else:
            suffix = "" if self.resource is Resource.FRAMES else self.resource
            url = self.base_url.child(*self.target.parts(), suffix)
        added = build_query(extra_parameters(self.parameters))
        if added is not None:
            url = url.with_query(f"{url.query}&{added}" if url.query else added)
        headers = Headers({"Accept": accept_for(self.resource, self.media_types)})
        if self.byte_range is not None:
            first, last = self.byte_range
            headers = headers.add("Range", f"bytes={first}-{'' if last is None else last}")
        return Request("GET", url, headers.merged(self.headers))

    def admits(self, response: Response) -> bool:
        """Whether a response's media type can be an answer at all.

        A server that wants a log-in, or a gateway, answers 200 with a page of HTML. Multipart is
        always let pass, and so is one part in place of multipart, in any DICOM media type: many
        servers give that whatever was asked.
        """
        media_type = response.media_type
        if media_type is None:
            # A DICOM file is known by its head; of anything else nobody could tell.
            return response.status == 204 or self.resource is Resource.INSTANCES
        if media_type.is_multipart:
            return True
        if self.resource is Resource.METADATA:
            return media_type.is_json
        if self.resource is Resource.BULKDATA:
            # An encapsulated document can be almost anything.
            return not media_type.is_json and media_type.essence != "text/html"
        types, essences = _SINGLE_PARTS[self.resource]
        return media_type.type in types or media_type.essence in essences


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
