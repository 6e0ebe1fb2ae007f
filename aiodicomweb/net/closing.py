"""The end of a client, which breaks off what its calls wait for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio

from ..errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Closing"]


class Closing:
    """Whether a client is closed, and who waits meanwhile.

    Attributes:
        closed: Whether it is.
    """

    __slots__ = ("_waiting", "closed")

    closed: bool

    def __init__(self) -> None:
        self.closed = False
        self._waiting: set[anyio.CancelScope] = set()

    def close(self) -> None:
        """Close: nobody waits any longer."""
        self.closed = True
        for scope in self._waiting:
            scope.cancel()

    @contextmanager
    def breaking_off(self, origin: str) -> Generator[None]:
        """Break off what is awaited inside as soon as the client is closed.

        Args:
            origin: The peer, for the error.

        Raises:
            ConnectionLost: It was.
        """
        with anyio.CancelScope() as scope:
            if self.closed:
                scope.cancel()
            self._waiting.add(scope)
            try:
                yield
            finally:
                self._waiting.discard(scope)
        if scope.cancelled_caught:
            raise self.error(origin)

    def error(self, origin: str) -> ConnectionLost:
        """What a call raises that was begun before the client was closed."""
        return ConnectionLost("the client was closed meanwhile", origin=origin)
