"""Which address of a host to try when: decisions without I/O (RFC 8305).

An address that answers nothing must not use up the time of the others: they are tried a quarter of
a second apart, and at once when one fails, while those before them go on.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import zip_longest
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["ATTEMPT_DELAY", "Attempts", "interleave"]

A = TypeVar("A")

ATTEMPT_DELAY = 0.25
"""Seconds between the beginnings of two attempts: what RFC 8305 §5 recommends."""


def interleave(addresses: Iterable[A], family: Callable[[A], Hashable]) -> list[A]:
    """Order addresses so that the families take turns (RFC 8305 §4).

    Args:
        addresses: In the order of preference, which is kept within a family.
        family: The family of an address; that of the first address begins.
    """
    families: dict[Hashable, list[A]] = {}
    for address in addresses:
        families.setdefault(family(address), []).append(address)
    turns = zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]


class Attempts(Generic[A]):
    """The attempts to reach one host.

    Args:
        addresses: In the order in which they are to be tried.
    """

    def __init__(self, addresses: Iterable[A]) -> None:
        self._left = deque(addresses)
        self._running = 0
        self._due = -math.inf

    @property
    def over(self) -> bool:
        """Whether every attempt failed."""
        return not (self._left or self._running)

    def begin(self, now: float) -> A | None:
        """The address to try now, if it is time for another."""
        if not self._left or now < self._due:
            return None
        self._due = now + ATTEMPT_DELAY
        self._running += 1
        return self._left.popleft()

    def pause(self, now: float) -> float:
        """Seconds until it is time for another; infinite if there is none."""
        return max(0.0, self._due - now) if self._left else math.inf

    def fail(self) -> None:
        """Say that an attempt failed: it is time for the next."""
        self._running -= 1
        self._due = -math.inf
