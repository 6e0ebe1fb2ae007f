"""The files that a message is sent from, open when their turn comes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING

import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["OpenFile", "OpenFiles"]

_MOST_OPEN = 8
"""Files that are open at once: the way to a thread and back takes longer than to open one."""


class OpenFiles:
    """Files in the order in which they are sent, some opened ahead of their turn, in a thread.

    One that can't be opened ahead is tried again in its turn, and only then is it an error.
    """

    __slots__ = ("_coming", "_files")

    def __init__(self) -> None:
        self._coming: deque[str] = deque()
        self._files: deque[OpenFile] = deque()

    def expect(self, paths: Iterable[str]) -> None:
        """Say which files have their turn next.

        Args:
            paths: One after the other. The same may be there several times.
        """
        self._coming = deque(path for path, _ in groupby(paths))
        if self._files and self._coming and self._files[0].path == self._coming[0]:
            self._coming.popleft()

    async def turn_to(self, path: str) -> OpenFile:
        """The file, open. It stays so until it is another one's turn: frames are of one file.

        Args:
            path: Of the current file, or of the one that was to be expected behind it.

        Raises:
            OSError: It can't be opened.
        """
        while self._files and self._files[0].path != path:
            self._files.popleft().close()
        if not self._files:
            self._files.append(OpenFile(path))
            if self._coming:
                self._coming.popleft()
        if not self._files[0].is_open:
            await self._open()
        return self._files[0]

    async def _open(self) -> None:
        """Open the file whose turn it is, and some that follow."""
        while self._coming and len(self._files) < _MOST_OPEN:
            self._files.append(OpenFile(self._coming.popleft()))
        closed = [file for file in self._files if not file.is_open]
        await anyio.to_thread.run_sync(_open_all, closed, abandon_on_cancel=True)

    def close(self) -> None:
        """Close all that are open."""
        while self._files:
            self._files.popleft().close()


def _open_all(files: Sequence[OpenFile]) -> None:
    files[0].open()
    with contextlib.suppress(OSError):  # it is said in their turn
        for file in files[1:]:
            file.open()


class OpenFile:
    """A file that is opened in a thread, and closed here whatever becomes of that thread.

    A task that asyncio cancels does not wait for its thread, which may open the file later.

    Args:
        path: Its path.

    Attributes:
        path: See above.
        descriptor: Of the open file.
        modified: When it was last changed, in nanoseconds.
    """

    __slots__ = ("_closed", "_lock", "descriptor", "modified", "path")

    path: str
    descriptor: int
    modified: int

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._closed = False
        self.descriptor = -1
        self.modified = 0

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and not closed yet."""
        return self.descriptor >= 0

    def open(self) -> None:
        """Open for reading. Blocks."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        with self._lock:
            if self._closed:
                os.close(descriptor)
            else:
                self.descriptor = descriptor
                self.modified = os.fstat(descriptor).st_mtime_ns

    def close(self) -> None:
        """Close, or let :meth:`open` close."""
        with self._lock:
            self._closed = True
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1
