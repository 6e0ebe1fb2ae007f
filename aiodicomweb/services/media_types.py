"""Which media types are asked for, by resource (PS3.18 §8.7, Table 10.4.4-1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from ..dicom.uids import canonical_media_type, default_transfer_syntax
from ..errors import ConfigurationError, ProtocolError
from ..http import MediaRange, MediaType, format_accept
from .routes import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "MediaTypes",
    "accept_for",
    "check_families",
    "complete_ranges",
    "is_possible",
    "related",
    "wanted_media_types",
]

MediaTypes = Sequence[str | MediaType | tuple[str, str]]
"""Media types to ask for, by preference: see :func:`accept_for`."""

_SINGLE_PART: Final = frozenset({Resource.METADATA, Resource.RENDERED, Resource.THUMBNAIL})
_CONSUMER: Final = frozenset({Resource.RENDERED, Resource.THUMBNAIL})

# Names that only one of the two families has (PS3.18 §8.7.3.5, Table 8.7.4-1): image/jpeg,
# image/jp2, image/jxl and the videos are in both, and the resource tells what they mean.
_DICOM_ONLY: Final = frozenset(
    {
        "application/dicom",
        "application/dicom+json",
        "application/dicom+xml",
        "application/octet-stream",
        "image/dicom-rle",
        "image/jls",
        "image/jpx",
        "image/jphc",
    }
)
_RENDERED_ONLY: Final = frozenset(
    {
        "image/gif",
        "image/png",
        "image/jph",
        "text/html",
        "text/plain",
        "text/xml",
        "text/rtf",
        "application/pdf",
    }
)

_GENERAL_NAMES: Final = {
    "application/json": "application/dicom+json",
    "application/xml": "application/dicom+xml",
}
"""What metadata are asked for by, beside their own names."""

_SINGLE_TYPES: Final[dict[Resource, tuple[set[str], set[str]]]] = {
    Resource.INSTANCES: (set(), {"application/dicom", "application/octet-stream"}),
    Resource.FRAMES: ({"image", "video"}, {"application/octet-stream"}),
    Resource.PIXELDATA: ({"image", "video"}, {"application/octet-stream"}),
    Resource.RENDERED: ({"image", "video", "text"}, {"application/pdf"}),
    Resource.THUMBNAIL: ({"image"}, set()),
}
"""What a single part in place of multipart can be: by type, and by type and subtype."""

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


def related(root: str) -> MediaType:
    """``multipart/related`` with this media type as its root (RFC 2387 §3.1)."""
    return MediaType("multipart", "related", (("type", root),))


def wanted_media_types(
    resource: Resource, media_types: MediaTypes | None = None
) -> tuple[MediaType, ...]:
    """The media types that a retrieval asks for: see :func:`accept_for`.

    Raises:
        ConfigurationError: There is none, or one is malformed.
    """
    if media_types is None:
        return _usual_media_types(resource)
    if isinstance(media_types, str) or not media_types:
        raise ConfigurationError("media_types is a sequence of one or more media types")
    return tuple(_media_type(resource, item) for item in media_types)


@cache
def _usual_media_types(resource: Resource) -> tuple[MediaType, ...]:
    return tuple(_media_type(resource, item) for item in _DEFAULTS[resource])


def accept_for(resource: Resource, media_types: MediaTypes | None = None) -> str:
    """Write the ``Accept`` field of a retrieval (PS3.18 §8.7.5).

    Args:
        resource: Decides whether media types stand alone or within ``multipart/related``.
        media_types: Each a media type such as ``image/jpeg``, or a pair of it and a transfer
            syntax UID (``*`` for any). One that has parameters of its own, such as
            ``multipart/related; type="image/jpeg"``, is taken as it is, as are ``*/*`` and a
            :class:`~aiodicomweb.http.MediaType`. ``None`` for the usual ones, with data as they
            are stored.

    Raises:
        ConfigurationError: There is none, or one is malformed.
    """
    return format_accept(wanted_media_types(resource, media_types))


def _media_type(resource: Resource, item: str | MediaType | tuple[str, str]) -> MediaType:
    if isinstance(item, MediaType):
        return item
    text, transfer_syntax = (item, None) if isinstance(item, str) else item
    try:
        media_type = MediaType.parse(text)
    except ProtocolError:
        raise ConfigurationError(f"not a media type: {text!r}") from None
    if transfer_syntax is not None and resource in _CONSUMER:
        raise ConfigurationError(f"{resource} has no transfer syntax")
    whole = media_type.parameters or media_type.is_multipart or media_type.essence == "*/*"
    if not whole and resource not in _SINGLE_PART:
        media_type = related(media_type.essence)
    if transfer_syntax is None:
        return media_type
    return media_type.with_parameters({"transfer-syntax": transfer_syntax})


def check_families(ranges: Iterable[MediaRange]) -> None:
    """Check that what a client asks for is DICOM, or rendered (PS3.18 §8.3.3.1, §8.7.5).

    Wildcards, names that both families have, and what has no weight are of neither.

    Args:
        ranges: Those of the ``Accept`` field and of the ``accept`` parameter, together.

    Raises:
        ConfigurationError: There are some of both.
    """
    media_types = (media_range.media_type for media_range in ranges if media_range.quality > 0)
    names = {
        canonical_media_type((media_type.root or media_type).essence) for media_type in media_types
    }
    if names & _DICOM_ONLY and names & _RENDERED_ONLY:
        raise ConfigurationError("DICOM and rendered media types cannot be asked for together")


def complete_ranges(
    resource: Resource, ranges: Iterable[MediaRange], offers: Iterable[MediaType] = ()
) -> tuple[MediaRange, ...]:
    """Say what an ``Accept`` field leaves unsaid.

    Who names no transfer syntax means the default of the media type (PS3.18 §8.7.3.5.2), older
    names of media types mean today's (PS3.18 §8.7.3.3.2), and metadata in JSON are DICOM JSON.

    Args:
        resource: What is asked for.
        ranges: The members of the field.
        offers: What there is: a general name that is among them means itself.
    """
    if resource in _CONSUMER:
        return tuple(ranges)
    given = {(offer.root or offer).essence for offer in offers}
    general = _GENERAL_NAMES.items() if resource is Resource.METADATA else ()
    names = {name: own for name, own in general if name not in given}
    return tuple(
        MediaRange(_complete(media_range.media_type, names), media_range.quality)
        for media_range in ranges
    )


def _complete(media_type: MediaType, names: Mapping[str, str]) -> MediaType:
    root = media_type.root or media_type
    name = canonical_media_type(root.essence)
    name = names.get(name, name)
    if root is not media_type:
        media_type = media_type.with_parameters({"type": name})
    else:
        type_, _, subtype = name.partition("/")
        media_type = MediaType(type_, subtype, media_type.parameters)
    syntax = default_transfer_syntax(name)
    if syntax is None or media_type.transfer_syntax is not None:
        return media_type
    return media_type.with_parameters({"transfer-syntax": syntax})


def is_possible(resource: Resource, media_type: MediaType | None) -> bool:
    """Whether an answer of a media type can be one to a retrieval of a resource."""
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
    types, essences = _SINGLE_TYPES[resource]
    return media_type.type in types or media_type.essence in essences
