"""Credentials, as flows without I/O: a flow yields requests and is sent the responses.

The same object works in tests, in the client and in other programs. Credentials go to the origins
that the client was made for, and to no other, whatever URLs a server hands out (RFC 9110 §15.4).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..http import Request

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..http import Response

__all__ = ["Auth", "BasicAuth", "BearerAuth"]


class Auth(Protocol):
    """What knows how to authenticate a request."""

    def flow(self, request: Request) -> Generator[Request, Response, None]:
        """Yield the request with credentials; then, sent its response, perhaps another one.

        The response has no body. The caller gets the response to what was yielded last.
        """
        ...


def _authorized(request: Request, credentials: str) -> Request:
    headers = request.headers.replace("Authorization", credentials)
    return Request(request.method, request.url, headers, request.body)


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """User name and password (RFC 7617); readable by everybody on the way unless over TLS."""

    username: str
    password: str = field(repr=False)

    def flow(self, request: Request) -> Generator[Request, Response, None]:
        """Add the credentials."""
        pair = f"{self.username}:{self.password}".encode()
        yield _authorized(request, "Basic " + base64.b64encode(pair).decode("ascii"))


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A token (RFC 6750)."""

    token: str = field(repr=False)

    def flow(self, request: Request) -> Generator[Request, Response, None]:
        """Add the token."""
        yield _authorized(request, f"Bearer {self.token}")
