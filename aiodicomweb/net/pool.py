"""Connections that are kept for the next request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ..errors import ConfigurationError, DeadlineExceeded, PoolExhausted
from .connection import Connection
from .dial import dial
from .pool_state import Open, PoolState, Waiter

if TYPE_CHECKING:
    from ssl import SSLContext

    from ..http import Origin
    from ..wire import Limits
    from .deadline import Deadlines

__all__ = ["Pool"]


class Pool:
    """Carries out the decisions of a :class:`~aiodicomweb.net.pool_state.PoolState`.

    Args:
        tls: For ``https`` origins; ``None`` is the default context, made when first needed.
        limits: Bounds; ``connections`` is by origin.
    """

    def __init__(self, tls: SSLContext | None, limits: Limits) -> None:
        self._tls = tls
        self._limits = limits
        self._state: PoolState[Connection] = PoolState(limits.connections)
        self._wake: dict[int, anyio.Event] = {}
        self._busy: set[Connection] = set()
        self._closed = False

    async def acquire(self, origin: Origin, deadlines: Deadlines) -> Connection:
        """A connection for one exchange; give it back with :meth:`release`.

        Raises:
            PoolExhausted: None became free in time.
            ConnectFailed: No connection can be made.
            TlsError: The server can't be trusted, or speaks no TLS.
            DeadlineExceeded: Connecting took too long.
        """
        self._check_open()
        decision = self._state.request(origin)
        if isinstance(decision, Waiter):
            place = await self._wait(origin, decision, deadlines)
        else:
            place = decision
        if isinstance(place, Connection):
            if not place.is_stale():
                self._busy.add(place)
                return place
            place.abort()
        return await self._open(origin, deadlines)

    def release(self, connection: Connection, *, reusable: bool) -> None:
        """Give a connection back; one that can't be used again is closed."""
        self._busy.discard(connection)
        if not reusable or self._closed:
            connection.abort()
        keep = reusable and not self._closed
        self._grant(self._state.release(connection.origin, connection if keep else None))

    async def aclose(self) -> None:
        """Close all connections; streams that are open break off."""
        self._closed = True
        for connection in list(self._busy):
            connection.abort()
        for connection in self._state.take_idle():
            await connection.aclose()

    def __repr__(self) -> str:
        """Counts, by origin."""
        counts = ", ".join(
            f"{origin}: {idle} idle, {busy} busy, {waiting} waiting"
            for origin, (idle, busy, waiting) in self._state.counts().items()
        )
        return f"<Pool {counts or 'empty'}>"

    async def _wait(
        self, origin: Origin, waiter: Waiter[Connection], deadlines: Deadlines
    ) -> Connection | Open:
        event = self._wake[id(waiter)] = anyio.Event()
        try:
            with deadlines.phase("pool"):
                await event.wait()
        except DeadlineExceeded as error:
            self._grant(self._state.withdraw(origin, waiter))
            raise PoolExhausted(
                f"all {self._limits.connections} connections are busy",
                phase="pool",
                origin=str(origin),
            ) from error
        except BaseException:
            self._grant(self._state.withdraw(origin, waiter))
            raise
        finally:
            del self._wake[id(waiter)]
        assert waiter.granted is not None  # noqa: S101 - who is woken was granted something
        return waiter.granted

    def _grant(self, waiter: Waiter[Connection] | None) -> None:
        if waiter is not None:
            self._wake[id(waiter)].set()

    async def _open(self, origin: Origin, deadlines: Deadlines) -> Connection:
        """Connect on the place that was granted; a failure gives it back."""
        try:
            self._check_open()
            with deadlines.phase("connect"):
                stream = await dial(origin, self._tls_context(origin))
        except BaseException:
            self._grant(self._state.release(origin, None))
            raise
        connection = Connection(stream, origin, self._limits)
        self._busy.add(connection)
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("the client is closed")

    def _tls_context(self, origin: Origin) -> SSLContext | None:
        if self._tls is None and origin.scheme == "https":
            from .tls import default_context

            self._tls = default_context()
        return self._tls
