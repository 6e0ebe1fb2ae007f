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

__all__ = ["Locks", "make_private", "open_lock"]

_LOCKS: Final = 16


class Locks:
    """Locks on the instances of a folder. Blocks.

    Each is a file locked with ``flock``, and stands for a part of all UIDs. The system frees it
    when a process dies, whatever that was at. Threads exclude each other as well, since each
    opens the file anew.

    Args:
        folder: Where the files of the locks are; made if need be, but not what it is in.
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
        descriptor = open_lock(self._folder / f"{number:02}.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)  # which frees the lock


def open_lock(path: Path) -> int:
    """Open the file of a lock, and make it if need be, with its folder. Blocks.

    Raises:
        OSError: It cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        make_private(path.parent)
        return os.open(path, flags, 0o644)


def make_private(folder: Path) -> None:
    """Make a folder of the archive's own, and the one that it is in, where they are not. Blocks.

    People tidy up, and remove folders that begin with a dot. What these are in is not made: it
    may be a disk that is not mounted.

    Raises:
        OSError: It cannot be made.
    """
    for made in (folder.parent, folder):
        made.mkdir(exist_ok=True)
