"""How far the peer of a server is behind with what it is to do.

A bound on silence alone would let a peer hold a connection for ever by an octet now and then. So
an octet of a body does not end the silence before it: it makes up for a small piece of it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio

from .deadline import Deadlines

if TYPE_CHECKING:
    from collections.abc import Generator

    from .deadline import Phase, ServerTimeout

__all__ = ["Pace", "ServerDeadlines"]


class Pace:
    """The seconds by which a peer is behind. Is told the time, and has no clock.

    They grow while octets are waited for, and each octet takes 1/rate of a second off them.

    Args:
        rate: Octets that make up for a second; ``None`` if one makes up for all.
    """

    __slots__ = ("_behind", "_rate", "_since")

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._behind = 0.0
        self._since: float | None = None

    def wait(self, now: float) -> None:
        """The peer is waited for from now on."""
        self._since = now

    def rest(self, now: float) -> None:
        """It is not any more: it has done something, or the server has work of its own."""
        self._behind, self._since = self.behind(now), None

    def arrived(self, octets: int) -> None:
        """Octets have come. None can be saved up for later silence."""
        made_up = octets / self._rate if self._rate is not None else self._behind * min(octets, 1)
        self._behind = max(0.0, self._behind - made_up)

    def behind(self, now: float) -> float:
        """Seconds."""
        return self._behind + (0.0 if self._since is None else now - self._since)


class ServerDeadlines(Deadlines):
    """The deadlines of a connection that is served, and how far its peer is behind.

    Args:
        timeout: Seconds for each phase, and the rate of bodies.
        peer: The client's address, for errors.
    """

    __slots__ = ("_body", "_rate", "_waiting")

    def __init__(self, timeout: ServerTimeout, peer: str) -> None:
        super().__init__(timeout, peer)
        self._rate = timeout.rate
        self._body = Pace(timeout.rate)
        self._waiting: Pace | None = None

    def begin_body(self) -> None:
        """The body of another request begins: who was slow with the last one has made up for it."""
        self._body = Pace(self._rate)

    def arrived(self, octets: int) -> None:
        """Octets of the body have come."""
        self._body.arrived(octets)

    def behind(self, now: float) -> float:
        """Seconds by which the peer is behind with what it is waited for; 0 if it is not.

        Args:
            now: The time, on the event loop's clock.
        """
        return 0.0 if self._waiting is None else self._waiting.behind(now)

    @contextmanager
    def phase(self, phase: Phase) -> Generator[anyio.CancelScope]:
        """As of any call; but ``read`` goes on where it ended, less what octets have made up for.

        Raises:
            DeadlineExceeded: Time is up.
        """
        pace = self._body if phase == "read" else Pace(None)
        with super().phase(phase) as scope:
            scope.deadline -= pace.behind(anyio.current_time())
            with self.waiting(pace):
                yield scope

    @contextmanager
    def waiting(self, pace: Pace | None = None) -> Generator[None]:
        """Within, nothing happens before the peer does something.

        Args:
            pace: How far it is behind already; else it is not.
        """
        self._waiting = pace or Pace(None)
        self._waiting.wait(anyio.current_time())
        try:
            yield
        finally:
            self._waiting.rest(anyio.current_time())
            self._waiting = None
