"""Bulk data that have arrived, until the data sets that refer to them are put together."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...http import MediaType

__all__ = ["Spool", "SpooledPart"]

_BLOCK: Final = 256 * 1024
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
        return len(self._gathered) >= _BLOCK

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
    """A part of bulk data: what :class:`~aiodicomweb.services.bulk_data.BulkDataReader` reads.

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
        """The octets, read anew. Blocks.

        Raises:
            OSError: They cannot be read.
        """
        return self.spool.read(self.offset, self.length)
