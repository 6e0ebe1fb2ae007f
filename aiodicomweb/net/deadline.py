"""Deadlines by phase, and one for the whole, of one call."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import anyio

from ..errors import ConfigurationError, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Deadlines", "Phase", "Timeout"]

Phase = Literal["connect", "pool", "head", "read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long each phase of a call may take, in seconds; ``None`` is for ever. A frozen value.

    ``read`` and ``write`` bound the silence between octets, never a whole transfer: a study of
    100 GiB that keeps flowing is in time.

    Attributes:
        connect: Name resolution, TCP and TLS together.
        pool: Waiting for a free connection.
        head: From the request's end to the response's head. Archives fetch studies from slow
            storage before they answer, so that this is minutes.
        read: Between two arrivals of octets of a response's body.
        write: Between two moments in which the peer takes octets of a request. Looked at every
            256 KiB.
        total: For the whole call, from its start to its last octet; off unless given.
    """

    connect: float | None = 10.0
    pool: float | None = 60.0
    head: float | None = 300.0
    read: float | None = 60.0
    write: float | None = 60.0
    total: float | None = None

    def __post_init__(self) -> None:
        """Refuse what could never succeed."""
        for field in fields(self):
            seconds = getattr(self, field.name)
            if seconds is not None and seconds <= 0:
                raise ConfigurationError(f"Timeout.{field.name} must be more than 0 seconds")


class Deadlines:
    """The deadlines of one call that has begun.

    Args:
        timeout: Seconds for each phase.
        origin: The peer, for errors.
    """

    __slots__ = ("_end", "_origin", "_timeout")

    def __init__(self, timeout: Timeout, origin: str) -> None:
        self._timeout = timeout
        self._origin = origin
        self._end = None if timeout.total is None else time.monotonic() + timeout.total

    @property
    def left(self) -> float:
        """Seconds left of the total; infinite without one."""
        return math.inf if self._end is None else max(0.0, self._end - time.monotonic())

    @contextmanager
    def phase(self, phase: Phase) -> Generator[None]:
        """Bound what is awaited inside by the phase's seconds and what is left of the total.

        Raises:
            DeadlineExceeded: Time is up.
        """
        seconds: float | None = getattr(self._timeout, phase)
        name: str = phase
        if self.left < (math.inf if seconds is None else seconds):
            seconds, name = self.left, "total"
        with anyio.move_on_after(seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise DeadlineExceeded(
                f"Timeout.{name} of {getattr(self._timeout, name)} s is over",
                phase=phase,
                origin=self._origin,
            )
