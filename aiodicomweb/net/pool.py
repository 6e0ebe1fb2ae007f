"""Connections that are kept for the next request."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

import anyio

from ..errors import DeadlineExceeded, PoolExhausted
from .closing import Closing
from .connection import Connection
from .dial import Dialer
from .pool_state import Open, PoolState, Waiter

if TYPE_CHECKING:
    from ssl import SSLContext

    from ..http import Origin, Proxies
    from ..wire import Limits
    from .deadline import Deadlines
    from .tls_settings import Tls

__all__ = ["Pool"]

_log = logging.getLogger("aiodicomweb.net")


class Pool:
    """Carries out the decisions of a :class:`~aiodicomweb.net.pool_state.PoolState`.

    A connection through a proxy belongs to the origin behind it. A proxy that forwards requests
    would take those for others on it as well, but no two origins ever share a connection.

    Args:
        tls: For ``https``.
        limits: Bounds; ``connections`` is by origin.
        proxies: Which proxy leads to which origin.

    Attributes:
        closing: The end of the pool, and of those who wait.
    """

    closing: Closing

    def __init__(self, tls: Tls | SSLContext, limits: Limits, proxies: Proxies) -> None:
        self._dialer = Dialer(tls, limits)
        self._limits = limits
        self._proxies = proxies
        self._state: PoolState[Connection] = PoolState(limits.connections)
        self._wake: dict[int, anyio.Event] = {}
        self._busy: set[Connection] = set()
        self.closing = Closing()
        self._thread = 0
        self._abandoned: deque[Connection] = deque()

    async def acquire(
        self, origin: Origin, deadlines: Deadlines, *, fresh: bool = False
    ) -> Connection:
        """A connection for one exchange; give it back with :meth:`release`.

        Args:
            origin: The peer.
            deadlines: Of the call.
            fresh: Make a new one, in the place of an idle one.

        Raises:
            PoolExhausted: None became free in time.
            ConnectFailed: No connection can be made.
            ProxyError: The proxy does not lead to the origin.
            TlsError: The server can't be trusted, or speaks no TLS.
            DeadlineExceeded: Connecting took too long.
            ConnectionLost: The pool is closed.
        """
        self._check_open(origin)
        self._thread = threading.get_ident()
        self._collect()
        self._close_expired()
        place = self._state.request(origin)
        if isinstance(place, Waiter):
            place = await self._wait(origin, place, deadlines)
        if isinstance(place, Connection):
            if not (fresh or self.closing.closed or place.is_stale()):
                self._busy.add(place)
                return place
            self._busy.discard(place)
            _abort(place)
        return await self._open(origin, deadlines)

    def release(self, connection: Connection, *, reusable: bool) -> None:
        """Give a connection back; one that can't be used again is closed."""
        self._busy.discard(connection)
        keep = reusable and not self.closing.closed
        if keep:
            connection.expires = time.monotonic() + connection.idle_seconds
        else:
            _abort(connection)
        self._grant(self._state.release(connection.origin, connection if keep else None))
        for surplus in self._state.take_surplus():
            _abort(surplus)

    def abandon(self, connection: Connection) -> None:
        """Give a connection back that nobody will finish with; from any thread.

        The garbage collector runs wherever it likes. In another thread than the loop's all it
        may do is to leave a note, which the next request finds.
        """
        self._abandoned.append(connection)
        if threading.get_ident() == self._thread:
            self._collect()

    async def aclose(self) -> None:
        """Close all connections; streams that are open break off, and nobody waits any longer."""
        self.closing.close()
        self._collect()
        for connection in list(self._busy):
            connection.abort()
        for event in self._wake.values():
            event.set()
        idle = self._state.take_idle(lambda _: True)
        try:
            for connection in idle:
                _note_end(connection)
                await connection.aclose()
        finally:
            for connection in idle:
                connection.abort()

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
            self._withdraw(origin, waiter)
            raise PoolExhausted(
                f"all {self._limits.connections} connections are busy: {error.message}",
                phase="pool",
                origin=str(origin),
            ) from error
        except BaseException:
            self._withdraw(origin, waiter)
            raise
        finally:
            del self._wake[id(waiter)]
        if waiter.granted is None:
            self._withdraw(origin, waiter)
            self._check_open(origin)
        assert waiter.granted is not None  # noqa: S101 - only closing wakes without a grant
        return waiter.granted

    def _grant(self, waiter: Waiter[Connection] | None) -> None:
        if waiter is not None:
            if isinstance(waiter.granted, Connection):
                self._busy.add(waiter.granted)  # theirs before they wake
            self._wake[id(waiter)].set()

    def _withdraw(self, origin: Origin, waiter: Waiter[Connection]) -> None:
        if isinstance(waiter.granted, Connection):
            self.release(waiter.granted, reusable=True)
        else:
            self._grant(self._state.withdraw(origin, waiter))

    def _close_expired(self) -> None:
        now = time.monotonic()
        for connection in self._state.take_idle(lambda idle: idle.expires <= now):
            _abort(connection)

    def _collect(self) -> None:
        while self._abandoned:
            self.release(self._abandoned.popleft(), reusable=False)

    async def _open(self, origin: Origin, deadlines: Deadlines) -> Connection:
        """Connect on the place that was granted; a failure gives it back."""
        try:
            proxy = self._proxies.find(origin)
            with self.closing.breaking_off(str(origin)):
                stream = await self._dialer.dial(origin, deadlines, proxy)
            forwarder = proxy if origin.scheme == "http" else None
            connection = Connection(stream, origin, self._limits, forwarder)
            if self.closing.closed:
                connection.abort()
                self._check_open(origin)
        except BaseException:
            self._grant(self._state.release(origin, None))
            raise
        self._busy.add(connection)
        _log.debug("connected to %s", origin)
        return connection

    def _check_open(self, origin: Origin) -> None:
        if self.closing.closed:
            raise self.closing.error(str(origin))


def _abort(connection: Connection) -> None:
    _note_end(connection)
    connection.abort()


def _note_end(connection: Connection) -> None:
    _log.debug("connection to %s closed, exchange %d", connection.origin, connection.exchanges)
