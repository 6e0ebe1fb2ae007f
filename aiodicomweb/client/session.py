"""Requests to responses, with credentials, common header fields, redirects and retries."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, ConnectionLost, TransportError
from ..http import Request, Response
from ..net import Transport
from ..services.transaction import status_error
from .auth import Authenticator
from .coding import with_coding
from .course import Course
from .gathering import Gathering
from .ladder import Memory
from .redirects import harmless, next_request
from .retry import Attempt, may_repeat, resend

if TYPE_CHECKING:
    from collections.abc import Collection
    from ssl import SSLContext

    from ..errors import StatusError
    from ..http import Headers, Origin, Proxies
    from ..net import Deadlines, Incoming, Timeout, Tls
    from ..wire import Limits
    from .auth import Auth
    from .calls import FramesCall
    from .observe import Observer, Watch
    from .retry import Retry

__all__ = ["Session"]

_LITTLE = 16 * 1024
"""Octets of a redirect's body that are read to keep its connection. Pages have some hundred."""

_SOON = 1.0
"""Seconds in which they must have come."""

_calls = count(1)

_AWAY = "credentials stay at the origins that the client was made for; this is another one"


@dataclass(frozen=True, slots=True)
class _Errand:
    """What the requests have in common that go out for one of the caller's.

    Attributes:
        deadlines: Of the call.
        watch: Tells of them, if somebody wants to know.
        failed: Attempts that another one followed, and what was sent again at once though its
            body had begun.
    """

    deadlines: Deadlines
    watch: Watch | None
    failed: list[Attempt]


class Session:
    """What the verbs of one client have in common.

    Args:
        origins: Origins that may see credentials and the client's header fields.
        auth: Credentials.
        headers: Header fields for each request.
        tls: For ``https``.
        timeout: Seconds by phase.
        proxies: Which proxy leads to which origin.
        limits: Bounds.
        retry: How often a request is repeated.
        observer: Is told of all of it.

    Attributes:
        limits: As given.
        retry: As given.
        forms: Which forms of ``Accept`` worked.
        gathering: Frames that wait to be asked for together.
    """

    def __init__(
        self,
        *,
        origins: Collection[Origin],
        auth: Auth | None,
        headers: Headers,
        tls: Tls | SSLContext | None,
        proxies: Proxies,
        timeout: Timeout,
        limits: Limits,
        retry: Retry,
        observer: Observer,
    ) -> None:
        self._origins = frozenset(origins)
        self._headers = headers
        self._timeout = timeout
        self._observer = observer
        self._transport = Transport(tls=tls, limits=limits, proxies=proxies)
        closing = self._transport.closing
        self._authenticator = None if auth is None else Authenticator(auth, closing=closing)
        self.limits = limits
        self.retry = retry
        self.forms: Memory = Memory()
        self.gathering: Gathering[FramesCall] = Gathering(limits.connections, timeout.pool)

    def deadlines(self, origin: Origin) -> Course:
        """The deadlines of a call that begins now, with a request to this origin.

        Raises:
            ConfigurationError: The client is closed.
        """
        closing = self._transport.closing
        if closing.closed:
            raise ConfigurationError("the client is closed")
        return Course(self._timeout, str(origin), next(_calls), closing)

    def is_own(self, origin: Origin) -> bool:
        """Whether the client was made for this origin, which then may see credentials."""
        return origin in self._origins

    async def open(self, request: Request, deadlines: Course) -> Incoming:
        """Send a request; its response must be a success.

        Raises:
            StatusError: It is not; the class is that of the status.
            TransportError: The way to the server failed.
            ProtocolError: Request or response are not legal.
        """
        incoming = await self.send(request, deadlines)
        if incoming.response.is_success:
            return incoming
        body = await incoming.read_start(self.limits.error_body)
        raise self.refusal(incoming, body)

    async def send(
        self, request: Request, deadlines: Course, failed: list[Attempt] | None = None
    ) -> Incoming:
        """Send a request, wherever redirects lead and as often as it may be; any status comes back.

        Args:
            request: Without credentials and the client's header fields.
            deadlines: Of the call: all attempts and redirects share them.
            failed: Gets the attempts that another one followed, errors included, and what was
                sent again at once though its body had begun.

        Raises:
            StatusError: A redirect is not followed.
            TransportError: The way to the server failed.
            ProtocolError: Request or response are not legal.
        """
        failed = [] if failed is None else failed
        with deadlines.whole():
            attempt, incoming = await self._repeat(with_coding(request), deadlines, failed)
        if isinstance(attempt.outcome, TransportError):
            raise attempt.outcome
        assert incoming is not None  # noqa: S101 - there was a response
        return incoming

    def refusal(self, incoming: Incoming, body: bytes) -> StatusError:
        """The error that a response stands for, of which so much of the body was read."""
        head, url = incoming.response, incoming.request.url
        response = Response(head.status, head.headers, body, head.reason)
        error = status_error(response, url.redacted(), time.time())
        if head.status == 401 and url.origin not in self._origins:
            error.hint = _AWAY
        return error

    async def aclose(self) -> None:
        """Close all connections."""
        try:
            await self._transport.aclose()
        finally:
            self._observer.flush()

    def __repr__(self) -> str:
        """The connections, counted."""
        return f"<Session {self._transport!r}>"

    async def _repeat(
        self, request: Request, deadlines: Course, failed: list[Attempt]
    ) -> tuple[Attempt, Incoming | None]:
        """Send a request as often as it may be; the last attempt and its response, if any."""
        watch = deadlines.watch = self._observer.watch(request, deadlines.call, deadlines.watch)
        errand = _Errand(deadlines, watch, failed)
        failures = deadlines.failures
        while True:
            attempt, incoming = await self._attempt(request, errand)
            failures += 1
            wait = self._wait(request.method, attempt, failures, deadlines)
            if wait is None:
                break
            if incoming is not None:
                incoming.close()
            failed.append(attempt)
            if watch is not None:
                watch.retried(attempt, wait)
            await deadlines.pause(wait)
        if incoming is not None and incoming.response.is_success:
            # They were in vain if the body breaks off. A refusal is an answer: another request
            # may follow it, in a simpler form, and has its own attempts.
            deadlines.failures = failures - 1
        return attempt, incoming

    def _wait(
        self, method: str, attempt: Attempt, number: int, deadlines: Deadlines
    ) -> float | None:
        """Seconds before the request is repeated; ``None`` if it isn't."""
        if self._transport.closing.closed:
            return None
        if not may_repeat(method, attempt, stores=self.retry.stores):
            return None
        wait = self.retry.wait(
            number,
            waited=deadlines.waited,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
            retry_after=attempt.retry_after(time.time()),
        )
        return None if wait is None or wait >= deadlines.left else wait

    async def _attempt(self, request: Request, errand: _Errand) -> tuple[Attempt, Incoming | None]:
        """Send a request once, and follow redirects; a failure on the way is an outcome too."""
        trail = [request]
        try:
            incoming = await self._follow(trail, errand)
        except TransportError as error:
            return Attempt(trail[-1], error, error.sent), None
        outcome = incoming.response
        return Attempt(trail[-1], outcome, incoming.sent, begun=incoming.begun), incoming

    async def _follow(self, trail: list[Request], errand: _Errand) -> Incoming:
        """Send the last request of the trail, and those that redirects add to it."""
        trusted = True
        while True:
            request = trail[-1]
            # Who was sent away comes back as a stranger: the way is not the client's choice.
            trusted = trusted and request.url.origin in self._origins
            incoming = await self._authenticated(request, errand, trusted=trusted)
            try:
                following = next_request(trail, incoming.response, self.limits.redirects)
            except BaseException:
                incoming.close()
                raise
            if following is None:
                return incoming
            await _dismiss(incoming)
            trail.append(following)
            if errand.watch is not None:
                errand.watch.redirected(request, incoming.response.status, following.url.origin)

    async def _authenticated(self, request: Request, errand: _Errand, *, trusted: bool) -> Incoming:
        """Send one request, with credentials and the client's header fields if trusted."""
        if not trusted:
            request = Request(request.method, request.url, harmless(request.headers), request.body)
            return await self._transmit(request, errand, trusted=False)
        if self._headers:
            headers = self._headers.merged(request.headers)
            request = Request(request.method, request.url, headers, request.body)
        if self._authenticator is None:
            return await self._transmit(request, errand)

        async def send(request: Request) -> Incoming:
            return await self._transmit(request, errand)

        async def fetch(request: Request) -> Incoming:
            return await self._transmit(request, errand, for_token=True)

        return await self._authenticator.send(request, send, fetch)

    async def _transmit(
        self,
        request: Request,
        errand: _Errand,
        *,
        trusted: bool = True,
        for_token: bool = False,
        fresh: bool = False,
    ) -> Incoming:
        """Send one request, and what :func:`~aiodicomweb.client.retry.resend` puts in its place."""
        try:
            incoming = await self._exchange(
                request, errand, trusted=trusted, for_token=for_token, fresh=fresh
            )
        except ConnectionLost as error:
            attempt = Attempt(request, error, error.sent)
            following = None if self._transport.closing.closed else resend(attempt)
            if following is None:
                raise
        else:
            attempt = Attempt(request, incoming.response, incoming.sent)
            following = resend(attempt)
            if following is None:
                return incoming
            incoming.close()
            if incoming.begun and not for_token:
                errand.failed.append(attempt)
        if errand.watch is not None:
            errand.watch.retried(attempt, 0.0, for_token=for_token)
        return await self._transmit(
            following, errand, trusted=trusted, for_token=for_token, fresh=True
        )

    async def _exchange(
        self, request: Request, errand: _Errand, *, trusted: bool, for_token: bool, fresh: bool
    ) -> Incoming:
        """Put one request on the wire: the one place where that happens, and is told."""
        deadlines, watch = errand.deadlines, errand.watch
        exchange = None if watch is None else watch.begin(request, for_token=for_token)
        if exchange is None:
            return await self._transport.send(request, deadlines, fresh=fresh)
        if trusted and request.url.origin in self._origins:
            headers = request.headers.merged(exchange.header_fields(request.headers))
            request = Request(request.method, request.url, headers, request.body)
        try:
            incoming = await self._transport.send(request, deadlines, exchange, fresh=fresh)
        except BaseException as error:
            exchange.ended(error, complete=False)
            raise
        exchange.head_received(incoming.response)
        return incoming


async def _dismiss(incoming: Incoming) -> None:
    """Read the rest of a response that nobody wants, if it is little and comes soon."""
    await incoming.read_start(_LITTLE, soon=_SOON)
