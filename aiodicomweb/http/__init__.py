"""HTTP message values: what is sent and received, without any input or output."""

from __future__ import annotations

from .body import Body, Deferred, FileSpan, Segment, body_length, segment_length
from .fields import ContentRange, WarningValue, parse_retry_after, parse_warnings
from .headers import Headers
from .media_type import MediaType
from .messages import Request, Response
from .negotiation import format_accept
from .url import URL, Origin, build_query, quote, quote_segment

__all__ = [
    "URL",
    "Body",
    "ContentRange",
    "Deferred",
    "FileSpan",
    "Headers",
    "MediaType",
    "Origin",
    "Request",
    "Response",
    "Segment",
    "WarningValue",
    "body_length",
    "build_query",
    "format_accept",
    "parse_retry_after",
    "parse_warnings",
    "quote",
    "quote_segment",
    "segment_length",
]
