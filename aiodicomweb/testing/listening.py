"""What the servers of tests have in common: a port of their own, and counts of who came."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["Listening"]

_BACKLOG = 128


class Listening(ABC):
    """Listens on a free port of 127.0.0.1; an async context manager.

    Leaving it closes everything. Enter and leave it in one task, as ``async with`` in a test does,
    and fixtures of pytest-asyncio do not.

    Attributes:
        connections: Number of connections accepted so far.
        open_connections: Number of those that neither side has closed.
        most_open: The most that were open at one time.
    """

    def __init__(self) -> None:
        self._changed = anyio.Event()
        self._failure: Exception | None = None
        self.connections: int = 0
        self.open_connections: int = 0
        self.most_open: int = 0

    async def __aenter__(self) -> Self:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._port: int = self._listener.getsockname()[1]
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._accept, self._listener)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the listener and all connections."""
        self._tasks.cancel_scope.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            self._listener.close()
        if self._failure is not None:
            error = exc_info[1]
            if not isinstance(error, BaseException):
                raise self._failure
            # It may be why there is an error at all, such as a lost connection.
            error.add_note(f"the {type(self).__name__} failed: {self._failure!r}")

    async def wait_for_connections(self, count: int) -> None:
        """Wait until so many connections were accepted: a client may be faster."""
        await self._wait(lambda: self.connections >= count)

    async def wait_until_idle(self) -> None:
        """Wait until no connection is open: until all clients have closed theirs."""
        await self._wait(lambda: self.open_connections == 0)

    @abstractmethod
    async def _serve(self, sock: socket.socket, number: int) -> None:
        """Serve a connection and close it; what it raises is raised when this is left.

        Args:
            sock: Non-blocking; to be closed.
            number: Of the connection, from 1.
        """

    async def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _accept(self, listener: socket.socket) -> None:
        while listener.fileno() >= 0:
            try:
                await anyio.wait_readable(listener)
                sock, _ = listener.accept()
            except (BlockingIOError, ConnectionError):
                continue  # the client was faster to leave
            except (anyio.ClosedResourceError, OSError):
                return  # nobody listens any longer
            sock.setblocking(False)
            self.connections += 1
            self.open_connections += 1
            self.most_open = max(self.most_open, self.open_connections)
            self._tell()
            self._tasks.start_soon(self._serve_counted, sock, self.connections)

    async def _serve_counted(self, sock: socket.socket, number: int) -> None:
        try:
            await self._serve(sock, number)
        except Exception as error:  # noqa: BLE001 - raised on leaving
            self._failure = self._failure or error
        finally:
            self.open_connections -= 1
            self._tell()
