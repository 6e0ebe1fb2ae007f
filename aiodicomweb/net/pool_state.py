"""Which connection serves which request: decisions without I/O.

Connections are kept by origin. A request takes the idle connection that was used last, or a new
one while there are fewer than the limit, or waits its turn. When a connection or its place
becomes free, the first who waits gets it. What nobody took for a while is closed before the next
request: a gateway may have forgotten it without a word. Of all origins together a few are kept
idle: bulk data may be at many. All of that is decided in synchronous steps; the pool carries them
out.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..http import Headers, Origin

__all__ = [
    "IDLE_CONNECTIONS",
    "IDLE_SECONDS",
    "OPEN",
    "Open",
    "PoolState",
    "Waiter",
    "idle_seconds",
]

C = TypeVar("C")

IDLE_SECONDS = 50.0
"""How long a connection is kept idle: less than gateways do (60 seconds at AWS, 75 of nginx)."""

IDLE_CONNECTIONS = 32
"""How many connections are kept idle, to all origins together."""

_KEEP_ALIVE = re.compile(r"timeout\s*=\s*\"?([0-9]{1,9})\"?", re.ASCII)


def idle_seconds(headers: Headers) -> float:
    """How long a connection may be kept idle after a response.

    ``Keep-Alive: timeout=`` says when the server closes it (RFC 2068 §19.7.1.1). We give it up a
    second before that, or at half of that time: a request could cross with the end otherwise.
    """
    for parameter in headers.tokens("Keep-Alive"):
        if match := _KEEP_ALIVE.fullmatch(parameter):
            seconds = float(match[1])
            return min(IDLE_SECONDS, max(seconds - 1, seconds / 2))
    return IDLE_SECONDS


class Open:
    """The decision to open a new connection."""

    __slots__ = ()


OPEN = Open()


class Waiter(Generic[C]):
    """A request that waits for a connection.

    Attributes:
        granted: What it got: a connection, or ``OPEN`` for the place of one; ``None`` meanwhile.
    """

    __slots__ = ("granted",)

    def __init__(self) -> None:
        self.granted: C | Open | None = None


class _Places(Generic[C]):
    """The places of one origin."""

    __slots__ = ("busy", "idle", "waiting")

    def __init__(self) -> None:
        self.idle: list[tuple[int, C]] = []  # by the order in which they became it
        self.busy = 0
        self.waiting: deque[Waiter[C]] = deque()

    @property
    def unused(self) -> bool:
        return not (self.idle or self.busy or self.waiting)


class PoolState(Generic[C]):
    """The decisions of one pool.

    Args:
        limit: Connections to one origin, busy and idle together.
        idle: Idle connections to all origins together, where ``limit`` is not more.
    """

    def __init__(self, limit: int, *, idle: int = IDLE_CONNECTIONS) -> None:
        self._limit = limit
        self._most_idle = max(limit, idle)
        self._origins: dict[Origin, _Places[C]] = {}
        self._numbers = count()

    def request(self, origin: Origin) -> C | Open | Waiter[C]:
        """A place for a request: an idle connection, ``OPEN``, or a waiter to be granted one."""
        places = self._origins.setdefault(origin, _Places())
        if places.idle:
            places.busy += 1
            return places.idle.pop()[1]
        if places.busy < self._limit:
            places.busy += 1
            return OPEN
        waiter: Waiter[C] = Waiter()
        places.waiting.append(waiter)
        return waiter

    def release(self, origin: Origin, connection: C | None) -> Waiter[C] | None:
        """Give a place back, with its connection if that may be used again.

        Returns:
            Who waited and now has the place; the pool wakes them.
        """
        places = self._origins[origin]
        if places.waiting:
            waiter = places.waiting.popleft()
            waiter.granted = OPEN if connection is None else connection
            return waiter
        places.busy -= 1
        if connection is not None:
            places.idle.append((next(self._numbers), connection))
        self._forget(origin)
        return None

    def withdraw(self, origin: Origin, waiter: Waiter[C]) -> Waiter[C] | None:
        """A waiter gives up; what it was granted at the last moment goes to the next.

        Returns:
            Who has the place now, if anybody got it.
        """
        if waiter.granted is None:
            self._origins[origin].waiting.remove(waiter)
            self._forget(origin)
            return None
        granted = waiter.granted
        return self.release(origin, None if isinstance(granted, Open) else granted)

    def take_idle(self, chosen: Callable[[C], bool]) -> list[C]:
        """Remove the idle connections that are chosen, to close them."""
        taken: list[C] = []
        for origin, places in list(self._origins.items()):
            idle, places.idle = places.idle, []
            for number, connection in idle:
                if chosen(connection):
                    taken.append(connection)
                else:
                    places.idle.append((number, connection))
            self._forget(origin)
        return taken

    def take_surplus(self) -> list[C]:
        """Remove the idle connections that are too many, to close them: the oldest first."""
        surplus = sum(len(places.idle) for places in self._origins.values()) - self._most_idle
        taken: list[C] = []
        for _ in range(surplus):
            holders = [origin for origin, places in self._origins.items() if places.idle]
            origin = min(holders, key=lambda origin: self._origins[origin].idle[0][0])
            taken.append(self._origins[origin].idle.pop(0)[1])
            self._forget(origin)
        return taken

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Idle, busy and waiting, by origin."""
        return {
            str(origin): (len(places.idle), places.busy, len(places.waiting))
            for origin, places in self._origins.items()
        }

    def _forget(self, origin: Origin) -> None:
        if self._origins[origin].unused:
            del self._origins[origin]
