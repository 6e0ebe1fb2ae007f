"""Which content codings a request asks for: a pure decision."""

from __future__ import annotations

from ..http import Request

__all__ = ["with_coding"]

_TEXTS = ("json", "xml")
"""What shrinks to a tenth: searches, metadata and store answers."""


def with_coding(request: Request) -> Request:
    """The request with an ``Accept-Encoding`` beside its ``Accept`` (RFC 9110 §12.5.3).

    Pixels don't shrink enough to pay for the time that it takes, and ranges of what is coded are
    ranges of something else: they are asked for as they are.
    """
    accepted = request.headers.get("Accept")
    if accepted is None or "Accept-Encoding" in request.headers:
        return request
    is_text = any(text in accepted for text in _TEXTS)
    coding = "gzip, deflate" if is_text else "identity"
    headers = request.headers.add("Accept-Encoding", coding)
    return Request(request.method, request.url, headers, request.body)
