"""Watches what a client does, and tells hooks and the log of it, as events."""

from __future__ import annotations

import logging
import re
import time
import traceback
from asyncio import CancelledError
from collections import deque
from functools import lru_cache
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, ProtocolError
from ..http import Headers, MediaType, Response, body_length, segment_length
from ..services import Resource
from ..services.routes import Route, Service
from .events import (
    HeadReceived,
    PartReceived,
    Progress,
    Propagator,
    RequestFinished,
    RequestRedirected,
    RequestRetried,
    RequestStarted,
    Transaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..errors import DicomWebError
    from ..http import Origin, Request
    from ..net.connection import Connection
    from ..wire import PartHead
    from .events import Event, Hook
    from .retry import Attempt

__all__ = ["Exchange", "Observer", "Watch"]

_log = logging.getLogger("aiodicomweb.client")

_FAILURES = (Exception, CancelledError)
"""What a hook raises that is its own affair. A function that awaits nothing is not cancelled:
it looked at a future that was. On trio only what waits raises ``Cancelled``."""

_requests = count(1)
_OF_TRACES = frozenset({"traceparent", "tracestate", "baggage"})
"""W3C Trace Context and W3C Baggage: what hooks know better than whoever made the request."""

_NOT_FOR_HOOKS = re.compile(
    r"""host | authorization | cookie | expect | from | te | trailer | upgrade | range | via
    | connection | keep-alive | transfer-encoding | origin | referer | forwarded | user-agent
    | prefer | (?: accept | content | if | proxy | sec | x-amz | x-forwarded | x-http-method )
      (?: - .* )?""",
    re.VERBOSE | re.IGNORECASE,
)
"""Fields by which a request says who asks, for what, and where it ends: not for a hook to say."""

_LEVELS = {"studies": "study", "series": "series", "instances": "instance"}


class Observer:
    """The hooks of one client, and the log.

    Args:
        hooks: One or several.

    Raises:
        ConfigurationError: A hook can't be called.
    """

    def __init__(self, hooks: Hook | Iterable[Hook] = ()) -> None:
        given = [hooks] if callable(hooks) else list(hooks)
        if not all(callable(hook) for hook in given):
            raise ConfigurationError("a hook is something to be called with an event")
        self._hooks = tuple(given)
        self._failed: set[int] = set()
        self._overbearing: set[int] = set()
        self._left: deque[Exchange] = deque()

    @property
    def has_hooks(self) -> bool:
        """Whether anybody but the log is told."""
        return bool(self._hooks)

    @property
    def wants_all(self) -> bool:
        """Whether somebody is told of requests that go well."""
        return bool(self._hooks) or _log.isEnabledFor(logging.DEBUG)

    def watch(self, request: Request, call: int, before: Watch | None = None) -> Watch | None:
        """What tells of a request and all that it takes; ``None`` if nobody wants to know.

        Args:
            request: The caller's, without credentials.
            call: Number of the call.
            before: What told of the call's request before: it tells of this one as well if that
                broke off, and is sent again.
        """
        if before is not None and before.goes_on_with(request):
            return before
        if self._hooks or _log.isEnabledFor(logging.INFO):
            return Watch(self, request, call)
        return None

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        self.flush()
        _write(event)
        for hook in self._hooks:
            try:
                hook(event)
            except _FAILURES as error:  # whatever it is, the transfer goes on
                self._report(hook, error)

    def header_fields(self, started: RequestStarted, present: Headers) -> Headers:
        """What hooks add to a request.

        Args:
            started: What they were told of it.
            present: The fields that it has. Those of traces take their place, others don't.
        """
        headers = Headers()
        for hook in self._hooks:
            if isinstance(hook, Propagator):
                try:
                    given = Headers(hook.header_fields(started))
                    headers = headers.merged(self._harmless(hook, given, present))
                except _FAILURES as error:  # it goes without them
                    self._report(hook, error)
        return headers

    def leave(self, exchange: Exchange) -> None:
        """Note an exchange that the garbage collector ended, which is no moment to call hooks."""
        self._left.append(exchange)

    def flush(self) -> None:
        """Tell of the exchanges that were noted."""
        while self._left:
            self._left.popleft().ended(None, complete=False)

    def _harmless(self, hook: Hook, given: Headers, present: Headers) -> Headers:
        """The fields that change nothing of a request; the first others of a hook are logged."""
        left_out = [
            name
            for name in given
            if name.lower() not in _OF_TRACES
            and (name in present or _NOT_FOR_HOOKS.fullmatch(name))
        ]
        if left_out and id(hook) not in self._overbearing:
            self._overbearing.add(id(hook))
            _log.error("fields that a hook may not set, told once: %s", ", ".join(left_out))
        return given.without(*left_out)

    def _report(self, hook: Hook, error: BaseException) -> None:
        """Log the first error of a hook; without its text, which may quote what the hook knows."""
        if id(hook) not in self._failed:
            self._failed.add(id(hook))
            where = "".join(traceback.format_tb(error.__traceback__))
            kind = type(error).__qualname__
            _log.error("a hook failed, which is told once: %s\n%s", kind, where)


class Watch:
    """Tells of one request of a call, and of all that are sent to its end.

    Args:
        observer: Is told.
        request: The caller's.
        call: Number of the call.
    """

    __slots__ = ("_broken", "_call", "_latest", "_observer", "_request", "_resends")

    def __init__(self, observer: Observer, request: Request, call: int) -> None:
        self._observer = observer
        self._request = request
        self._call = call
        self._latest = 0
        self._resends = 0
        self._broken = False

    def begin(self, request: Request, *, for_token: bool = False) -> Exchange | None:
        """A request is about to be sent; what tells of it, if somebody wants to know."""
        self._latest = next(_requests)
        resends = 0 if for_token else self._resends
        self._resends += not for_token
        if not self._observer.wants_all:
            return None
        facts = self._facts(request, for_token=for_token)
        return Exchange(self._observer, facts, request, resends)

    def retried(self, attempt: Attempt, wait: float, *, for_token: bool = False) -> None:
        """The attempt has failed, and another one follows."""
        outcome, status, error = attempt.outcome, None, None
        if isinstance(outcome, Response):
            status = outcome.status
        else:
            error = type(outcome).__name__
        facts, now = self._facts(attempt.request, for_token=for_token), time.monotonic()
        self._observer.tell(
            RequestRetried(**facts, time=now, status=status, error=error, wait=wait)
        )

    def broke_off(self, request: Request, failure: DicomWebError, wait: float) -> None:
        """The response's body has, and is asked for again, or what is missing of it.

        Args:
            request: What it answers, as it was sent.
            failure: What ended it.
            wait: Seconds until then.
        """
        self._broken = True
        facts, now = self._facts(request), time.monotonic()
        error = type(failure).__name__
        self._observer.tell(RequestRetried(**facts, time=now, status=None, error=error, wait=wait))

    def goes_on_with(self, request: Request) -> bool:
        """Whether a request of the call is this one again, whose body broke off.

        It may be for a range of octets. Other frames or instances, another form of ``Accept``,
        or a list of what is missing are requests of their own.
        """
        before = self._request
        broken, self._broken = self._broken, False
        return (
            broken
            and (before.method, before.url) == (request.method, request.url)
            and before.headers.get("Accept") == request.headers.get("Accept")
        )

    def redirected(self, request: Request, status: int, target: Origin) -> None:
        """The response to the request leads elsewhere."""
        facts, now = self._facts(request), time.monotonic()
        self._observer.tell(RequestRedirected(**facts, time=now, status=status, target=target))

    def _facts(self, request: Request, *, for_token: bool = False) -> dict[str, Any]:
        """What is common to events about the latest request."""
        authenticates = Transaction.AUTHENTICATE if for_token else None
        return {
            "call": self._call,
            "request": self._latest,
            "transaction": authenticates or _transaction(self._request),
            "method": request.method,
            "origin": request.url.origin,
            "route": _template(request.url.path),
            "url": request.url.redacted(),
        }


class Exchange:
    """Tells of one request on the wire: what a :class:`~aiodicomweb.net.Watcher` is told.

    Args:
        observer: Is told.
        facts: What all its events have in common.
        request: The request.
        resends: See :class:`RequestStarted`.

    Attributes:
        started: The first event.
        watches_parts: Whether parts are told of: the log has none.
    """

    __slots__ = (
        "_connection",
        "_ends",
        "_facts",
        "_final",
        "_head_seconds",
        "_observer",
        "_part",
        "_part_octets",
        "_part_time",
        "_parts",
        "_status",
        "started",
        "watches_parts",
    )

    started: RequestStarted
    watches_parts: bool

    def __init__(
        self, observer: Observer, facts: dict[str, Any], request: Request, resends: int
    ) -> None:
        self._observer = observer
        self._facts = facts
        self._ends = _part_ends(request)
        self._connection: Connection | None = None
        self._final: Progress | None = None
        self._status: int | None = None
        self._head_seconds: float | None = None
        self._part: PartHead | None = None
        self._part_octets = 0
        self._part_time = 0.0
        self._parts = 0
        self.watches_parts = observer.has_hooks
        self.started = RequestStarted(
            **facts,
            time=time.monotonic(),
            resends=resends,
            size=body_length(request.body),
            parts=len(self._ends),
            progress=self.progress,
        )
        observer.tell(self.started)

    def header_fields(self, present: Headers) -> Headers:
        """What hooks add to the request, which has these fields."""
        return self._observer.header_fields(self.started, present)

    def progress(self) -> Progress:
        """How far it has come."""
        if self._final is not None:
            return self._final
        connection = self._connection
        sent, received = (connection.sent, connection.received) if connection else (0, 0)
        parts_sent = sum(end <= sent for end in self._ends)
        return Progress(sent=sent, received=received, parts_sent=parts_sent)

    def head_received(self, response: Response) -> None:
        """The head of the response arrived."""
        now = time.monotonic()
        self._status = response.status
        self._head_seconds = now - self.started.time
        self._observer.tell(
            HeadReceived(
                **self._facts, time=now, status=response.status, seconds=self._head_seconds
            )
        )

    # --- what the transport tells ----------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        """The request is going out on this connection."""
        self._connection = connection

    def part_began(self, head: PartHead | None) -> None:
        """A part begins, or there is no more."""
        self.part_ended()
        self._part, self._part_octets, self._part_time = head, 0, time.monotonic()

    def part_read(self, octets: int) -> None:
        """Octets of the part were handed out."""
        self._part_octets += octets

    def part_ended(self) -> None:
        """The part is over; does nothing if that was said before."""
        part, self._part = self._part, None
        if part is None:
            return
        self._parts += 1
        now = time.monotonic()
        self._observer.tell(
            PartReceived(
                **self._facts,
                time=now,
                number=part.number,
                media_type=_essence(part.headers),
                octets=self._part_octets,
                seconds=now - self._part_time,
            )
        )

    def ended(self, error: BaseException | None, *, complete: bool) -> None:
        """The exchange is over."""
        now = time.monotonic()
        progress = self._final = self.progress()
        self._connection = None  # it goes on with other requests
        self._observer.tell(
            RequestFinished(
                **self._facts,
                time=now,
                status=self._status,
                error=None if error is None else type(error).__name__,
                complete=complete,
                head_seconds=self._head_seconds,
                seconds=now - self.started.time,
                sent=progress.sent,
                received=progress.received,
                parts=self._parts,
            )
        )

    def abandoned(self) -> None:
        """The garbage collector ended it; hooks are told with the next event."""
        self._observer.leave(self)


def _transaction(request: Request) -> Transaction:
    """What a request is for; a path that says nothing is that of bulk data."""
    match request.method:
        case "POST":
            return Transaction.STORE
        case "DELETE":
            return Transaction.DELETE
        case _:
            route = _route(request.url.path)
            searches = route is not None and Service.SEARCH in route.services
            return Transaction.SEARCH if searches else Transaction.RETRIEVE


@lru_cache(maxsize=64)
def _route(path: str) -> Route | None:
    try:
        return Route.parse(path, permissive=True)
    except ProtocolError:
        return None


def _template(path: str) -> str | None:
    """The path of a route with names in place of what it names.

    The base is left out: that of a URL that a server chose may hold a key.
    """
    route = _route(path)
    if route is None:
        return None
    selector = route.selector
    pieces: list[str] = []
    for keyword, name in _LEVELS.items():
        uid: str | None = getattr(selector, name)
        if uid is not None:
            pieces += [keyword, f"{{{name}}}"] if uid else [keyword]
    if selector.frames is not None:
        pieces += ["frames", "{frames}"]
    if route.resource not in (Resource.INSTANCES, Resource.FRAMES):
        pieces.append(route.resource.value)
    return "".join(f"/{piece}" for piece in pieces)


def _part_ends(request: Request) -> list[int]:
    """Where the parts of a multipart body end, in octets; none of another body."""
    if not request.body:
        return []
    media_type = request.media_type
    boundary = media_type.parameter("boundary") if media_type is not None else None
    if boundary is None:
        return []
    delimiter = b"\r\n--" + boundary.encode("ascii", "replace")
    starts = accumulate(map(segment_length, request.body), initial=0)
    return [
        start
        for start, segment in zip(starts, request.body, strict=False)
        if isinstance(segment, bytes) and segment.startswith(delimiter)
    ]


def _essence(headers: Headers) -> str:
    try:
        return MediaType.parse(headers.get("Content-Type", "")).essence
    except ProtocolError:
        return ""


def _write(event: Event) -> None:
    """Write an event into the log: retries at INFO, what is ordinary at DEBUG, parts never."""
    match event:
        case RequestRetried():
            _log.info(
                "%s: %s, again in %.2f s", _name(event), event.status or event.error, event.wait
            )
        case RequestRedirected():
            _log.debug("%s: %d, on to %s", _name(event), event.status, event.target)
        case RequestFinished() if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s: %s in %.3f s, %d octets sent, %d received%s",
                _name(event),
                " ".join(str(said) for said in (event.status, event.error) if said is not None),
                event.seconds,
                event.sent,
                event.received,
                "" if event.complete or event.error else ", not read to the end",
            )
        case _:
            pass


def _name(event: Event) -> str:
    place = f"{event.origin}{event.route or ' (another path)'}"
    return f"call {event.call}, request {event.request}, {event.method} {place}"
