"""Deadlines by phase, and one for the whole, of one call."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import anyio

from .._util import is_number
from ..errors import ConfigurationError, DeadlineExceeded
from .closing import Closing

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager
    from types import TracebackType

__all__ = ["Deadlines", "Phase", "ServerTimeout", "Timeout"]

_NEVER = Closing()
"""Of who has nothing that could be closed."""

Phase = Literal["connect", "pool", "head", "read", "write", "idle", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long each phase of a call may take, in seconds; ``None`` is for ever. A frozen value.

    ``read`` and ``write`` bound the silence between octets, never a whole transfer: a study of
    100 GiB that keeps flowing is in time.

    Attributes:
        connect: Name resolution and TCP together; through a proxy once more, for the tunnel.
        tls: The handshake of TLS.
        pool: Waiting for a free connection.
        head: From the request's end to the response's head. Archives fetch studies from slow
            storage before they answer, so that this is minutes.
        read: Between two arrivals of octets of a response's body.
        write: Between two moments in which the peer takes octets of a request. Looked at every
            256 KiB.
        total: For the whole call, from its start to its last octet, with what comes before the
            first: credentials, and the look at files to be stored. Off unless given.
    """

    connect: float | None = 10.0
    tls: float | None = 10.0
    pool: float | None = 60.0
    head: float | None = 300.0
    read: float | None = 60.0
    write: float | None = 60.0
    total: float | None = None

    def __post_init__(self) -> None:
        """Refuse what could never succeed."""
        _check_values(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTimeout:
    """How long a server waits for its peer, in seconds; ``None`` is for ever. A frozen value.

    ``read`` and ``write`` bound silence and trickling, never a whole transfer.

    Attributes:
        tls: The handshake.
        idle: For a request to begin, on a new connection or behind an exchange.
        head: From the first octet of a request's head to its last.
        read: For octets of a request's body, all waits together, less what ``rate`` makes up for.
        write: For the peer to take 256 KiB of a response, or what there is of it: 4 KiB a second.
        rate: Octets of a request's body that make up for a second of ``read``; ``None`` if a single
            one makes up for all. So who sends less a second is refused, sooner or later, and who
            sends more may pause. A line of 100 kB/s that the 20 connections of a client share has
            5 kB/s for each, five times what is needed; who wants to hold 512 connections needs
            4 Mbit/s for it, and not 4 kbit/s.
    """

    tls: float | None = 10.0
    idle: float | None = 75.0
    head: float | None = 30.0
    read: float | None = 60.0
    write: float | None = 60.0
    rate: float | None = 1024.0

    def __post_init__(self) -> None:
        """Refuse what could never succeed."""
        _check_values(self)


def _check_values(timeout: Timeout | ServerTimeout) -> None:
    for field in fields(timeout):
        value = getattr(timeout, field.name)
        if value is None:
            continue
        name = f"{type(timeout).__name__}.{field.name}"
        unit = "octets a second" if field.name == "rate" else "seconds"
        if not is_number(value):
            raise ConfigurationError(f"{name} must be a number of {unit}, or None: {value!r}")
        if value <= 0:
            raise ConfigurationError(f"{name} must be more than 0 {unit}")


class Deadlines:
    """The deadlines of one call that has begun, or of a connection that is served.

    Args:
        timeout: Seconds for each phase.
        origin: The peer, for errors.
        call: Number of the call, by which it is told from others.
        closing: Of the client; its end is that of every pause.

    Attributes:
        call: See above.
        failures: Attempts of the call that failed since something new came.
        waited: Seconds that the call has waited between attempts.
    """

    __slots__ = ("_closing", "_end", "_origin", "_timeout", "_whole", "call", "failures", "waited")

    call: int
    failures: int
    waited: float

    def __init__(
        self,
        timeout: Timeout | ServerTimeout,
        origin: str,
        call: int = 0,
        closing: Closing = _NEVER,
    ) -> None:
        self.call = call
        self.failures = 0
        self.waited = 0.0
        self._whole: anyio.CancelScope | None = None
        self._closing = closing
        self._timeout = timeout
        self._origin = origin
        total = timeout.total if isinstance(timeout, Timeout) else None
        self._end = None if total is None else time.monotonic() + total

    @property
    def left(self) -> float:
        """Seconds left of the total; infinite without one."""
        return math.inf if self._end is None else max(0.0, self._end - time.monotonic())

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts, which counts.

        Raises:
            ConnectionLost: The client was closed meanwhile.
        """
        self.waited += seconds
        with self._closing.breaking_off(self._origin):
            await anyio.sleep(seconds)

    def whole(self) -> AbstractContextManager[None]:
        """Bound what is awaited inside by what is left of the total, in a phase or in none.

        A phase inside says itself that time is up.

        Raises:
            DeadlineExceeded: It is, and no phase was under way.
        """
        unbound = self._end is None or self._whole is not None
        return nullcontext() if unbound else self._in_total()

    @contextmanager
    def _in_total(self) -> Generator[None]:
        with anyio.move_on_after(self.left) as scope:
            self._whole = scope
            try:
                yield
            finally:
                self._whole = None
        if scope.cancelled_caught:
            raise self.exceeded("total", "total")

    def phase(self, phase: Phase) -> AbstractContextManager[anyio.CancelScope]:
        """Bound what is awaited inside by the phase's seconds and what is left of the total.

        Who cancels the scope that this gives says that time is up now.

        Raises:
            DeadlineExceeded: Time is up.
        """
        seconds: float | None = getattr(self._timeout, phase)
        if self.left < (math.inf if seconds is None else seconds):
            return _InPhase(self, phase, "total", self.left, self._whole)
        return _InPhase(self, phase, phase, seconds, self._whole)

    def exceeded(self, name: str, phase: str) -> DeadlineExceeded:
        """The error that says that time is up.

        Args:
            name: The bound: a phase, or the total.
            phase: What was under way.
        """
        return DeadlineExceeded(
            f"{type(self._timeout).__name__}.{name} of {getattr(self._timeout, name)} s is over",
            bound=name,
            phase=phase,
            origin=self._origin,
        )


class _InPhase:
    """What is under way in a phase: see :meth:`Deadlines.phase`.

    No generator, which would cost more than the scope, and every request is in two phases.

    Args:
        deadlines: Of the call.
        phase: The phase.
        name: What bounds it: the phase or the total.
        seconds: What is left of that.
        whole: The scope of the total. A phase has its deadline too and tells more.
    """

    __slots__ = ("_deadlines", "_end", "_name", "_phase", "_scope", "_seconds", "_whole")

    def __init__(
        self,
        deadlines: Deadlines,
        phase: Phase,
        name: str,
        seconds: float | None,
        whole: anyio.CancelScope | None,
    ) -> None:
        self._deadlines = deadlines
        self._phase = phase
        self._name = name
        self._seconds = seconds
        self._whole = whole

    def __enter__(self) -> anyio.CancelScope:
        if self._whole is not None:
            self._end, self._whole.deadline = self._whole.deadline, math.inf
        self._scope = anyio.move_on_after(self._seconds)
        return self._scope.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            ended = self._scope.__exit__(kind, error, traceback)
        finally:
            if self._whole is not None:
                self._whole.deadline = self._end
        if self._scope.cancelled_caught:
            raise self._deadlines.exceeded(self._name, self._phase)
        return ended
