"""Answers to retrievals: one part or many, conditions, and ranges of octets (RFC 9110 §13, §14)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from ...http import (
    Deferred,
    FileSpan,
    Headers,
    MediaType,
    OutgoingResponse,
    Response,
    UnsatisfiedRange,
    parse_range,
    segment_length,
)
from ...services.media_types import related
from ...services.transaction import warning_headers
from ...wire.render import OutgoingPart, make_boundary, render_multipart
from ..problems import problem
from .budget import Claimed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...http import URL, ContentRange, OutgoingBody, Request, Segment

__all__ = [
    "Part",
    "answer_to_conditions",
    "entity_tag",
    "is_known",
    "multipart",
    "not_acceptable",
    "overloaded",
    "single_part",
    "unreadable",
]

_PARTIAL: Final = "some instances are left out: they cannot be given in an accepted form"
_ENTITY_TAG: Final = re.compile(r'(W/)?("[^"]*")|\*')
_MOST_MADE: Final = 4
"""Ranges of what has to be made: each of them may have it made again. A server may give the whole
instead (RFC 9110 §14.2)."""
_VARY: Final = ("Vary", "Accept")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an answer, or the whole of it.

    Attributes:
        media_type: What its octets are.
        body: Its octets, or how they are made.
        location: ``Content-Location``; ``None`` for none.
    """

    media_type: MediaType
    body: OutgoingBody
    location: str | None = None

    @property
    def headers(self) -> Headers:
        """The fields that describe it."""
        headers = Headers({"Content-Type": str(self.media_type)})
        return headers.add("Content-Location", self.location) if self.location else headers


# --- answers ------------------------------------------------------------------------------------


def multipart(
    parts: Sequence[Part],
    root: str,
    *,
    left_out_by: URL | None = None,
    headers: Headers | None = None,
) -> OutgoingResponse:
    """Parts in ``multipart/related`` (PS3.18 §8.6.1.2).

    Args:
        parts: At least one.
        root: The media type of the first, without parameters.
        left_out_by: The service, where it leaves some instances out, which makes this a 206
            without range (PS3.18 §10.4.3.1).
        headers: Further header fields.
    """
    boundary = make_boundary()
    media_type = related(root).with_parameters({"boundary": boundary})
    is_partial = left_out_by is not None
    warnings = warning_headers([_PARTIAL] if is_partial else [], str(left_out_by))
    fields = Headers([("Content-Type", str(media_type)), _VARY, *warnings])
    status, reason = (206, "Partial Content") if is_partial else (200, "OK")
    head = Response(status, fields.merged(headers or Headers()), reason=reason)
    return OutgoingResponse(head, _render(((p.headers, p.body) for p in parts), boundary))


def single_part(part: Part, http: Request, tag: str) -> OutgoingResponse:
    """One part by itself; the octets of it that are asked for, where they can be told.

    Args:
        part: The part.
        http: The request, for its conditions and ranges.
        tag: The entity tag.
    """
    fields = part.headers.merged(Headers([_VARY, ("ETag", tag)]))
    whole = OutgoingResponse(Response(200, fields, reason="OK"), part.body)
    answered = answer_to_conditions(http, tag, fields)
    if answered is not None:
        return answered
    return whole if whole.length is None else _in_ranges(whole, http, whole.length)


def not_acceptable(what: str) -> OutgoingResponse:
    """A 406 (PS3.18 §8.7.8).

    Args:
        what: What could have been asked for, or why nothing can be given.
    """
    return problem(406, what)


def unreadable(error: OSError) -> OutgoingResponse:
    """Say that a file cannot be read, without the path that the error's text would tell.

    One that vanished between two looks was an instance, and is none any more (PS3.18 §8.5).
    """
    if isinstance(error, FileNotFoundError):
        return problem(410, "the instance is no longer here")
    return problem(500, "the instance cannot be read")


def overloaded() -> OutgoingResponse:
    """Say that there is no room for what would have to be made (RFC 9110 §15.6.4)."""
    headers = Headers({"Retry-After": "10"})
    return problem(503, "too many frames wait to be taken by other clients", headers)


# --- conditions ---------------------------------------------------------------------------------


def entity_tag(*told: str) -> str:
    """A strong entity tag (RFC 9110 §8.8.3).

    Args:
        told: All that the representation depends on.
    """
    digest = hashlib.sha256("\0".join(told).encode("utf-8", "surrogatepass"))
    return f'"{digest.hexdigest()[:32]}"'


def is_known(http: Request, tag: str) -> bool:
    """Whether the client has this representation already (RFC 9110 §13.1.2)."""
    value = http.headers.get("If-None-Match")
    if value is None or http.method not in ("GET", "HEAD"):
        return False
    # Compared weakly: it is enough that either would do.
    return any(own in ("", tag) for _, own in _ENTITY_TAG.findall(value))


def answer_to_conditions(http: Request, tag: str, headers: Headers) -> OutgoingResponse | None:
    """What conditions of a request ask for instead of the representation (RFC 9110 §13.2.2).

    Times are not heeded, as no answer tells one.

    Args:
        http: The request.
        tag: The entity tag of what there is.
        headers: The fields of a 200.

    Returns:
        A 412 or a 304; ``None`` for the representation.
    """
    wanted = http.headers.get("If-Match")
    if wanted is not None and not _has(wanted, tag):
        told = Headers({"ETag": tag})
        return problem(412, "the resource is another one than If-Match says", told)
    return _not_modified(headers) if is_known(http, tag) else None


def _has(wanted: str, tag: str) -> bool:
    """Whether a list of entity tags has one, compared strongly (RFC 9110 §13.1.1)."""
    return any(own in ("", tag) and not weak for weak, own in _ENTITY_TAG.findall(wanted))


def _not_modified(headers: Headers) -> OutgoingResponse:
    """A 304, with those of a 200's fields that it carries (RFC 9110 §15.4.5)."""
    kept = {"etag", "vary", "content-location", "cache-control"}
    fields = Headers((name, value) for name, value in headers.items() if name.lower() in kept)
    return OutgoingResponse(Response(304, fields, reason="Not Modified"))


# --- ranges -------------------------------------------------------------------------------------


def _in_ranges(whole: OutgoingResponse, http: Request, length: int) -> OutgoingResponse:
    """What is asked for of an answer (RFC 9110 §14.2); all of it where nothing special is."""
    fields = whole.head.headers.add("Accept-Ranges", "bytes")
    whole = OutgoingResponse(Response(200, fields, reason="OK"), whole.body)
    asked = parse_range(http.headers.get("Range", ""))
    current = http.headers.get("If-Range") in (None, fields["ETag"])
    if asked is None or http.method != "GET" or not current:
        return whole
    ranges = [found for one in asked if (found := one.resolve(length)) is not None]
    if not ranges:
        told = Headers({"Content-Range": str(UnsatisfiedRange(length)), "Accept-Ranges": "bytes"})
        return problem(416, f"the whole has {length} octets", told)
    # Ranges that overlap, and are more than the whole, are no wish that anyone has (§17.15).
    if sum(one.length for one in ranges) > length:
        return whole
    if len(ranges) > _MOST_MADE and any(isinstance(one, Deferred) for one in whole.body):
        return whole
    if len(ranges) == 1:
        fields = fields.add("Content-Range", str(ranges[0]))
        body = _cut(whole.body, ranges[0])
        return OutgoingResponse(Response(206, fields, reason="Partial Content"), body)
    return _byte_ranges(whole.body, fields, ranges)


def _byte_ranges(
    body: OutgoingBody, fields: Headers, ranges: Iterable[ContentRange]
) -> OutgoingResponse:
    boundary = make_boundary()
    described = Headers({"Content-Type": fields["Content-Type"]})
    parts = (
        (described.add("Content-Range", str(one)), _cut(body, one))
        for one in ranges
    )  # fmt: skip
    media_type = MediaType("multipart", "byteranges").with_parameters({"boundary": boundary})
    fields = fields.replace("Content-Type", str(media_type))
    head = Response(206, fields, reason="Partial Content")
    return OutgoingResponse(head, _render(parts, boundary))


def _render(parts: Iterable[tuple[Headers, OutgoingBody]], boundary: str) -> OutgoingBody:
    # Bodies pass through as they are, those that are yet to be made too.
    outgoing = (OutgoingPart(headers, cast("tuple[Segment]", body)) for headers, body in parts)
    return render_multipart(outgoing, boundary)


def _cut(body: OutgoingBody, wanted: ContentRange) -> OutgoingBody:
    """Some octets of a body whose length is known."""
    pieces: list[Segment] = []
    start = 0
    for segment in cast("tuple[Segment, ...]", body):
        length = segment_length(segment)
        first, end = max(wanted.first - start, 0), min(wanted.last + 1 - start, length)
        if first < end:
            pieces.append(_slice(segment, first, end))
        start += length
    return tuple(pieces)


def _slice(segment: Segment, first: int, end: int) -> Segment:
    match segment:
        case FileSpan(path, offset, _):
            return FileSpan(path, offset + first, end - first)
        case Deferred(_, produce):
            return Deferred(end - first, lambda: Claimed.cut(produce(), first, end))
        case _:
            return memoryview(segment)[first:end]
