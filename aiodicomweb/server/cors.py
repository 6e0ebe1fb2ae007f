"""Pages of other origins: what lets a viewer in a browser use the server (Fetch Standard §3.2).

A browser asks before it sends ``Authorization``, ``Range`` or a DICOM media type to another
origin than the page's, and hides answers that don't name that origin. Viewers such as OHIF come
from a web server of their own, and need all of that. Their pages are isolated from others often
(``Cross-Origin-Embedder-Policy: require-corp``), where images must say that they may be embedded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError, ProtocolError
from ..http import URL, Headers, OutgoingResponse, Response
from .problems import problem

if TYPE_CHECKING:
    from ..http import Request

__all__ = ["Cors"]

_METHODS: Final = "GET, HEAD, POST, DELETE, OPTIONS"
_REQUEST_FIELDS: Final = (
    "Accept, Authorization, Cache-Control, Content-Type, If-None-Match, If-Range, Range, "
    "traceparent, tracestate, X-Requested-With"
)
_EXPOSED_FIELDS: Final = (
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Location, Content-Range, "
    "Content-Type, ETag, Location, Retry-After, Warning, WWW-Authenticate"
)
_SECONDS: Final = 7200
"""For how long a browser remembers the answer to its question; Chromium takes no more."""


@dataclass(frozen=True, slots=True)
class Cors:
    """Which pages may use the server.

    Pages that are named may also send the credentials that the browser keeps, and may reach a
    server on this machine or network from outside of it. Where any page may come, none may do
    that; yet each one that a user opens can read what the server gives without authentication.

    Attributes:
        origins: Such as ``https://viewer.example``; ``None`` for any.

    Raises:
        ConfigurationError: One is no origin.
    """

    origins: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Write the origins as browsers do (RFC 6454 §6.2)."""
        if self.origins is not None:
            object.__setattr__(self, "origins", tuple(map(_origin, self.origins)))

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser asks, on behalf of a page, before it sends a request."""
        fields = ("Origin", "Access-Control-Request-Method")
        return request.method == "OPTIONS" and all(field in request.headers for field in fields)

    def preflight(self, request: Request) -> OutgoingResponse:
        """The answer to such a question, which comes without credentials."""
        if not self._admits(request):
            return problem(403, "pages of this origin are not served")
        fields = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_FIELDS,
            "Access-Control-Max-Age": str(_SECONDS),
        }
        asked = request.headers.get("Access-Control-Request-Private-Network", "")
        if self.origins is not None and asked.lower() == "true":
            fields["Access-Control-Allow-Private-Network"] = "true"
        return OutgoingResponse(Response(204, Headers(fields), reason="No Content"))

    def mark(self, request: Request, response: OutgoingResponse) -> OutgoingResponse:
        """Say in a response who may read it."""
        headers = response.head.headers.add("Cross-Origin-Resource-Policy", "cross-origin")
        if self.origins is None:
            headers = headers.add("Access-Control-Allow-Origin", "*")
        else:
            headers = headers.add("Vary", "Origin")
        if self.origins is not None and self._admits(request):
            headers = headers.add("Access-Control-Allow-Origin", request.headers["Origin"])
            headers = headers.add("Access-Control-Allow-Credentials", "true")
        if self._admits(request) and not self.is_preflight(request):
            headers = headers.add("Access-Control-Expose-Headers", _EXPOSED_FIELDS)
        return replace(response, head=replace(response.head, headers=headers))

    def _admits(self, request: Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is not None and (self.origins is None or origin in self.origins)


def _origin(text: str) -> str:
    try:
        url = URL.parse(text.removesuffix("/"))
    except ProtocolError:
        url = URL("", "", "")
    if not (url.scheme and url.host) or str(url) != f"{url.scheme}://{url.authority}":
        raise ConfigurationError(
            "a page's origin is a scheme and a host", hint="such as https://viewer.example"
        )
    return str(url).lower()
