"""What may happen in each phase of an exchange, and what a client must make of it: the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from aiodicomweb import (
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    DicomWebError,
    FramingError,
    RemoteProtocolError,
    StatusError,
    TlsError,
    TransportError,
)
from aiodicomweb.errors import ContentError, MultipartError
from aiodicomweb.testing import Direction, Fault

from .verbs import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from .verbs import Verb

__all__ = ["CASES", "RIGHT", "Broken", "Case", "Outcome"]

REQUEST, RESPONSE = Direction.REQUEST, Direction.RESPONSE


@dataclass(frozen=True)
class Broken:
    """An exchange that must end with an error.

    Attributes:
        error: Its class, or several that are right.
        phases: What ``TransportError.phase`` may say; empty for errors that have none.
        complete: What ``complete`` says; ``None`` where that is left open.
        passes: Whether a second attempt at what only reads gets the right result.
        passes_for_all: Whether one at what has an effect does, because nothing had begun.
        resumes: Whether a retrieval that is repeated goes on where it broke off.
    """

    error: type[DicomWebError] | tuple[type[DicomWebError], ...]
    phases: frozenset[str] = frozenset()
    complete: int | None = None
    passes: bool = False
    passes_for_all: bool = False
    resumes: bool = False


RIGHT: Final = None
"""An exchange that must give the right result, whatever happens to its octets."""

Outcome: TypeAlias = Broken | None


@dataclass(frozen=True)
class Case:
    """A fault in a phase.

    Attributes:
        phase: ``connect``, ``tls``, ``request``, ``head`` or ``body``.
        name: What happens.
        fault: The fault, for all verbs or by verb. Those of connecting are not the proxy's.
        outcome: What must come of it for a verb.
        applies: Whether it can happen to a verb's exchange, and can be known to a client.
        short: The phase of ``Timeout`` that is short, so that the test is.
        closing: Whether the server is to close the connection behind its answer.
    """

    phase: str
    name: str
    fault: Fault | Callable[[Verb], Fault] | None
    outcome: Callable[[Verb], Outcome]
    applies: Callable[[Verb], bool] = lambda _: True
    short: str = ""
    closing: bool = False

    def fault_for(self, verb: Verb) -> Fault | None:
        """The fault in a verb's exchange, if it is the proxy's."""
        return self.fault(verb) if callable(self.fault) else self.fault

    def __str__(self) -> str:
        """For the names of tests."""
        return f"{self.phase}-{self.name}".replace(" ", "_")


def late(phase: str) -> Callable[[Verb], Outcome]:
    """Time is up, in this phase. What is late once is not waited for again."""
    return lambda _: Broken(DeadlineExceeded, frozenset({phase}))


def late_in_tls(_: Verb) -> Outcome:
    """Time is up before anything was asked, which may be tried again."""
    return Broken(DeadlineExceeded, frozenset({"tls"}), passes=True, passes_for_all=True)


def lost(_: Verb) -> Outcome:
    """The connection went away before a head had come, which passes."""
    return Broken(ConnectionLost, frozenset({"head", "write"}), passes=True)


def refused(verb: Verb) -> Outcome:
    """The server answers 400; where that may be about ``Accept``, another one goes well."""
    return RIGHT if verb.is_safe else Broken(StatusError)


def untrusted(_: Verb) -> Outcome:
    """TLS could not be established."""
    return Broken(TlsError, frozenset({"tls"}))


def right(_: Verb) -> Outcome:
    """The right result."""
    return RIGHT


def unreachable(_: Verb) -> Outcome:
    """Nobody listens."""
    return Broken(ConnectFailed, frozenset({"connect"}))


def illegal(_: Verb) -> Outcome:
    """No HTTP."""
    return Broken(RemoteProtocolError)


def senseless(_: Verb) -> Outcome:
    """Content, parts or chunks that can't be."""
    return Broken((ContentError, MultipartError, FramingError))


def broken(error: type[DicomWebError]) -> Callable[[Verb], Outcome]:
    """The body broke off in its middle."""
    phases = frozenset({"read"} if issubclass(error, TransportError) else ())
    return lambda verb: Broken(error, phases, verb.complete, resumes=True)


def in_middle(make: Callable[..., Fault]) -> Callable[[Verb], Fault]:
    """A fault in the middle of the body."""
    return lambda verb: make(verb.middle, in_body=True)


def without_end(verb: Verb) -> Outcome:
    """All has come, and then the time is up; what can be resumed sees that nothing is missing."""
    complete = verb.parts if verb.shape in (Shape.PARTS, Shape.COUNTED_PARTS) else 0
    return Broken(DeadlineExceeded, frozenset({"read"}), complete, resumes=verb.resumes)


def has_body(verb: Verb) -> bool:
    """Whether there is a body in the answer."""
    return verb.shape is not Shape.NOTHING


def shows_corruption(verb: Verb) -> bool:
    """Whether a client can see that the first octet of a body is another.

    An image is anything. Of parts the first would be taken for a preamble, as RFC 2046 wants it;
    that it is missing, those know who know how many there must be.
    """
    return verb.shape in (Shape.JSON, Shape.COUNTED_PARTS)


def has_length(verb: Verb) -> bool:
    """Whether the answer has a length; metadata go in chunks."""
    return has_body(verb) and not verb.name.endswith("metadata")


def shows_its_end(verb: Verb) -> bool:
    """Whether the content itself tells that it is cut short, if its length doesn't."""
    return has_length(verb) and verb.shape is not Shape.IMAGE


def uploads(verb: Verb) -> bool:
    """Whether the request has a body."""
    return verb.uploads


CONNECT = (
    Case("connect", "refused", None, unreachable),
    Case("connect", "no answer", None, late("connect"), short="connect"),
)

TLS = (
    Case("tls", "stall of what we say", Fault.stall(0, REQUEST), late_in_tls, short="tls"),
    Case("tls", "stall at once", Fault.stall(0), late_in_tls, short="tls"),
    Case("tls", "stall behind 100", Fault.stall(100), late_in_tls, short="tls"),
    Case("tls", "cut of what we say", Fault.cut(100, REQUEST), untrusted),
    Case("tls", "cut at once", Fault.cut(0), untrusted),
    Case("tls", "cut behind 100", Fault.cut(100), untrusted),
    Case("tls", "reset of what we say", Fault.reset(100, REQUEST), untrusted),
    Case("tls", "reset at once", Fault.reset(0), untrusted),
    Case("tls", "reset behind 100", Fault.reset(100), untrusted),
    Case("tls", "corrupt of what we say", Fault.corrupt(1, REQUEST), untrusted),
    Case("tls", "corrupt at once", Fault.corrupt(0), untrusted),
    Case("tls", "corrupt behind 100", Fault.corrupt(100), untrusted),
    Case("tls", "dribble of what we say", Fault.dribble(7, REQUEST), right),
    Case("tls", "dribble", Fault.dribble(7), right),
)

SENDING = (
    Case("request", "stall at once", Fault.stall(0, REQUEST), late("head"), short="head"),
    Case("request", "stall behind 20", Fault.stall(20, REQUEST), late("head"), short="head"),
    Case("request", "cut at once", Fault.cut(0, REQUEST), lost),
    Case("request", "cut behind 20", Fault.cut(20, REQUEST), refused),
    Case("request", "reset at once", Fault.reset(0, REQUEST), lost),
    Case("request", "reset behind 20", Fault.reset(20, REQUEST), lost),
    Case("request", "corrupt", Fault.corrupt(0, REQUEST), refused),
    Case("request", "dribble", Fault.dribble(50, REQUEST), right),
    Case(
        "request",
        "stall in the body",
        Fault.stall(2000, REQUEST, in_body=True),
        late("head"),
        uploads,
        short="head",
    ),
    Case("request", "cut in the body", Fault.cut(2000, REQUEST, in_body=True), refused, uploads),
    Case("request", "reset in the body", Fault.reset(2000, REQUEST, in_body=True), lost, uploads),
    Case("request", "length too short", Fault.length(-2000, REQUEST), refused, uploads),
    Case(
        "request",
        "length too long",
        Fault.length(2000, REQUEST),
        late("head"),
        uploads,
        short="head",
    ),
)

HEAD = (
    Case("head", "stall at once", Fault.stall(0), late("head"), short="head"),
    Case("head", "stall behind 20", Fault.stall(20), late("head"), short="head"),
    Case("head", "cut at once", Fault.cut(0), lost),
    Case("head", "cut behind 20", Fault.cut(20), lost),
    Case("head", "reset at once", Fault.reset(0), lost),
    Case("head", "reset behind 20", Fault.reset(20), lost),
    Case("head", "corrupt", Fault.corrupt(0), illegal),
    Case("head", "dribble", Fault.dribble(7), right),
)

BODY = (
    Case("body", "stall", in_middle(Fault.stall), broken(DeadlineExceeded), has_body, short="read"),
    Case("body", "cut", in_middle(Fault.cut), broken(FramingError), has_body),
    Case("body", "reset", in_middle(Fault.reset), broken(ConnectionLost), has_body),
    Case("body", "dribble", Fault.dribble(997), right, has_body),
    Case("body", "corrupt", Fault.corrupt(0, in_body=True), senseless, shows_corruption),
    Case("body", "length too short", Fault.length(-20), senseless, shows_its_end),
    Case("body", "length too long", Fault.length(20), without_end, has_length, short="read"),
    Case("body", "FIN is held back", Fault.hold_end(), right, closing=True),
)

CASES: Final = (*CONNECT, *TLS, *SENDING, *HEAD, *BODY)
