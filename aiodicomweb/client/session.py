"""Requests to responses, with credentials, common header fields and retries."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio

from ..errors import ConnectFailed, ConnectionLost
from ..http import Request, Response, parse_retry_after
from ..net import Deadlines, Transport
from ..services.transaction import status_error
from .retry import RETRIED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Collection
    from ssl import SSLContext

    from ..http import Headers, Origin
    from ..net import Incoming, Timeout
    from ..wire import Limits
    from .auth import Auth
    from .retry import Retry

__all__ = ["Session"]

_REPEATABLE = ("GET", "HEAD", "OPTIONS")


class Session:
    """What the verbs of one client have in common.

    Args:
        origins: Origins that may see credentials and the client's header fields.
        auth: Credentials.
        headers: Header fields for each request.
        tls: For ``https``.
        timeout: Seconds by phase.
        limits: Bounds.
        retry: How often a request is repeated.
    """

    def __init__(
        self,
        *,
        origins: Collection[Origin],
        auth: Auth | None,
        headers: Headers,
        tls: SSLContext | None,
        timeout: Timeout,
        limits: Limits,
        retry: Retry,
    ) -> None:
        self._origins = frozenset(origins)
        self._auth = auth
        self._headers = headers
        self._timeout = timeout
        self._retry = retry
        self._transport = Transport(tls=tls, limits=limits)
        self.limits = limits

    def deadlines(self, request: Request) -> Deadlines:
        """The deadlines of a call that begins now, with this request."""
        return Deadlines(self._timeout, str(request.url.origin))

    async def open(self, request: Request, deadlines: Deadlines) -> Incoming:
        """Send a request; its response must be a success.

        Raises:
            StatusError: It is not; the class is that of the status.
            TransportError: The way to the server failed.
            ProtocolError: Request or response are not legal.
        """
        incoming = await self.send(request, deadlines)
        if incoming.response.is_success:
            return incoming
        head = incoming.response
        body = await incoming.read_start(self.limits.error_body)
        response = Response(head.status, head.headers, body, head.reason)
        raise status_error(response, request.url.redacted(), time.time())

    async def send(self, request: Request, deadlines: Deadlines) -> Incoming:
        """Send a request; a response of any status comes back. Raises like :meth:`open`."""
        attempt, waited = 1, 0.0
        while True:
            failure: ConnectFailed | ConnectionLost | None = None
            incoming: Incoming | None = None
            try:
                incoming = await self._authenticated(request, deadlines)
            except (ConnectFailed, ConnectionLost) as error:
                failure = error
            wait = self._wait(request, incoming, attempt, waited)
            if wait is None or wait >= deadlines.left:
                if incoming is None:
                    raise failure or AssertionError
                return incoming
            if incoming is not None:
                incoming.close()
            await anyio.sleep(wait)
            attempt, waited = attempt + 1, waited + wait

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    def __repr__(self) -> str:
        """The connections, counted."""
        return f"<Session {self._transport!r}>"

    def _wait(
        self, request: Request, incoming: Incoming | None, attempt: int, waited: float
    ) -> float | None:
        """Seconds before the request is repeated; ``None`` if it isn't."""
        retry_after = None
        if incoming is not None:
            response = incoming.response
            if response.status not in RETRIED_STATUSES:
                return None
            value = response.headers.get("Retry-After")
            retry_after = parse_retry_after(value, time.time()) if value else None
        if request.method not in _REPEATABLE:
            return None
        chance = random.random()  # noqa: S311 - spreads load, guards nothing
        return self._retry.wait(attempt, waited=waited, chance=chance, retry_after=retry_after)

    async def _authenticated(self, request: Request, deadlines: Deadlines) -> Incoming:
        if request.url.origin not in self._origins:
            return await self._transport.send(request, deadlines)
        headers = self._headers.merged(request.headers)
        request = Request(request.method, request.url, headers, request.body)
        if self._auth is None:
            return await self._transport.send(request, deadlines)
        flow = self._auth.flow(request)
        incoming = await self._transport.send(next(flow), deadlines)
        while True:
            try:
                request = flow.send(incoming.response)
            except StopIteration:
                return incoming
            except BaseException:
                incoming.close()
                raise
            incoming.close()
            incoming = await self._transport.send(request, deadlines)
