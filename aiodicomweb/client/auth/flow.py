"""What an authentication is: a flow without I/O, that says step by step what is to be done.

A flow is a generator. It yields a step, is sent what came of it, and yields the next one. It waits
for nothing and reads no clock, so that it is tested by calling it; the
:class:`~aiodicomweb.client.auth.Authenticator` carries its steps out. One that adds a field::

    class KeyAuth:
        def flow(self, request, *, now):
            yield authorized(request, Headers({"X-Api-Key": "..."}))
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, TypeVar

from ...http import Headers, Request

__all__ = ["Alone", "Auth", "Fetch", "Flow", "Run", "Step", "Subflow", "authorized"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request of the flow's own, such as one for a token; its whole ``Response`` comes back.

    It goes as it is, wherever its URL points: without the client's header fields, and without
    following redirects. Of a longer body only the start comes back.

    Attributes:
        request: What to send.
        most: Octets of the response's body to read. A token with the groups of a user in it takes
            some 16 KiB; no token endpoint has a reason to send more than four times that.
    """

    request: Request
    most: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """A function that waits for something else than our own sockets; its result comes back.

    A coroutine function is awaited, and so is an awaitable that any other one returns. What is no
    coroutine function may block, and runs in a worker thread, which is left to itself if the call
    is cancelled.

    Attributes:
        function: What to call.
    """

    function: Callable[[], object] = field(repr=False)  # it may hold a body, or a secret


Subflow: TypeAlias = Generator[Fetch | Run, Any, T]
"""Steps that end in a value."""


@dataclass(frozen=True, slots=True)
class Alone:
    """Steps that one request at a time takes, of all that a client sends; their value comes back.

    So a hundred tasks that find their token expired fetch one: who comes second looks whether the
    first has found what it needs. If the first is cancelled, the next one tries. If it fails, so
    do all who waited meanwhile: a server that refused once is not asked a hundred times.

    Attributes:
        begin: Makes the steps when their turn has come; called with the Unix time of that moment.
    """

    begin: Callable[[float], Subflow[Any]] = field(repr=False)


Step: TypeAlias = Request | Fetch | Run | Alone
"""What a flow may yield. What comes of a ``Request`` is the ``Response`` without its body."""

Flow: TypeAlias = Generator[Step, Any, None]
"""The steps of one request. The last one is a ``Request``; the caller gets its response."""


class Auth(Protocol):
    """What knows how to authenticate a request. May be shared by clients."""

    def flow(self, request: Request, *, now: float) -> Flow:
        """Yield the request with credentials; then, sent its response, perhaps another one.

        Args:
            request: With all header fields that are the caller's and the client's.
            now: Unix time.
        """
        ...


def authorized(request: Request, fields: Headers) -> Request:
    """The request with these fields, which take the place of others of the same names."""
    return replace(request, headers=request.headers.merged(fields))
