"""Deflated data sets, read like files and not held (PS3.5 §A.5, RFC 1951).

A few octets may inflate to a thousand times as many. So no more of them is there than a block, and
places are remembered where inflating can go on: who reads forwards inflates once, who goes back
inflates little again.
"""

from __future__ import annotations

import io
import zlib
from bisect import bisect_right
from typing import Any, BinaryIO, Final

from ..errors import Part10Error

__all__ = ["MAX_INFLATED", "Inflation"]

MAX_INFLATED: Final = 256 << 20
"""Octets that a deflated data set may become. Its pixels are native, and it is meant for what has
few or none (PS3.5 §A.5)."""

_DEFLATED_BLOCK: Final = 1 << 14
_INFLATED_BLOCK: Final = 1 << 17
_GAP: Final = 1 << 22
"""Octets between places that are remembered, of some 50 KiB each."""


class Inflation:
    """A deflated data set, as far as it was read. Not for several threads at once.

    Args:
        file: The file, all of which is read. It is not kept.
        start: Where the deflated octets begin.

    Attributes:
        length: Octets, once they are inflated.

    Raises:
        Part10Error: They are not deflated, or too many.
        OSError: The file cannot be read.
    """

    def __init__(self, file: BinaryIO, start: int) -> None:
        self._place = _Place(start)
        self._places = [self._place.copy()]
        self._block = b""
        while self._next_block(file):
            if self._place.offset > MAX_INFLATED:
                raise Part10Error(
                    f"the data set is deflated, and larger than {MAX_INFLATED >> 20} MiB once it"
                    " is inflated"
                )
            if self._place.offset - self._places[-1].offset >= _GAP:
                self._places.append(self._place.copy())
        self.length: int = self._place.offset

    def open(self, file: BinaryIO) -> BinaryIO:
        """The inflated octets as a file. Seekable.

        Args:
            file: The deflated one, which stays open meanwhile.
        """
        return io.BufferedReader(_InflatedFile(self, file))

    def read(self, file: BinaryIO, offset: int, most: int) -> bytes:
        """Some octets; none at the end only.

        Raises:
            Part10Error: The file was changed.
            OSError: It cannot be read.
        """
        start = self._place.offset - len(self._block)
        if offset >= self.length:
            return b""
        if not start <= offset < self._place.offset:
            self._go_to(file, offset)
            start = self._place.offset - len(self._block)
        return self._block[offset - start : offset - start + most]

    def _go_to(self, file: BinaryIO, offset: int) -> None:
        known = self._places[bisect_right(self._places, offset, key=lambda one: one.offset) - 1]
        if not known.offset <= self._place.offset <= offset:
            self._place = known.copy()
        while self._place.offset <= offset:
            if not self._next_block(file):
                raise Part10Error("the file ends early")

    def _next_block(self, file: BinaryIO) -> bool:
        try:
            self._block = self._place.inflate(file)
        except zlib.error:
            raise Part10Error("the data set is not deflated as the file says") from None
        return bool(self._block)


class _Place:
    """A place from which inflating may go on."""

    def __init__(self, source: int) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._source = source
        self.offset = 0

    def copy(self) -> _Place:
        copied = _Place(self._source)
        copied._inflater = self._inflater.copy()
        copied.offset = self.offset
        return copied

    def inflate(self, file: BinaryIO) -> bytes:
        """The next octets; none behind the last."""
        while not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail
            if not deflated:
                file.seek(self._source)
                deflated = file.read(_DEFLATED_BLOCK)
                self._source += len(deflated)
            inflated = self._inflater.decompress(deflated, _INFLATED_BLOCK)
            self.offset += len(inflated)
            if inflated or not deflated:
                return inflated
        return b""


class _InflatedFile(io.RawIOBase):
    """Inflated octets, read like those of a file."""

    def __init__(self, inflation: Inflation, file: BinaryIO) -> None:
        self._inflation = inflation
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        starts = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._inflation.length,
        }
        self._position = starts[whence] + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        octets = self._inflation.read(self._file, self._position, len(view))
        view[: len(octets)] = octets
        self._position += len(octets)
        return len(octets)
