"""Credentials that are fetched, kept until shortly before they expire, and then fetched again."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .flow import Alone, authorized

if TYPE_CHECKING:
    from ...http import Headers, Request
    from .flow import Flow, Subflow

__all__ = ["Grant", "Pause", "RenewedAuth", "time_to_renew"]

_MARGIN = 60.0
"""Seconds before its end at which a grant is renewed: clocks differ, and requests wait for a
connection and travel."""

_PAUSE = 1.0
"""Seconds for which who is busy, and doesn't say for how long, is left alone."""

_LONGEST_PAUSE = 3600.0
"""The most: a wrong clock on one of the sides must not end all requests for good."""

_EARLY = 0.1
"""Seconds before the end of a pause that count as behind it: sleeps and clocks are not exact."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What was fetched.

    Attributes:
        fields: The header fields that authenticate a request.
        renew_at: Unix time from which on it isn't used any more.
    """

    fields: Headers
    renew_at: float = math.inf


def time_to_renew(expires_at: float | None, now: float) -> float:
    """When to renew what expires then: a minute before, or half-way if that comes later.

    Args:
        expires_at: Unix time; ``None`` if it isn't known to end.
        now: Unix time at which it was asked for.
    """
    if expires_at is None:
        return math.inf
    return expires_at - min(_MARGIN, (expires_at - now) / 2)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which who gives credentials, and was busy, is not asked again.

    Attributes:
        since: Unix time at which it begins.
        until: Unix time at which it ends.
    """

    since: float
    until: float

    @classmethod
    def asked_for(cls, seconds: float | None, now: float) -> Pause:
        """As long as it asked for, within bounds; a second where it didn't say.

        Args:
            seconds: From now on; 0 makes no pause at all.
            now: Unix time.
        """
        return cls(now, now + min(_PAUSE if seconds is None else seconds, _LONGEST_PAUSE))

    def left(self, now: float) -> float:
        """Seconds to its end; 0 behind it, and if the clock was set to a time before it."""
        left = self.until - now
        return left if now >= self.since and left > _EARLY else 0.0


class RenewedAuth(ABC):
    """The part that all kinds of such credentials have in common."""

    __slots__ = ("_grant",)

    def __init__(self) -> None:
        self._grant: Grant | None = None

    def flow(self, request: Request, *, now: float) -> Flow:
        """Add what is kept, renewed before its end, and once if the server doesn't accept it."""
        grant = self._grant
        if grant is None or now >= grant.renew_at:
            grant = yield Alone(partial(self._renewed, grant, None))
        response = yield authorized(request, grant.fields)
        if response.status == 401 and len(grant.fields):
            grant = yield Alone(partial(self._renewed, self._grant, grant))
            yield authorized(request, grant.fields)

    def _renewed(self, kept: Grant | None, refused: Grant | None, now: float) -> Subflow[Grant]:
        """A grant that is good now: another one's, who was faster, or a new one.

        Args:
            kept: What there was before the wait. Another one came during it, and is good however
                soon it ends by its own word: else each who waited would fetch one.
            refused: What the server didn't accept.
            now: Unix time.
        """
        grant = self._grant
        if grant is None or grant is refused or (grant is kept and now >= grant.renew_at):
            self._grant = grant = yield from self._obtain(refused, now)
        return grant

    @abstractmethod
    def _obtain(self, refused: Grant | None, now: float) -> Subflow[Grant]:
        """Fetch a new one.

        Args:
            refused: The one that the server didn't accept, if that is why.
            now: Unix time.
        """
