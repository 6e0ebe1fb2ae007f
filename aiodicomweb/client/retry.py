"""What is sent again, when, and how long to wait before: pure decisions.

A request is sent again at once where that says nothing of the server's health
(:func:`resend`), and as an attempt of :class:`Retry` where it does (:func:`may_repeat`).

What is safe to repeat (RFC 9110 §9.2) is repeated when an attempt failed in a way that passes.
What has an effect is repeated only if the server surely did nothing. ``DELETE`` counts among it:
it is idempotent, but the answer to the second one, 404, would deny what the first one did.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._util import is_number, is_whole_number
from ..errors import (
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    ProxyError,
)
from ..http import Response, body_length, parse_retry_after
from ..wire import BLOCK
from .auth import TokenEndpointBusy

if TYPE_CHECKING:
    from ..errors import TransportError
    from ..http import Request

__all__ = ["RETRIED_STATUSES", "Attempt", "Retry", "may_repeat", "resend"]

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that pass: the server, or a gateway before it, was busy or fell over."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_NOT_BEGUN = frozenset({425, 429})
"""The server did not begin with the request (RFC 8470 §5.2, RFC 6585 §4)."""

_NOT_TAKEN = frozenset({408, 503})
"""The same if they come before the request is whole (RFC 9110 §15.5.9, §15.6.4).

Behind a whole request a 503 is also what a store gets that ran out of room half-way."""

_NOT_CONNECTED = frozenset({"connect", "tls"})
"""Phases in which nothing of a request was sent."""

_DICOM = frozenset({"application/dicom+json", "application/dicom+xml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a request is repeated, and when; a frozen value.

    Repeated are searches and retrievals that got no response, or one of
    :data:`RETRIED_STATUSES`, before anything of it was handed out. A store or deletion is
    repeated only if the server surely did nothing: no connection was made, the answer was 425 or
    429, or it was 408 or 503 and came before the request was whole. A lost connection does not
    say what the server had done. Expired deadlines are not repeated, but for that of connecting.

    The wait doubles from attempt to attempt and is drawn by chance between nothing and the whole
    ("full jitter"), so that many clients don't come back at the same moment; a server's
    ``Retry-After`` is honoured as the least wait. ``Timeout.total`` bounds all attempts together.

    A retrieval whose body breaks off goes on with what is missing; attempts then count from the
    last thing that came. They begin anew, too, where a refused request is made in a simpler form.

    Attributes:
        attempts: Attempts in all; 1 is none repeated.
        budget: Seconds that a call may spend waiting between attempts, in all, however many
            requests it takes. The attempts' own time does not count: they have their ``Timeout``,
            and a large store takes long.
        first: The longest first wait, in seconds.
        longest: The longest wait, in seconds; a longer ``Retry-After`` ends the attempts.
        stores: Whether a store is repeated in all cases in which a search is, a cut answer
            included. The server may then get instances twice: ``StoreReport.repeated`` says which.
    """

    attempts: int = 3
    budget: float = 60.0
    first: float = 0.5
    longest: float = 30.0
    stores: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not is_whole_number(self.attempts) or self.attempts < 1:
            raise ConfigurationError("Retry.attempts must be a whole number, and at least 1")
        for name in ("budget", "first", "longest"):
            if not is_number(getattr(self, name)):
                raise ConfigurationError(f"Retry.{name} must be a number of seconds")
        if min(self.budget, self.first, self.longest) < 0:
            raise ConfigurationError("the seconds of a Retry can't be negative")
        if self.stores not in (True, False):
            raise ConfigurationError("Retry.stores must be True or False")

    def wait(
        self, attempt: int, *, waited: float, chance: float, retry_after: float | None
    ) -> float | None:
        """Seconds to wait before the next attempt; ``None`` to give up.

        Args:
            attempt: Number of the attempt that failed, from 1.
            waited: Seconds waited so far.
            chance: A random number from 0 to 1.
            retry_after: Seconds that the server asked for.
        """
        if attempt >= self.attempts:
            return None
        # Beyond 2 ** 64 any first wait is longer than the longest, and floats end at 2 ** 1024.
        seconds = chance * min(self.longest, self.first * 2.0 ** min(attempt - 1, 64))
        if retry_after is not None:
            seconds = max(seconds, retry_after)
        if seconds > self.longest or waited + seconds > self.budget:
            return None
        return seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a request, and what came of it.

    Attributes:
        request: What was sent last: a redirect may have led elsewhere.
        outcome: The response's head, or what failed.
        sent: Octets of the request that were handed to the operating system.
        begun: Whether octets of its body may be among them: with ``Expect`` it is held back.
    """

    request: Request
    outcome: Response | TransportError
    sent: int
    begun: bool = True

    @property
    def connected(self) -> bool:
        """Whether there was a connection on which the request could be sent."""
        outcome = self.outcome
        if isinstance(outcome, Response):
            return True
        failed = isinstance(outcome, ConnectFailed | ProxyError | TokenEndpointBusy)
        return not (failed or outcome.phase in _NOT_CONNECTED)

    @property
    def reached(self) -> int:
        """Octets of the request that the server has got at most: a block may be on its way.

        None if the body was not begun.
        """
        return self.sent + BLOCK if self.connected and self.begun else 0

    @property
    def passing(self) -> bool:
        """Whether another attempt may end better."""
        outcome = self.outcome
        if isinstance(outcome, Response):
            return outcome.status in RETRIED_STATUSES
        if isinstance(outcome, ProxyError | TokenEndpointBusy):
            return outcome.status in RETRIED_STATUSES
        if isinstance(outcome, DeadlineExceeded):
            return not self.connected
        return isinstance(outcome, ConnectFailed | ConnectionLost)

    @property
    def unprocessed(self) -> bool:
        """Whether it is sure that the server did nothing of what it was asked to do."""
        if not isinstance(self.outcome, Response):
            return not self.connected
        length = body_length(self.request.body)
        early = self.sent < length or (length > 0 and not self.begun)
        status = self.outcome.status
        return status in _NOT_BEGUN or (early and status in _NOT_TAKEN)

    def retry_after(self, now: float) -> float | None:
        """Seconds that the server asks to wait; ``None`` if it doesn't, or can't be understood.

        Args:
            now: Unix time.
        """
        if isinstance(self.outcome, TokenEndpointBusy):
            return self.outcome.retry_after
        if not isinstance(self.outcome, Response):
            return None
        value = self.outcome.headers.get("Retry-After")
        return None if value is None else parse_retry_after(value, now)


def resend(attempt: Attempt) -> Request | None:
    """The request to send at once, on a new connection, in place of this one; ``None`` if none is.

    It is no attempt of :class:`Retry`, and waits for nothing. There are two reasons:

    - The connection was kept, and ended without an octet of an answer: servers close idle ones
      when they like. What is safe goes out again as it was; what has an effect does not, since
      nobody knows whether the server saw it (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
    - 417: the server can't meet ``Expect``. Whatever it is goes out again without (§10.1.1).

    Each happens once: a new connection is not a kept one, and ``Expect`` is gone.
    """
    request, outcome = attempt.request, attempt.outcome
    if isinstance(outcome, Response):
        if outcome.status == 417 and "Expect" in request.headers:
            return replace(request, headers=request.headers.without("Expect"))
        return None
    stale = isinstance(outcome, ConnectionLost) and outcome.stale
    return request if stale and request.method in _SAFE else None


def may_repeat(method: str, attempt: Attempt, *, stores: bool = False) -> bool:
    """Whether a request may be sent again after this attempt at it.

    Args:
        method: The request's method.
        attempt: What came of it.
        stores: Whether a store may reach the server twice: ``Retry.stores``.
    """
    if not attempt.passing:
        return False
    if method in _SAFE:
        return True
    if attempt.request.method != method:
        return False  # a 303 said that it is done, and where the answer is (RFC 9110 §15.4.4)
    if _speaks_dicom(attempt.outcome):
        return False  # who names instances has looked at them
    return attempt.unprocessed or (stores and method == "POST")


def _speaks_dicom(outcome: Response | TransportError) -> bool:
    media_type = outcome.media_type if isinstance(outcome, Response) else None
    return media_type is not None and media_type.essence in _DICOM
