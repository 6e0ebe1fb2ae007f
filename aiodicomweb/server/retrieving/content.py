"""The octets of a holding: opened for reading, and in pieces that are sent without being read."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from ...dicom.layout import Span, read_layout, read_span
from ...http import Deferred, FileSpan

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...dicom.layout import Layout
    from ...http import Segment
    from ..archive import Holding

__all__ = ["Content", "Stored", "open_content", "piece_of"]

Content: TypeAlias = FileSpan | bytes | Deferred
"""What a holding's octets are, or where."""

_BLOCK: Final = 1 << 20
"""Octets that are inflated at once, to be sent."""


@contextmanager
def open_content(content: Content) -> Generator[BinaryIO]:
    """Open a holding's octets as a file of their own. Blocks.

    Raises:
        OSError: The file is not there any more, or cannot be read.
    """
    if isinstance(content, FileSpan):
        with Path(content.path).open("rb", buffering=0) as raw:
            is_whole = (0, raw.seek(0, io.SEEK_END)) == (content.offset, content.length)
            raw.seek(0)
            window = raw if is_whole else _Window(raw, content.offset, content.length)
            yield io.BufferedReader(window)
    else:
        yield io.BytesIO(content if isinstance(content, bytes) else content.produce())


def piece_of(content: Content, span: Span) -> Segment:
    """A piece of a holding's octets, not read."""
    offset, length = span
    if isinstance(content, FileSpan):
        return FileSpan(content.path, content.offset + offset, length)
    if isinstance(content, bytes):
        return memoryview(content)[offset : offset + length]
    produce = content.produce
    return Deferred(length, lambda: produce()[offset : offset + length])


class _Window(io.RawIOBase):
    """A piece of a file, as if it were one itself."""

    def __init__(self, raw: io.FileIO, offset: int, length: int) -> None:
        self._raw = raw
        self._offset = offset
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}
        self._position = starts[whence] + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        left = max(0, self._length - self._position)
        self._raw.seek(self._offset + self._position)
        read = self._raw.readinto(view[:left])
        self._position += read
        return read


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance of an archive, and where everything is in it.

    Attributes:
        holding: The instance.
        layout: Where its elements are.
        is_alone: Whether no others are answered with beside it. Else what is known of one that is
            deflated is not kept until its turn comes.
    """

    holding: Holding
    layout: Layout
    is_alone: bool = True

    @classmethod
    def read(cls, holding: Holding, *, is_alone: bool = True) -> Stored:
        """Look where everything is. Blocks.

        Raises:
            Part10Error: It is not DICOM.
            OSError: It cannot be read.
        """
        with open_content(holding.content) as file:
            return cls(holding, read_layout(file), is_alone)

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """The file that the layout is of. Blocks.

        Raises:
            OSError: It cannot be read.
        """
        with open_content(self.holding.content) as file:
            yield file

    def segments(self, span: Span) -> tuple[Segment, ...]:
        """A piece, not read: it is sent from the file, or inflated block by block in its turn."""
        if self.layout.inflation is None:
            return (piece_of(self.holding.content, span),)
        again = _Again(self.holding, self if self.is_alone else None)
        end = span.offset + span.length
        return tuple(
            Deferred(min(_BLOCK, end - start), partial(again.octets, start, end))
            for start in range(span.offset, end, _BLOCK)
        )

    def octets(self, *spans: Span) -> bytes:
        """Pieces, read and joined. Blocks.

        Raises:
            Part10Error: The file has become shorter.
            OSError: It cannot be read.
        """
        with self.open() as file:
            source = self.layout.source(file)
            return b"".join(read_span(source, span) for span in spans)


class _Again:
    """A deflated instance, looked at when a piece of it is sent, and forgotten behind that."""

    def __init__(self, holding: Holding, stored: Stored | None) -> None:
        self._holding = holding
        self._is_kept = stored is not None
        self._stored = stored

    def octets(self, start: int, end: int) -> bytes:
        """A block of the piece that has this end. Blocks."""
        stored = self._stored = self._stored or Stored.read(self._holding)
        block = Span(start, min(_BLOCK, end - start))
        if start + _BLOCK >= end and not self._is_kept:
            self._stored = None
        return stored.octets(block)
