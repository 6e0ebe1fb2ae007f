"""What a client tells hooks: events, as frozen values.

A hook is a callable that takes an :class:`Event`. Each request on the wire begins with a
:class:`RequestStarted` and ends with a :class:`RequestFinished`; between them come its
:class:`HeadReceived` and, where parts are streamed, a :class:`PartReceived` for each.
A :class:`RequestRetried` or :class:`RequestRedirected` tells why the next one is sent.

Hooks are called in the task that makes the request, and must not wait. One that raises disturbs
nothing: it is logged once, and called again for the next event. Without hooks all of this costs a
look whether there are any.

No event holds a query value, a credential, a header field or payload, and none shows a UID:
``url`` has those of the path, but is not part of the ``repr``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from ..http import Origin

__all__ = [
    "Event",
    "HeadReceived",
    "Hook",
    "PartReceived",
    "Progress",
    "Propagator",
    "RequestFinished",
    "RequestRedirected",
    "RequestRetried",
    "RequestStarted",
    "Transaction",
]


class Transaction(StrEnum):
    """What a request is sent for (PS3.18 §10)."""

    SEARCH = "search"
    RETRIEVE = "retrieve"
    STORE = "store"
    DELETE = "delete"
    AUTHENTICATE = "authenticate"
    """A request for a token, on behalf of another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have in common.

    Attributes:
        call: Number of the call: one verb's requests, such as the pages of a search, share it.
        request: Number of the request; each that goes out has its own, repeated ones too.
            Numbers are those of the process.
        time: When it happened, in seconds of ``time.monotonic()``.
        transaction: What the request is for.
        method: Such as ``GET``.
        origin: Scheme, host and port of the server.
        route: The path below the service's URL with names in place of UIDs, such as
            ``/studies/{study}/series``; ``None`` if it is none of the Studies Service's, as of
            bulk data.
        url: The URL without user information and query values. It has the UIDs of the path,
            which can be linked to patients by whoever has the archive.
    """

    call: int
    request: int
    time: float
    transaction: Transaction
    method: str
    origin: Origin
    route: str | None
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a request and its response have come.

    Attributes:
        sent: Octets of the request that were handed to the operating system, head included.
        received: Octets of the response that arrived, head included.
        parts_sent: Parts of a multipart request that were sent whole, such as the instances of a
            store. One counts some hundred octets early, as heads and delimiters do not.
    """

    sent: int
    received: int
    parts_sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStarted(Event):
    """A request is about to be sent, as soon as there is a connection.

    Attributes:
        resends: How many requests went out before this one to the same end: the same one, also
            where its body broke off, or those that were redirected here. Another form of
            ``Accept``, and what is missing of a study or of frames, are requests of their own.
        size: Octets of the body.
        parts: Parts of the body, if it is multipart; else 0.
        progress: Tells how far it has come. It costs little, needs no event loop, and may be
            called from any thread, such as that of a progress bar, at any time.
    """

    resends: int
    size: int
    parts: int
    progress: Callable[[], Progress] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadReceived(Event):
    """The head of the response arrived.

    Attributes:
        status: Its status.
        seconds: Since the request was started, waiting for a connection included.
    """

    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReceived(Event):
    """A part of the response was handed out, or its reader went on behind it.

    Attributes:
        number: From 1.
        media_type: As told, in lower case and without parameters; empty if it isn't told.
        octets: How many were handed out: those that the reader left are not counted.
        seconds: From its head to its end, the reader's own time included.
    """

    number: int
    media_type: str
    octets: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFinished(Event):
    """A request and its response are over.

    Attributes:
        status: Of the response; ``None`` if none came.
        error: Name of the class of the error that ended it, which may be that of a cancellation;
            ``None`` if there was none. A status of 400 or more is no error here.
        complete: Whether the response was read to its end. If it wasn't, without an error, its
            reader gave it up, as happens before another attempt.
        head_seconds: From the start to the response's head; ``None`` if none came.
        seconds: From the start to the end.
        sent: Octets of the request that were handed to the operating system, head included.
        received: Octets of the response that arrived, head included.
        parts: Parts that there was a :class:`PartReceived` for.
    """

    status: int | None
    error: str | None
    complete: bool
    head_seconds: float | None
    seconds: float
    sent: int
    received: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRetried(Event):
    """A request has failed and will be sent again.

    Or the body of its response broke off, and what is missing will be asked for, if anything is.

    Attributes:
        status: Of the response that failed it; ``None`` if an error did.
        error: Name of the class of the error that failed it, or broke the body off; ``None`` if
            there was a response that failed it.
        wait: Seconds until then.
    """

    status: int | None
    error: str | None
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRedirected(Event):
    """The response to a request leads elsewhere, and is followed.

    Attributes:
        status: The response's.
        target: The origin that it leads to.
    """

    status: int
    target: Origin


Hook: TypeAlias = Callable[[Event], object]
"""Takes events. What it returns is ignored."""


@runtime_checkable
class Propagator(Protocol):
    """A hook that adds header fields to requests, such as ``traceparent``.

    They go to the client's own origins alone.
    """

    def __call__(self, event: Event, /) -> object:
        """Take an event."""
        ...

    def header_fields(self, started: RequestStarted, /) -> Mapping[str, str]:
        """The fields of a request, asked for after it was called with this event.

        Those that the request has stay as they are, but for ``traceparent``, ``tracestate`` and
        ``baggage``; those that say who asks, for what and where the message ends are left out.
        """
        ...
