"""Memory that all answers of a process share: octets are counted before they are there.

A few KB of a request may ask for hundreds of MiB. What is made for one client is small beside that
which many ask for at the same time, so that it is the sum which is bounded.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType
    from typing import Self

__all__ = [
    "SENDING_LARGE",
    "SENDING_SMALL",
    "WORKING",
    "Budget",
    "Claim",
    "Claimed",
    "OverloadedError",
    "sending",
]


class OverloadedError(Exception):
    """There is no room, and there was none for some time."""


class Budget:
    """Octets that may be there at one time.

    Who asks first is served first. What is larger than all of it passes alone.

    Args:
        octets: How many.
        patience: Seconds to wait for room; ``None`` for as long as it takes.
        most_waiting: Threads that may wait; ``None`` for any number.
    """

    def __init__(
        self, octets: int, *, patience: float | None = None, most_waiting: int | None = None
    ) -> None:
        self.octets: Final = octets
        self._patience = patience
        self._most_waiting = most_waiting
        self._taken = 0
        self._waiting: deque[object] = deque()
        # Reentrant: a claim may end wherever the interpreter collects what nobody has.
        self._changed = threading.Condition(threading.RLock())

    @property
    def taken(self) -> int:
        """Octets that are claimed."""
        return self._taken

    def claim(self, octets: int) -> Claim:
        """Take room, as soon as there is some. Blocks.

        Raises:
            OverloadedError: There was none in time, or too many wait for it.
        """
        counted = min(octets, self.octets)
        turn = object()
        until = None if self._patience is None else time.monotonic() + self._patience
        with self._changed:
            if self._waiting or self._taken + counted > self.octets:
                self._wait(turn, counted, until)
            self._taken += counted
        return Claim(self, counted)

    @contextmanager
    def claim_for(self, octets: int) -> Generator[Claim]:
        """Take room for what is made within, and give it back if that fails. Blocks.

        Raises:
            OverloadedError: As from :meth:`claim`.
        """
        claim = self.claim(octets)
        try:
            yield claim
        except BaseException:
            claim.release()
            raise

    def _wait(self, turn: object, counted: int, until: float | None) -> None:
        if self._most_waiting is not None and len(self._waiting) >= self._most_waiting:
            raise OverloadedError
        self._waiting.append(turn)
        try:
            while self._waiting[0] is not turn or self._taken + counted > self.octets:
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise OverloadedError
                self._changed.wait(left)
        finally:
            self._waiting.remove(turn)
            self._changed.notify_all()

    def give_back(self, octets: int) -> None:
        """Make room again; for claims."""
        with self._changed:
            self._taken -= octets
            self._changed.notify_all()


class Claim:
    """Room in a budget: until it is released, or nobody has it any more. A context manager."""

    __slots__ = ("_budget", "_octets")

    def __init__(self, budget: Budget, octets: int) -> None:
        self._budget = budget
        self._octets = octets

    def __enter__(self) -> Self:
        """It is taken already."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release it."""
        self.release()

    def __del__(self) -> None:
        """Release it: a client that goes away ends an answer anywhere."""
        self.release()

    def release(self) -> None:
        """Give the room back. May be repeated."""
        octets, self._octets = self._octets, 0
        if octets:
            self._budget.give_back(octets)


class Claimed(bytes):
    """Octets for which room is taken as long as anybody has them.

    Attributes:
        claim: The room.
    """

    claim: Claim

    @classmethod
    def of(cls, octets: bytes | bytearray | memoryview, claim: Claim) -> Claimed:
        """Octets, copied."""
        made = cls(octets)
        made.claim = claim
        return made

    @staticmethod
    def cut(octets: bytes, first: int, end: int) -> bytes:
        """A piece of octets, which keeps the room of them if they have some."""
        piece = memoryview(octets)[first:end]
        return Claimed.of(piece, octets.claim) if isinstance(octets, Claimed) else bytes(piece)


_SMALL: Final = 4 << 20
SENDING_SMALL: Final = Budget(64 << 20, patience=30.0, most_waiting=12)
"""Frames of at most 4 MiB that were decompressed and are not sent yet. How long that takes is the
clients' choice: who waits has a thread, of which there are forty, and others need them too."""

SENDING_LARGE: Final = Budget(192 << 20, patience=30.0, most_waiting=12)
"""Larger ones: a few clients that do not read must not keep the others from slices and tiles."""

WORKING: Final = Budget(512 << 20)
"""What is needed while something is made. That always ends, and nobody waits for a client
meanwhile."""


def sending(octets: int) -> Budget:
    """The budget of a frame of so many octets."""
    return SENDING_SMALL if octets <= _SMALL else SENDING_LARGE
