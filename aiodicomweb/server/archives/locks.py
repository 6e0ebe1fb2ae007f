"""Who may change an archive's folder at a moment, across threads and processes."""

from __future__ import annotations

import fcntl
import os
import zlib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["Locks"]

_LOCKS: Final = 16


class Locks:
    """Locks on the instances of a folder. Blocks.

    Each is a file locked with ``flock``, and stands for a part of all UIDs. The system frees it
    when a process dies, whatever that was at. Threads exclude each other as well, since each
    opens the file anew.

    Args:
        folder: Where the files of the locks are; must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def of(self, instance: str) -> Generator[None]:
        """Hold the lock of one instance; not to be entered while holding another."""
        # Not hash(): that is another number in each process.
        with self._held(zlib.crc32(instance.encode()) % _LOCKS):
            yield

    @contextmanager
    def all(self) -> Generator[None]:
        """Hold the locks of all instances."""
        with ExitStack() as stack:
            for number in range(_LOCKS):  # always in this order: nobody waits in a circle
                stack.enter_context(self._held(number))
            yield

    @contextmanager
    def _held(self, number: int) -> Generator[None]:
        path = self._folder / f"{number:02}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # which frees the lock
