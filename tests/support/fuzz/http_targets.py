"""Targets of ``http``: whole messages, URLs and the grammars of header fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiodicomweb.http import (
    URL,
    ByteRange,
    ContentRange,
    Headers,
    MediaType,
    Request,
    Response,
    UnsatisfiedRange,
    WarningValue,
    build_query,
    choose_media_type,
    format_range,
    parse_accept,
    parse_challenges,
    parse_range,
    parse_retry_after,
    parse_warnings,
)

from .judging import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from .judging import Attempt

__all__ = ["TARGETS"]

_BASE = URL.parse("https://pacs.example/dicom-web/studies?a=b#c")
_OFFERS = [
    MediaType.parse("application/dicom+json"),
    MediaType.parse('multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'),
]


def texts(octets: bytes) -> tuple[str, str]:
    """The text as fields carry it, and one of all Unicode, with lone surrogates in it."""
    return octets.decode("latin-1"), octets.decode("utf-8", "surrogateescape")


def request(octets: bytes, attempt: Attempt) -> None:
    """A whole request; what was read can be written, and is read again."""
    read = attempt(Request.from_bytes, octets)
    if read is None:
        return
    repr(read)
    written = attempt(bytes, read)
    if written is not None:
        again = Request.from_bytes(written, scheme=read.url.scheme)
        same("the request", _request_parts(read), _request_parts(again))


def _request_parts(message: Request) -> tuple[object, ...]:
    # No path is "/", and an empty query is none (RFC 9110 §4.2.3).
    url = message.url
    return message.method, url.scheme, url.origin, url.target, message.headers, message.body


def response(octets: bytes, attempt: Attempt) -> None:
    """A whole response, also to HEAD."""
    attempt(Response.from_bytes, octets, method="HEAD")
    read = attempt(Response.from_bytes, octets)
    if read is None:
        return
    repr(read)
    _ = read.media_type, read.warnings, read.partial
    written = attempt(bytes, read)
    if written is not None:
        again = Response.from_bytes(written)
        same("the response", (read.status, read.headers, read.body), _parts(again))


def _parts(message: Response) -> tuple[int, Headers, bytes]:
    return message.status, message.headers, message.body


def url(octets: bytes, attempt: Attempt) -> None:
    """A URL alone, as a reference, and its query."""
    for text in texts(octets):
        attempt(_BASE.join, text)
        attempt(_BASE.child, text)
        attempt(build_query, [(text, text), ("a", [text, text])])
        parsed = attempt(URL.parse, text)
        if parsed is None:
            continue
        same("the URL", parsed, URL.parse(str(parsed)))
        repr(parsed)
        _ = parsed.target, parsed.host, parsed.port, parsed.userinfo, parsed.without_userinfo()
        attempt(lambda: parsed.origin)  # noqa: B023  # called at once
        attempt(parsed.join, text)
        query = parsed.parse_query()
        rebuilt = attempt(build_query, query)
        if rebuilt is not None:
            same("the query", query, parsed.with_query(rebuilt).parse_query())


def media_type(octets: bytes, attempt: Attempt) -> None:
    """A media type."""
    for text in texts(octets):
        parsed = attempt(MediaType.parse, text)
        if parsed is not None:
            same("the media type", parsed, MediaType.parse(str(parsed)))
            _ = parsed.root, parsed.boundary, parsed.transfer_syntax, parsed.is_json


def accept(octets: bytes, attempt: Attempt) -> None:
    """An ``Accept`` field, and the choice by it."""
    for text in texts(octets):
        ranges = attempt(parse_accept, text) or ()
        same("the ranges", ranges, parse_accept(list(map(str, ranges))))
        attempt(choose_media_type, _OFFERS, ranges, parameter=ranges, default=_OFFERS[0])


def byte_range(octets: bytes, attempt: Attempt) -> None:
    """``Range`` and ``Content-Range``."""
    for text in texts(octets):
        ranges = attempt(parse_range, text)
        if ranges:
            same("the ranges", ranges, parse_range(format_range(*ranges)))
            _ = [item.resolve(100) for item in ranges]
        for kind in (ContentRange, UnsatisfiedRange):
            parsed = attempt(kind.parse, text)
            if parsed is not None:
                same("the range", parsed, kind.parse(str(parsed)))
    attempt(lambda: ByteRange(0, len(octets)).resolve(len(octets)))


def warning(octets: bytes, attempt: Attempt) -> None:
    """``Warning``: the texts survive, whatever form they came in."""
    for text in texts(octets):
        attempt(WarningValue.parse, text)
        headers = attempt(Headers, {"Warning": text})
        found = [] if headers is None else parse_warnings(headers)
        written = [("Warning", str(WarningValue("299", "-", item.text))) for item in found]
        again = parse_warnings(Headers(written))
        same("the warnings", [item.text for item in found], [item.text for item in again])


def retry_after(octets: bytes, attempt: Attempt) -> None:
    """``Retry-After``: seconds that one can wait."""
    for text in texts(octets):
        seconds = attempt(parse_retry_after, text, 1.7e9)
        same("time goes forward", True, seconds is None or 0 <= seconds < float("inf"))


def challenge(octets: bytes, attempt: Attempt) -> None:
    """``WWW-Authenticate``."""
    for text in texts(octets):
        headers = attempt(Headers, {"WWW-Authenticate": text})
        for found in attempt(parse_challenges, headers or Headers()) or ():
            written = Headers({"WWW-Authenticate": str(found)})
            same("the challenge", (found,), parse_challenges(written))


def header_fields(octets: bytes, attempt: Attempt) -> None:
    """Header fields of any names and values."""
    for text in texts(octets):
        lines = [line.partition(":")[::2] for line in text.split("\n")]
        headers = attempt(Headers, lines)
        if headers is None:
            continue
        repr(headers)
        same("the fields", headers, Headers.from_wire(headers.to_wire()))
        _ = headers.media_type, hash(headers)
        for name in set(headers):
            headers.tokens(name)


TARGETS: dict[str, Callable[[bytes, Attempt], None]] = {
    "request": request,
    "response": response,
    "url": url,
    "media-type": media_type,
    "accept": accept,
    "byte-range": byte_range,
    "warning": warning,
    "retry-after": retry_after,
    "challenge": challenge,
    "headers": header_fields,
}
