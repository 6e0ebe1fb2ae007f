"""When a request is repeated, and how long to wait before: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigurationError

__all__ = ["RETRIED_STATUSES", "Retry"]

RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that pass: the server, or a gateway before it, was busy or fell over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often and for how long a request without effect is repeated; a frozen value.

    Repeated are searches and retrievals that got no response, or one of
    :data:`RETRIED_STATUSES`, before anything of it was handed out. A store or deletion is never
    repeated. The wait doubles from attempt to attempt and is drawn by chance, so that many clients
    don't come back at the same moment; a server's ``Retry-After`` is honoured as the least wait.

    Attributes:
        attempts: Attempts in all; 1 is none repeated.
        budget: Seconds that may be spent waiting, in all.
        first: The longest first wait, in seconds.
        longest: The longest wait, in seconds; a longer ``Retry-After`` ends the attempts.
    """

    attempts: int = 3
    budget: float = 60.0
    first: float = 0.5
    longest: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.attempts < 1:
            raise ConfigurationError("Retry.attempts must be at least 1")
        if min(self.budget, self.first, self.longest) < 0:
            raise ConfigurationError("the seconds of a Retry can't be negative")

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
        seconds = chance * min(self.longest, self.first * 2.0 ** (attempt - 1))
        if retry_after is not None:
            seconds = max(seconds, retry_after)
        if seconds > self.longest or waited + seconds > self.budget:
            return None
        return seconds
