"""Where a redirect leads, and what goes there: a pure decision (RFC 9110 §15.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import LimitExceeded, ProtocolError, RemoteProtocolError
from ..http import Request
from ..services.transaction import status_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import StatusError
    from ..http import URL, Headers, Response

__all__ = ["harmless", "next_request"]

_SCHEMES = frozenset({"http", "https"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_ANYBODY_MAY_SEE = frozenset(
    {
        *("accept", "accept-charset", "accept-encoding", "accept-language"),
        *("content-encoding", "content-language", "content-type", "expect"),
        *("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"),
        *("cache-control", "range", "user-agent"),
    }
)
"""Fields that go to another origin. Any other may be a secret, such as the key of an API."""


def next_request(trail: Sequence[Request], response: Response, limit: int) -> Request | None:
    """The request that a response asks for; ``None`` if it is no redirect.

    ``GET``, ``HEAD`` and ``OPTIONS`` follow all redirects. Another method is only sent again for
    307 and 308, which demand it; 303 makes a ``GET`` of it. Their bodies are made of segments,
    and can be sent again. Where the origin changes, only header fields that hold no secret go
    along.

    Args:
        trail: The requests so far, of which the last got the response.
        response: Its head.
        limit: Redirects that are followed: ``Limits.redirects``.

    Raises:
        StatusError: The redirect is not followed: from https to http, to what is neither, or with
            a method that may not be repeated. The class is that of the status; ``hint`` says why.
        LimitExceeded: There are too many redirects.
        RemoteProtocolError: They lead in a circle, or to no URL.
    """
    locations = response.headers.get_all("Location")
    if response.status not in _REDIRECTS or not locations:
        return None
    request = trail[-1]
    url = _resolve(request.url, locations)
    _check_scheme(request, response, url)
    following = _changed(request, response, url)
    if any(following.method == past.method and url == past.url for past in trail):
        raise RemoteProtocolError("the server redirects in a circle")
    if len(trail) > limit:
        raise LimitExceeded("too many redirects", limit="redirects", value=limit)
    return following


def harmless(headers: Headers) -> Headers:
    """The fields that hold no secret, and go to any origin."""
    return headers.without(*(name for name in headers if name.lower() not in _ANYBODY_MAY_SEE))


def _resolve(base: URL, locations: Sequence[str]) -> URL:
    if len(set(locations)) > 1:
        raise RemoteProtocolError("a redirect has more than one Location")
    try:
        url = base.join(locations[0].strip()).without_userinfo()
        if url.scheme in _SCHEMES:
            url.origin  # noqa: B018 - raises where there is no host
    except ProtocolError:
        # Not chained: the original may show what the server put into the URL.
        raise RemoteProtocolError("a redirect leads to what is no URL") from None
    return url


def _check_scheme(request: Request, response: Response, url: URL) -> None:
    if url.scheme not in _SCHEMES:
        raise _refusal(request, response, "the redirect leads to neither http nor https")
    if (request.url.scheme, url.scheme) == ("https", "http"):
        hint = "the redirect leads from https to http, where anybody on the way could read along"
        raise _refusal(request, response, hint)


def _changed(request: Request, response: Response, url: URL) -> Request:
    """The request to another URL, with the method and the fields that it has there."""
    headers = request.headers
    if request.url.origin != url.origin:
        headers = harmless(headers)
    if response.status in _KEEP_METHOD or request.method in _SAFE:
        return Request(request.method, url, headers, request.body)
    if response.status == 303:
        return Request("GET", url, _without_content(headers))
    hint = f"a {request.method} is sent to another URL for 307 and 308 alone; give that URL"
    raise _refusal(request, response, hint)


def _without_content(headers: Headers) -> Headers:
    return headers.without("Expect", *(n for n in headers if n.lower().startswith("content-")))


def _refusal(request: Request, response: Response, hint: str) -> StatusError:
    error = status_error(response, request.url.redacted())
    error.hint = hint
    return error
