"""Parts that have arrived, until the data sets that refer to them are put together."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...http import MediaType

__all__ = ["BLOCK", "Spool", "SpooledPart"]

BLOCK: Final = 1024 * 1024
"""Octets that are read at once, of what may be of any length."""
_WORTHWHILE: Final = 256 * 1024
"""Octets that are worth a thread's while."""


class Spool:
    """Octets in a file without a name, which vanishes with the process at the latest.

    :meth:`add` only gathers, all else blocks.
    """

    __slots__ = ("_file", "_gathered", "_written")

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._gathered = bytearray()
        self._written = 0

    @property
    def length(self) -> int:
        """Octets that were added."""
        return self._written + len(self._gathered)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write what was gathered."""
        return len(self._gathered) >= _WORTHWHILE

    def add(self, octets: bytes | bytearray | memoryview) -> None:
        """Take octets; they are copied."""
        self._gathered += octets

    def write(self) -> None:
        """Write what was gathered.

        Raises:
            OSError: There is no room.
        """
        if self._file is None:
            # Closed by close(), whose turn comes whatever happens.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._file.write(self._gathered)
        self._written += len(self._gathered)
        self._gathered = bytearray()

    def read(self, offset: int, length: int) -> bytes:
        """Octets that were written.

        Raises:
            OSError: They cannot be read.
        """
        if not length:
            return b""
        if self._file is None or offset + length > self._written:
            raise OSError("octets that were not written")
        self._file.seek(offset)
        return self._file.read(length)

    def close(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class SpooledPart:
    """A part that has arrived. What reads it blocks.

    Attributes:
        media_type: What the octets are.
        location: ``Content-Location``, if any.
        spool: Where they are.
        offset: The first of them there.
        length: How many they are.
    """

    media_type: MediaType
    location: str | None = field(repr=False)
    spool: Spool
    offset: int
    length: int

    @property
    def octets(self) -> bytes:
        """The octets, read anew.

        Raises:
            OSError: They cannot be read.
        """
        return self.read(0, self.length)

    def read(self, offset: int, length: int) -> bytes:
        """Octets of it, fewer at its end, none behind it.

        Raises:
            OSError: They cannot be read.
        """
        return self.spool.read(self.offset + offset, max(0, min(length, self.length - offset)))

    def within(self, offset: int, length: int | None) -> SpooledPart:
        """What is in it from an offset on, of a length, or up to its end."""
        left = max(0, self.length - offset)
        length = left if length is None else max(0, min(length, left))
        return replace(self, offset=self.offset + offset, length=length)

    def blocks(self, most: int = BLOCK) -> Iterator[bytes]:
        """The octets, at most so many at a time.

        Raises:
            OSError: While iterating: they cannot be read.
        """
        for offset in range(0, self.length, most):
            yield self.read(offset, most)
