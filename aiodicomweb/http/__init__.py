"""HTTP message values: what is sent and received, without any input or output."""

from __future__ import annotations

from .body import (
    Body,
    Deferred,
    FileSpan,
    Segment,
    body_length,
    body_octets,
    segment_length,
)
from .challenges import Challenge, parse_challenges
from .fields import WarningValue, format_retry_after, parse_retry_after, parse_warnings
from .headers import Headers
from .media_type import MediaType
from .messages import Request, Response
from .negotiation import (
    MediaRange,
    choose_media_type,
    format_accept,
    parse_accept,
    quality_of,
)
from .outgoing import OutgoingBody, OutgoingResponse, Produced
from .proxies import NoProxy, Proxies, Proxy
from .ranges import ByteRange, ContentRange, UnsatisfiedRange, format_range, parse_range
from .url import URL, Origin, build_query, quote, quote_segment

__all__ = [
    "URL",
    "Body",
    "ByteRange",
    "Challenge",
    "ContentRange",
    "Deferred",
    "FileSpan",
    "Headers",
    "MediaRange",
    "MediaType",
    "NoProxy",
    "Origin",
    "OutgoingBody",
    "OutgoingResponse",
    "Produced",
    "Proxies",
    "Proxy",
    "Request",
    "Response",
    "Segment",
    "UnsatisfiedRange",
    "WarningValue",
    "body_length",
    "body_octets",
    "build_query",
    "choose_media_type",
    "format_accept",
    "format_range",
    "format_retry_after",
    "parse_accept",
    "parse_challenges",
    "parse_range",
    "parse_retry_after",
    "parse_warnings",
    "quality_of",
    "quote",
    "quote_segment",
    "segment_length",
]
